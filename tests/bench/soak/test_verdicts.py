"""The verdicts on what a soak has seen; the soak itself takes half an hour and a network of its own."""

from typing import Any

import pytest

from soak.verdicts import Minute, Seen, differences
from soak.watching import Watch

RECOUNT: dict[str, Any] = {
    "kept": {"torrents": 3, "peers": 5, "bytes": 700},
    "found": {"torrents": 3, "peers": 5, "bytes": 700, "downloaded": 1},
    "fault": "",
    "connections": 2,
    "connections_counted": 2,
    "connections_by_address": 2,
    "longest_turn": 0.05,
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"kept": {"torrents": 3, "peers": 6, "bytes": 700}}, ["6 peers, found 5"]),
        (
            {"kept": {"torrents": 2, "peers": 5, "bytes": 701}},
            ["2 torrents, found 3", "701 bytes, found 700"],
        ),
        ({"fault": "torrent 41: in shard 7"}, ["torrent 41: in shard 7"]),
        ({"connections_counted": 3}, ["3 connections_counted, 2 there"]),
        ({"connections_by_address": 1}, ["1 connections_by_address, 2 there"]),
    ],
)
def test_a_recount_says_what_differs(changed: dict[str, Any], said: list[str]) -> None:
    assert differences({**RECOUNT, **changed}) == said


@pytest.mark.parametrize(
    ("grown", "minutes", "passes"),
    [(0.0, 20, True), (-9.0, 20, True), (0.2, 20, True), (1.0, 20, False), (0.0, 13, False)],
)
def test_memory_that_grows_or_was_not_seen_for_long_enough_falls_short(
    grown: float, minutes: int, passes: bool
) -> None:
    """`grown` is KiB a second, of 100 MiB."""
    watch = Watch(0)
    watch.samples = [(1000.0 + second, round(102400 + grown * second), 9) for second in range(minutes * 60)]
    seen = Seen((0.0, 0.0), (0.0, 0.0), 1000.0, watches=[watch])
    passed, text = seen.memory()
    assert passed is passes
    assert text.startswith("memory: ")


def test_memory_settles_anew_behind_a_restart() -> None:
    """Loaded torrents expire in the first minutes of a process, whenever it began."""
    watch = Watch(0)
    began = 1000.0 + 5 * 60
    watch.samples = [(began + second, 102400 + min(second, 12 * 60) * 9, 9) for second in range(25 * 60)]
    seen = Seen((0.0, 0.0), (0.0, 0.0), 1000.0, watches=[Watch(0), watch])
    passed, text = seen.memory()
    assert passed, text
    assert "from minute 17 on" in text


UDP: dict[str, Any] = {
    "answers": 4995,
    "connects": 995,
    "announces": 3000,
    "scrapes": 1000,
    "timeouts": 3,
    "abandoned": 2,
    "errors": {"malformed": 0, "refusals": 0},
}
HTTP: dict[str, Any] = {
    "answers": 4995,
    "timeouts": 3,
    "errors": {"malformed": 0, "refusals": 0, "closed_without_answer": 2},
}
DOWN: dict[str, Any] = {**UDP, "timeouts": 10**9}
STRANGERS: dict[str, int] = {
    "spoofed_bytes_sent": 10,
    "spoofed_bytes_answered": 10,
    "full_scrapes": 1,
    "full_scrapes_wrong_in_restart": 9,
    "statistics": 2,
    "tries": 1000,
    "unreachable": 1,
    "unreachable_in_restart": 10**6,
}


def good() -> Any:
    """A run in which all was just as it has to be, but for memory, which was not watched for long enough."""
    seen = Seen((0.0, 0.0), (0.0, 0.0), watches=[Watch(0)])
    kill = Minute(DOWN, None, {**RECOUNT, "longest_turn": 9.0}, 1024, 9, 0)
    seen.minutes = [Minute(UDP, HTTP, RECOUNT, 1024, 9, 0), kill]
    seen.last = RECOUNT
    seen.strangers = STRANGERS
    seen.descriptors, seen.reloads, seen.ended, seen.restart = (9, 9), (1, 0), (0, 3), (7, 7)
    return seen


def failed(load: dict[str, Any], error: str) -> dict[str, Any]:
    """A load with an error of a kind."""
    return {**load, "errors": {**load["errors"], error: 1}}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("descriptors", (9, 10), "descriptors: 9 at the start, 10 once nobody is left"),
        ("reloads", (0, 0), "reloads: 0, of which 0 without effect"),
        ("reloads", (5, 1), "reloads: 5, of which 1 without effect"),
        ("ended", (1, 3), "end: status 1, state of 3 torrents, 3 there"),
        ("ended", (0, 2), "end: status 0, state of 2 torrents, 3 there"),
        (
            "last",
            {**RECOUNT, "fault": "torrent 41"},
            "counts: 3 recounts of the whole store, of which 1 differ",
        ),
        ("restart", (0, 0), "restart: 0 torrents loaded, 0 in the state file"),
        ("restart", (0, 7), "restart: 0 torrents loaded, 7 in the state file"),
        ("restart", (6, 7), "restart: 6 torrents loaded, 7 in the state file"),
    ],
)
def test_what_is_not_as_it_has_to_be_falls_short(name: str, value: object, said: str) -> None:
    seen = good()
    assert [passed for passed, _ in seen.verdicts()] == [False, *[True] * 11]
    setattr(seen, name, value)
    assert [text for passed, text in seen.verdicts() if not passed][1:] == [said]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"spoofed_bytes_sent": 0, "spoofed_bytes_answered": 0},
            "spoofed datagrams: 0 bytes drew 0",
        ),
        ({"spoofed_bytes_answered": 11}, "spoofed datagrams: 10 bytes drew 11"),
        ({"full_scrapes": 0}, "pages: 0 full scrapes and 2 statistics right, 0 wrong or cut"),
        ({"statistics": 0}, "pages: 1 full scrapes and 0 statistics right, 0 wrong or cut"),
        ({"full_scrapes_wrong": 1}, "pages: 1 full scrapes and 2 statistics right, 1 wrong or cut"),
        ({"statistics_wrong": 2}, "pages: 1 full scrapes and 2 statistics right, 2 wrong or cut"),
        ({"tries": 0}, "strangers: 0 tries, of which 1 met nobody outside of the restart"),
        ({"unreachable": 2}, "strangers: 1,000 tries, of which 2 met nobody outside of the restart"),
        (
            {"unreachable": 10**6},
            "strangers: 1,000 tries, of which 1,000,000 met nobody outside of the restart",
        ),
    ],
)
def test_what_strangers_met_falls_short(changed: dict[str, int], said: str) -> None:
    seen = good()
    seen.strangers = {**STRANGERS, **changed}
    assert [text for passed, text in seen.verdicts() if not passed][1:] == [said]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"recount": {**RECOUNT, "connections_counted": 3}},
            "counts: 3 recounts of the whole store, of which 1 differ",
        ),
        (
            {"udp": failed(UDP, "malformed")},
            "answers: 9,990 over UDP, 4,995 over HTTP, of which 1 malformed or a refusal",
        ),
        (
            {"udp": failed(UDP, "refusals")},
            "answers: 9,990 over UDP, 4,995 over HTTP, of which 1 malformed or a refusal",
        ),
        (
            {"http": failed(HTTP, "malformed")},
            "answers: 9,990 over UDP, 4,995 over HTTP, of which 1 malformed or a refusal",
        ),
        (
            {"http": failed(HTTP, "refusals")},
            "answers: 9,990 over UDP, 4,995 over HTTP, of which 1 malformed or a refusal",
        ),
        (
            {"udp": {**UDP, "scrapes": 0}},
            "answers: 9,990 over UDP, 4,995 over HTTP, of which 0 malformed or a refusal"
            "; 1 minutes without one of a kind",
        ),
        ({"udp": {**UDP, "timeouts": 4}}, "lost: 11 of 10,001 requests, but for the minute of the SIGKILL"),
        ({"udp": {**UDP, "abandoned": 3}}, "lost: 11 of 10,001 requests, but for the minute of the SIGKILL"),
        ({"http": {**HTTP, "timeouts": 4}}, "lost: 11 of 10,001 requests, but for the minute of the SIGKILL"),
        (
            {"http": failed({**HTTP, "timeouts": 13}, "closed_without_answer")},
            "lost: 19 of 10,009 requests, but for the minute of the SIGKILL",
        ),
        (
            {"recount": {**RECOUNT, "longest_turn": 0.0501}},
            "longest turn of a minute: median 50.1 ms, worst 50.1 ms (goal: 5 ms, limit of the median: 50 ms)",
        ),
    ],
)
def test_a_minute_that_was_not_as_it_has_to_be_falls_short(changed: dict[str, Any], said: str) -> None:
    seen = good()
    for name, value in changed.items():
        setattr(seen.minutes[0], name, value)
    assert [text for passed, text in seen.verdicts() if not passed][1:] == [said]


def test_a_run_of_nothing_falls_short() -> None:
    """Without an answer, all requests lost, nothing loaded, and nobody met."""
    nothing = {**UDP, "answers": 0, "connects": 0, "announces": 0, "scrapes": 0, "timeouts": 10**9}
    seen = good()
    seen.minutes[0].udp, seen.minutes[0].http = nothing, {**HTTP, "answers": 0, "timeouts": 10**9}
    seen.minutes[1].udp = nothing
    seen.strangers, seen.restart = {"tries": 10**6, "unreachable": 10**6}, (0, 0)
    passed = {text.partition(":")[0] for passed, text in seen.verdicts() if passed}
    assert passed == {"descriptors", "counts", "longest turn of a minute", "reloads", "end"}


def test_the_minutes_of_a_turn_are_those_without_the_sigkill() -> None:
    seen = good()
    del seen.minutes[0]
    fallen = [text.partition(":")[0] for passed, text in seen.verdicts() if not passed]
    assert fallen == ["memory", "answers", "longest turn"]
