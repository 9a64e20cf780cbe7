"""The figures of a soak, as tables and verdicts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any, Final

from harness.results import value
from harness.tables import table
from soak.watching import Watch, slope

# Minutes from a start on: the peer timeout, by which what was loaded is gone, and a clean cycle.
SETTLED: Final = 12
ENOUGH: Final = 120  # samples, one a second
GROWTH: Final = 1.0  # percent of the memory in half an hour that still counts as none
# Of the requests: at half of the peak a buffer may run over now and then; runs had fewer.
LOST: Final = 1 / 1000
# ms, median of the minutes: the goal is 5, runs had 12 and 17.
LONGEST_TURN: Final = 50.0
PERCENTILES: Final = ("p50", "p99", "p99.9", "max")


@dataclass(slots=True)
class Minute:
    """A minute of load: reports of the load generators (None in the minute of the SIGKILL for HTTP), of the server."""

    udp: dict[str, Any]
    http: dict[str, Any] | None
    recount: dict[str, Any]
    memory_kib: int
    descriptors: int
    buffer_errors: int

    def cells(self, number: int) -> list[str]:
        """Its row of the table."""
        found = self.recount["found"]
        cells = [f"{number}{'' if self.http else ' (SIGKILL)'}", f"{self.udp['answers_per_second']:,.0f}"]
        cells += [f"{milliseconds(self.udp, p):.2f}" for p in PERCENTILES]
        cells += [f"{value(self.udp, 'timeouts'):.0f}", str(self.buffer_errors)]
        if self.http:
            cells += [f"{milliseconds(self.http, 'p99.9'):.1f}", f"{self.udp['server_busy']:.0%}"]
            cells.append(f"{self.udp['load_busy'] + self.http['load_busy']:.0%}")
        else:
            cells += ["-"] * 3
        cells += [f"{self.memory_kib / 1024:.1f}", str(self.descriptors)]
        return [
            *cells,
            f"{found['torrents']:,}",
            f"{found['peers']:,}",
            "; ".join(differences(self.recount)) or "yes",
        ]


HEADS: Final = [
    "minute",
    "UDP answers a second",
    *(f"{p} ms" for p in PERCENTILES),
    "lost",
    "buffer errors",
    "HTTP p99.9 ms",
    "server busy",
    "loads busy",
    "MiB",
    "descriptors",
    "torrents",
    "peers",
    "counts agree",
]


def milliseconds(report: dict[str, Any], percentile: str) -> float:
    return value(report, f"latency_us/{percentile}") / 1000


def differences(recount: dict[str, Any]) -> list[str]:
    """The differences between the counts as kept and as found, in words."""
    found, kept = recount["found"], recount["kept"]
    texts = [f"{kept[name]} {name}, found {found[name]}" for name in kept if kept[name] != found[name]]
    there = recount["connections"]
    for how in ("connections_counted", "connections_by_address"):
        if recount[how] != there:
            texts.append(f"{recount[how]} {how}, {there} there")
    return [*texts, recount["fault"]] if recount["fault"] else texts


def lost(load: dict[str, Any]) -> int:
    """Requests of a load that got no answer at all."""
    closed: int = load["errors"].get("closed_without_answer", 0)  # HTTP
    unanswered: int = load["timeouts"] + load.get("abandoned", 0)  # UDP gives up
    return unanswered + closed


def wrong(load: dict[str, Any]) -> int:
    """Answers to a load that are not what was asked for."""
    answers: int = load["errors"]["malformed"] + load["errors"]["refusals"]
    return answers


@dataclass(slots=True)
class Seen:
    """Everything that was seen in a run."""

    peaks: tuple[float, float]  # answers a second, over UDP and HTTP
    rates: tuple[float, float]
    began: float = 0.0  # seconds of the monotonic clock
    minutes: list[Minute] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)  # one for each process
    restart: tuple[int, int] = (0, 0)  # torrents that were loaded, and are in the state file
    strangers: dict[str, int] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)  # the recount when nobody was left
    descriptors: tuple[int, int] = (0, 0)  # when idle: at the start, at the end
    reloads: tuple[int, int] = (0, 0)  # made, and of them without effect
    ended: tuple[int, int] = (0, 0)  # exit status, and torrents in the state file

    def settled(self) -> list[tuple[float, float]]:
        """Minutes and KiB of the last process, once what it began with has expired."""
        samples = self.watches[-1].samples
        points = [((at - self.began) / 60, float(kib)) for at, kib, _ in samples]
        return [point for point in points if point[0] >= points[0][0] + SETTLED]

    def memory(self) -> tuple[bool, str]:
        """Whether memory stays as it is."""
        points = self.settled()
        if len(points) < ENOUGH:
            return (
                False,
                f"memory: the run ends within {SETTLED + 2} minutes of the last start, its slope is not known",
            )
        a_minute = slope(points)
        mean = fmean(kib for _, kib in points)
        least, most = min(kib for _, kib in points), max(kib for _, kib in points)
        percent = a_minute * 30 / mean * 100
        text = f"memory: {a_minute:+.1f} KiB a minute from minute {points[0][0]:.0f} on, {percent:+.2f} % of"
        text += f" {mean / 1024:.1f} MiB in 30 minutes ({least / 1024:.1f} to {most / 1024:.1f} MiB)"
        return percent <= GROWTH, text

    def counts(self) -> tuple[bool, str]:
        """Whether every recount agrees."""
        recounts = [*(minute.recount for minute in self.minutes), self.last]
        differing = sum(bool(differences(recount)) for recount in recounts)
        text = f"counts: {len(recounts)} recounts of the whole store, of which {differing} differ"
        return not differing, text

    def usual(self) -> list[Minute]:
        """The minutes without the SIGKILL."""
        return [minute for minute in self.minutes if minute.http]

    def answers(self) -> tuple[bool, str]:
        """Whether each minute had answers of each kind, all of them right."""
        udp = [minute.udp for minute in self.minutes]
        http = [minute.http for minute in self.minutes if minute.http]
        answered = [value(load, kind) for load in udp for kind in ("connects", "announces", "scrapes")]
        answered += [value(load, "answers") for load in http]
        bad = sum(map(wrong, udp + http))
        text = f"answers: {sum(value(load, 'answers') for load in udp):,.0f} over UDP,"
        text += f" {sum(value(load, 'answers') for load in http):,.0f} over HTTP,"
        text += f" of which {bad} malformed or a refusal"
        nothing = sum(not count for count in answered)
        if nothing:
            text += f"; {nothing} minutes without one of a kind"
        return bool(udp and http) and not bad and not nothing, text

    def losses(self) -> tuple[bool, str]:
        """Whether few requests were lost; while the server is down for the restart all of them are."""
        loads = [load for minute in self.usual() for load in (minute.udp, minute.http) if load]
        gone = sum(map(lost, loads))
        sent = gone + sum(value(load, "answers") + wrong(load) for load in loads)
        return (
            gone <= sent * LOST,
            f"lost: {gone:,} of {sent:,.0f} requests, but for the minute of the SIGKILL",
        )

    def turns(self) -> tuple[bool, str]:
        """Whether nobody waits for long for a turn of the loop."""
        turns = [minute.recount["longest_turn"] * 1000 for minute in self.usual()]
        if not turns:
            return False, "longest turn: no minute without the SIGKILL"
        text = f"longest turn of a minute: median {median(turns):.1f} ms, worst {max(turns):.1f} ms"
        text += f" (goal: 5 ms, limit of the median: {LONGEST_TURN:.0f} ms)"
        return median(turns) <= LONGEST_TURN, text

    def pages(self) -> tuple[bool, str]:
        """Whether pages of each kind came, all of them right."""
        done = self.strangers
        scrapes, statistics = done.get("full_scrapes", 0), done.get("statistics", 0)
        bad = sum(count for name, count in done.items() if name.endswith("_wrong"))
        text = f"pages: {scrapes} full scrapes and {statistics} statistics right, {bad} wrong or cut"
        return scrapes > 0 and statistics > 0 and not bad, text

    def reached(self) -> tuple[bool, str]:
        """Whether strangers met the server, but for the time of its restart."""
        tries, unreachable = self.strangers.get("tries", 0), self.strangers.get("unreachable", 0)
        text = f"strangers: {tries:,} tries, of which {unreachable:,} met nobody outside of the restart"
        return tries > 0 and unreachable <= tries * LOST, text

    def verdicts(self) -> list[tuple[bool, str]]:
        """Whether each thing is as it has to be, and the figures of it."""
        idle, left = self.descriptors
        made, without_effect = self.reloads
        status, written = self.ended
        done, kept = self.strangers, self.last["found"]["torrents"]
        sent, drawn = done.get("spoofed_bytes_sent", 0), done.get("spoofed_bytes_answered", 0)
        loaded, there = self.restart
        return [
            self.memory(),
            (left <= idle, f"descriptors: {idle} at the start, {left} once nobody is left"),
            self.counts(),
            self.answers(),
            self.losses(),
            self.turns(),
            (made > 0 and not without_effect, f"reloads: {made}, of which {without_effect} without effect"),
            (0 < sent >= drawn, f"spoofed datagrams: {sent:,} bytes drew {drawn:,}"),
            self.pages(),
            self.reached(),
            (0 < loaded == there, f"restart: {loaded} torrents loaded, {there} in the state file"),
            (
                status == 0 and written == kept,
                f"end: status {status}, state of {written} torrents, {kept} there",
            ),
        ]

    def show(self) -> bool:
        """Print it all; whether every verdict is good."""
        print(table(HEADS, [minute.cells(n) for n, minute in enumerate(self.minutes, 1)]), end="\n\n")
        print("Peaks: {:,.0f} a second over UDP, {:,.0f} over HTTP;".format(*self.peaks), end=" ")
        print("load: {:,.0f} and {:,.0f}.".format(*self.rates))
        usual = self.usual()
        for name, loads in (("UDP", [m.udp for m in usual]), ("HTTP", [m.http for m in usual if m.http])):
            tails = [milliseconds(load, "p99.9") for load in loads]
            print(f"p99.9 of a minute over {name}: median {median(tails):.2f} ms, worst {max(tails):.2f} ms.")
        print(f"Strangers: {json.dumps(self.strangers, sort_keys=True)}")
        counters = self.last["counters"].items()
        limited = {name: n for name, n in counters if name.startswith(("refused", "evicted")) and n}
        print(f"Met limits since the restart: {json.dumps(limited, sort_keys=True)}", end="\n\n")
        verdicts = self.verdicts()
        for passed, text in verdicts:
            print(f"{'PASS' if passed else 'FALLS SHORT'} {text}")
        return all(passed for passed, _ in verdicts)
