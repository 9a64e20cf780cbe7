"""The same random requests to the C tracker and to ours: answers are equal, or differ by a decision that is named.

`python tests/e2e/differential.py --requests 100000` with a whitelist build installed, and Debian's `opentracker`, which
is a whitelist build for IPv4. The C tracker's answer is turned, one decision after the other, into the answer that ours
has to give; a difference that no decision explains raises. Decisions D1 to D12 are those of the design; U-.. and S-..
are cases in which the C tracker was measured to do otherwise.

Intervals are random in both trackers, and looked at only for their range; which peers are drawn from many is looked at
only for their number and that they are peers of the torrent. Not sent, since they leave the C tracker with peers that
nobody announced: ports over 65535 or under 0, and `left` that is no number (H-14, H-15, H-18). Not compared: heads of
HTTP answers but for the status, ids of connections (D3); D12 is of command lines. D6 shows nowhere: this version of the
C tracker always sends `peers`.
"""

import argparse
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

if __name__ == "__main__":  # behind everything else, so that it is the installed package that is tested
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from opentracker._features import WANT_RESTRICT_STATS
from opentracker.protocol.bencode import MIN_INTERVAL, decode
from tests.server.process import Tracker, list_loopback

C_TRACKER: Final = Path("/usr/bin/opentracker")
HOST: Final = "127.0.0.1"
PATIENCE: Final = 10.0  # seconds; for a run that fails, no other
MAGIC: Final = struct.pack(">Q", 0x41727101980)
LISTED: Final = [letter * 20 for letter in (b"A", b"B", b"C", b"D", b"E")]
HAUNTED: Final = LISTED[-1]  # the only torrent in which peers have ports that cannot be connected to
REFUSED: Final = [b"y" * 20, b"z" * 20]
SOURCES: Final = [f"127.0.0.{number}" for number in range(2, 10)]
PORTS: Final = [6881, 6882, 6883, 65535]
UNAUTHORIZED: Final = b"Requested download is not authorized for use with this tracker."
MOST_UDP: Final = 200
ENTRY: Final = re.compile(
    rb"20:(.{20})d8:completei(\d+)e10:downloadedi(\d+)e10:incompletei(\d+)ee", re.DOTALL
)
EVENTS: Final = ["none", "completed", "started", "stopped"]


@dataclass
class Peer:
    """A peer that both trackers know, or only the C tracker (one with a port that cannot be connected to)."""

    seeding: bool
    completed: bool = False


@dataclass
class Torrent:
    """`peers` are known to both; `ghosts` to the C tracker alone, as are their `completed`."""

    peers: dict[bytes, Peer] = field(default_factory=dict)
    ghosts: dict[bytes, Peer] = field(default_factory=dict)
    ghost_downloads: int = 0


@dataclass(frozen=True)
class Ask:
    """An announce: over UDP, or over HTTP."""

    udp: bool
    source: str
    info_hash: bytes
    port: int
    left: int
    event: str
    numwant: int | None

    @property
    def peer(self) -> bytes:
        """Address and port."""
        return socket.inet_aton(self.source) + struct.pack(">H", self.port)


@dataclass
class Said:
    """An answer to an announce; `reason` is that of a failure, `kind` tells answers that are none of these."""

    kind: str = "announce"
    reason: bytes = b""
    has_interval: bool = True
    min_interval_is_ours: bool = True
    complete: int = 0
    downloaded: int | None = None
    incomplete: int = 0
    peers: list[bytes] = field(default_factory=list)


class UnexplainedError(AssertionError):
    """A difference that no decision explains."""


class Reference:
    """The C tracker, in a process of its own."""

    def __init__(self, folder: Path, whitelist: Path) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        unprivileged: dict[str, Any] = {}
        if os.geteuid() == 0:  # else it would change its root directory
            unprivileged = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        command = [str(C_TRACKER), "-i", HOST, "-p", str(port), "-P", str(port), "-w", str(whitelist)]
        self.process = subprocess.Popen(
            [*command, "-d", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **unprivileged,
        )
        self.udp = self.tcp = (HOST, port)

    def __enter__(self) -> "Reference":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()


class Side:
    """Whom to ask: one of the two trackers, from any source."""

    def __init__(self, udp: tuple[str, int], tcp: tuple[str, int]) -> None:
        self.udp = udp
        self.tcp = tcp
        self.sockets: dict[str, socket.socket] = {}
        self.ids: dict[str, bytes] = {}
        self.transactions = 0

    def socket_of(self, source: str) -> socket.socket:
        """A source's UDP socket."""
        if source not in self.sockets:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((source, 0))
            sock.connect(self.udp)
            sock.settimeout(PATIENCE)
            self.sockets[source] = sock
        return self.sockets[source]

    def ask_udp(self, source: str, packet: bytes) -> bytes:
        """The answer to a datagram; empty for silence, which the answer to a connect sent after it tells."""
        self.transactions += 1
        last = b"\xc0" + self.transactions.to_bytes(3, "big")
        sock = self.socket_of(source)
        sock.send(packet)
        sock.send(MAGIC + bytes(4) + last)
        answer = b""
        while True:
            got = sock.recv(65536)
            if got[4:8] == last:
                return answer
            assert not answer, "two answers to one datagram"
            answer = got

    def connection_id(self, source: str, *, anew: bool = False) -> bytes:
        """A connection id."""
        if anew or source not in self.ids:
            answer = self.ask_udp(source, MAGIC + bytes(4) + b"\x01\x02\x03\x04")
            assert len(answer) == 16
            assert answer[:8] == bytes(4) + b"\x01\x02\x03\x04"
            self.ids[source] = answer[8:]
        return self.ids[source]

    def ask_http(self, source: str, request: bytes) -> tuple[int, bytes]:
        """Status and body."""
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((source, 0))
            sock.settimeout(PATIENCE)
            sock.connect(self.tcp)
            sock.sendall(request)
            whole = b""
            while data := sock.recv(65536):
                whole += data
        head, _, body = whole.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def close(self) -> None:
        """Close the sockets."""
        for sock in self.sockets.values():
            sock.close()


class SideOfWorkers(Side):
    """A tracker of several workers: its answers to two datagrams may come in another order than they were sent."""

    def ask_udp(self, source: str, packet: bytes) -> bytes:
        """See Side. Statistics are answered when every worker has read what came before them.

        A scrape is read by one worker, then by the owners of its torrents, and their answers by the first one.
        """
        answer = super().ask_udp(source, packet)
        if not answer:
            for _ in range(3):
                self.ask_http(source, b"GET /stats?mode=conn HTTP/1.0\r\n\r\n")
            sock = self.socket_of(source)
            sock.setblocking(False)
            try:
                answer = sock.recv(65536)
            except BlockingIOError:
                pass
            sock.settimeout(PATIENCE)
        return answer


def announce_packet(connection_id: bytes, ask: Ask) -> bytes:
    """BEP 15."""
    head = (
        connection_id + struct.pack(">I", 1) + b"\x11\x22\x33\x44" + ask.info_hash + b"-XX0001-abcdefghijkl"
    )
    numwant = 0xFFFFFFFF if ask.numwant is None else ask.numwant
    sizes = struct.pack(">QQQ", 0, ask.left, 0)
    return head + sizes + struct.pack(">IIIIH", EVENTS.index(ask.event), 0x01020304, 7, numwant, ask.port)


def announce_request(ask: Ask) -> bytes:
    """BEP 3."""
    query = b"info_hash=" + b"".join(b"%%%02x" % byte for byte in ask.info_hash)
    query += b"&peer_id=-XX0001-abcdefghijkl&port=%d&left=%d&compact=1" % (ask.port, ask.left)
    if ask.event != "none":
        query += b"&event=" + ask.event.encode()
    if ask.numwant is not None:
        query += b"&numwant=%d" % ask.numwant
    return b"GET /announce?" + query + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def cut(peers: bytes) -> list[bytes]:
    """The peers of a compact list."""
    assert len(peers) % 6 == 0
    return [peers[at : at + 6] for at in range(0, len(peers), 6)]


def read_udp(packet: bytes) -> Said:
    """The content of an answer over UDP."""
    if not packet:
        return Said("silence")
    assert packet[4:8] == b"\x11\x22\x33\x44"
    action = int.from_bytes(packet[:4], "big")
    if action == 3:
        return Said("failure", packet[8:])
    if action == 1 and len(packet) == 8:
        return Said("empty")
    assert action == 1
    interval, incomplete, complete = struct.unpack(">III", packet[8:20])
    assert 300 <= interval <= 86400
    return Said(complete=complete, incomplete=incomplete, peers=cut(packet[20:]))


def read_http(status: int, body: bytes) -> Said:
    """The content of an HTTP answer to an announce."""
    if status != 200:
        return Said(f"status {status}")
    try:
        value = decode(body)
    except ValueError as error:
        raise UnexplainedError(f"{error}: {body!r}") from error
    assert isinstance(value, dict)
    answer: dict[bytes, Any] = dict(value)
    if b"failure reason" in answer:
        return Said("failure", answer[b"failure reason"], b"interval" in answer)
    assert 300 <= answer[b"interval"] <= 86400
    return Said(
        min_interval_is_ours=answer[b"min interval"] == min(MIN_INTERVAL, answer[b"interval"]),
        complete=answer[b"complete"],
        downloaded=answer.get(b"downloaded"),
        incomplete=answer[b"incomplete"],
        peers=cut(answer[b"peers"]),
    )


class Comparison:
    """Asks both, and compares."""

    def __init__(self, theirs: Side, ours: Side, seed: int) -> None:
        self.theirs = theirs
        self.ours = ours
        self.dice = random.Random(seed)
        self.torrents = {info_hash: Torrent() for info_hash in LISTED}
        self.compared: Counter[str] = Counter()  # answers, by what was asked
        self.equal = 0
        self.differences: Counter[str] = Counter()  # answers in which a decision shows
        self.named: set[str] = set()  # in this answer

    def run(self, requests: int) -> None:
        """Send a number of requests to both."""
        kinds = [self.announce, self.scrape_udp, self.scrape_http, self.odd_datagram, self.odd_request]
        for _ in range(requests):
            kind = self.dice.choices(kinds, [70, 10, 10, 6, 4])[0]
            self.named = set()
            kind()
            self.differences.update(self.named)
            self.equal += not self.named

    def fail(self, what: object, theirs: object, ours: object) -> None:
        """Tell of a difference that is nobody's decision."""
        raise UnexplainedError(
            f"{what}\nby C, decisions applied ({sorted(self.named)}): {theirs}\nours: {ours}"
        )

    # ---- Announces ----

    def announce(self) -> None:
        """One announce."""
        dice = self.dice
        info_hash = dice.choice(LISTED if dice.random() < 0.9 else REFUSED)
        may_be_ghost = info_hash == HAUNTED and dice.random() < 0.2
        ask = Ask(
            udp=dice.random() < 0.5,
            source=dice.choice(SOURCES),
            info_hash=info_hash,
            port=dice.choice([0, 1] if may_be_ghost else PORTS),
            left=dice.choice([0, 1, 16384, 5]),
            event=dice.choice(EVENTS),
            numwant=dice.choice([None, None, 0, 1, 3, 50, 200, 1000]),
        )
        theirs, ours = self.both(ask)
        self.compared["UDP announces" if ask.udp else "HTTP announces"] += 1
        if ask.info_hash in REFUSED:
            self.refused(ask, theirs)
        else:
            self.carry_out(ask)
            self.apply(ask, theirs, ours)
        theirs.peers.sort()
        ours.peers.sort()
        if theirs != ours:
            self.fail(ask, theirs, ours)

    def both(self, ask: Ask) -> tuple[Said, Said]:
        """The answers of both trackers."""
        if ask.udp:
            theirs, ours = (
                read_udp(side.ask_udp(ask.source, announce_packet(side.connection_id(ask.source), ask)))
                for side in (self.theirs, self.ours)
            )
        else:
            theirs, ours = (
                read_http(*side.ask_http(ask.source, announce_request(ask)))
                for side in (self.theirs, self.ours)
            )
        return theirs, ours

    def refused(self, ask: Ask, theirs: Said) -> None:
        """Turn C's answer for a torrent that is not listed into ours."""
        if ask.event == "stopped" and theirs.kind == "announce":
            self.named.add("D9")  # C lets it through
        elif ask.udp and theirs.kind == "empty":
            self.named.add("U-46")  # C sends an announce without a body
        elif theirs.kind == "failure" and not theirs.has_interval:
            self.named.add("D8")
        else:
            return
        theirs.__init__("failure", UNAUTHORIZED)  # type: ignore[misc]

    def carry_out(self, ask: Ask) -> None:
        """Let the model know."""
        torrent = self.torrents[ask.info_hash]
        is_ghost = ask.port <= 1
        peers = torrent.ghosts if is_ghost else torrent.peers
        if ask.event == "stopped":
            peers.pop(ask.peer, None)
            return
        peer = peers.setdefault(ask.peer, Peer(False))
        peer.seeding = ask.left == 0
        if ask.event == "completed" and peer.seeding and not peer.completed:
            peer.completed = True
            torrent.ghost_downloads += is_ghost

    def apply(self, ask: Ask, theirs: Said, ours: Said) -> None:
        """Turn C's answer into ours, as far as decisions allow; peers that are drawn by chance are only counted."""
        torrent = self.torrents[ask.info_hash]
        if theirs.kind != "announce":
            return
        if not theirs.min_interval_is_ours:
            self.named.add("D11")
            theirs.min_interval_is_ours = True
        total = theirs.complete + theirs.incomplete
        self.without_ghosts(torrent, theirs)
        if ask.event == "stopped":
            return
        known = set(torrent.peers) | set(torrent.ghosts)
        if not set(theirs.peers) <= known or len(set(theirs.peers)) != len(theirs.peers):
            self.fail(ask, theirs, "C hands out peers that nobody announced")
        wanted = 50 if ask.numwant is None else min(ask.numwant, MOST_UDP)
        if len(theirs.peers) not in (min(wanted, total), total if ask.udp else min(wanted, total)):
            self.fail(ask, theirs, f"C hands out {len(theirs.peers)} peers of {total}")
        others = set(torrent.peers) - {ask.peer}
        if len(ours.peers) != min(wanted, len(others)) or not set(ours.peers) <= others:
            self.fail(ask, theirs, ours)
        if ask.peer in theirs.peers and ask.port > 1:
            self.named.add("D1")
        if set(theirs.peers) & set(torrent.ghosts):
            self.named.add("D4")
        if ask.udp and len(set(theirs.peers) & others) > wanted:
            self.named.add("D5")
        theirs.peers = list(ours.peers)  # as was checked

    def without_ghosts(self, torrent: Torrent, theirs: Said) -> None:
        """Take from C's counts the peers that ours does not store."""
        if not torrent.ghosts and not (torrent.ghost_downloads and theirs.downloaded is not None):
            return
        self.named.add("D4")
        seeders = sum(peer.seeding for peer in torrent.ghosts.values())
        theirs.complete -= seeders
        theirs.incomplete -= len(torrent.ghosts) - seeders
        if theirs.downloaded is not None:
            theirs.downloaded -= torrent.ghost_downloads

    # ---- Scrapes ----

    def counts_without_ghosts(self, info_hash: bytes, counts: tuple[int, int, int]) -> tuple[int, int, int]:
        """C's (complete, downloaded, incomplete) as ours are."""
        torrent = self.torrents.get(info_hash)
        if torrent is None:
            return counts
        said = Said(complete=counts[0], downloaded=counts[1], incomplete=counts[2])
        self.without_ghosts(torrent, said)
        assert said.downloaded is not None
        return said.complete, said.downloaded, said.incomplete

    def scrape_udp(self) -> None:
        """A scrape over UDP, now and then with a partial hash or more hashes than are answered."""
        dice = self.dice
        source = dice.choice(SOURCES)
        size = dice.choice([0, 1, 1, 2, 5, 74, 75, 80])
        hashes = [dice.choice(LISTED + REFUSED) for _ in range(size)]
        partial = dice.choice([b"", b"", b"", b"x", b"x" * 19])
        theirs, ours = (
            side.ask_udp(source, side.connection_id(source) + b"\0\0\0\x02abcd" + b"".join(hashes) + partial)
            for side in (self.theirs, self.ours)
        )
        self.compared["UDP scrapes"] += 1
        whole = 8 + 12 * min(size, 74)
        if len(theirs) > whole and (partial or size > 74):
            self.named.add("U-42" if size > 74 else "U-44")
            theirs = theirs[:whole]
        expected = bytearray(theirs)
        for at, info_hash in enumerate(hashes[:74]):
            seeders, completed, leechers = struct.unpack_from(">III", theirs, 8 + 12 * at)
            counts = self.counts_without_ghosts(info_hash, (seeders, completed, leechers))
            struct.pack_into(">III", expected, 8 + 12 * at, *counts)
        if bytes(expected) != ours:
            self.fail(("UDP scrape", hashes, partial), bytes(expected).hex(), ours.hex())

    def scrape_http(self) -> None:
        """A scrape over HTTP; a torrent twice makes C's answer no dictionary."""
        dice = self.dice
        source = dice.choice(SOURCES)
        hashes = [dice.choice(LISTED + REFUSED) for _ in range(dice.choice([1, 1, 2, 4]))]
        query = b"&".join(b"info_hash=" + info_hash for info_hash in hashes)
        request = b"GET /scrape?" + query + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        (their_status, theirs), (our_status, ours) = (
            side.ask_http(source, request) for side in (self.theirs, self.ours)
        )
        self.compared["HTTP scrapes"] += 1
        assert their_status == our_status == 200
        found = self.entries(theirs)
        expected: dict[bytes, tuple[int, int, int]] = {}
        for info_hash, counts in found:
            expected[info_hash] = self.counts_without_ghosts(info_hash, counts)
        if len(found) != len(expected):
            self.named.add("S-04")
        if [info_hash for info_hash, _ in found] != sorted(expected) and len(found) == len(expected):
            self.named.add("S-03")
        for info_hash in hashes:
            if info_hash not in expected:
                self.named.add("D7")
                expected[info_hash] = (0, 0, 0)
        value: Any = decode(ours)
        got = {
            info_hash: (entry[b"complete"], entry[b"downloaded"], entry[b"incomplete"])
            for info_hash, entry in value[b"files"].items()
        }
        if got != expected:
            self.fail(("HTTP scrape", hashes), expected, got)

    def entries(self, body: bytes) -> list[tuple[bytes, tuple[int, int, int]]]:
        """The entries of C's answer in its order, which need not be sorted, nor each there once."""
        found = [
            (match[1], (int(match[2]), int(match[3]), int(match[4]))) for match in ENTRY.finditer(body[9:-2])
        ]
        assert ENTRY.sub(b"<>", body) == b"d5:filesd" + b"<>" * len(found) + b"ee"
        return found

    # ---- What is wrong ----

    def odd_datagram(self) -> None:
        """A datagram that is short, of no known action, or with a connection id that was never made."""
        dice = self.dice
        source = dice.choice(SOURCES)
        info_hash = dice.choice(LISTED)
        ask = Ask(True, source, info_hash, 6881, 1, "none", None)
        bad_id = dice.randbytes(8)
        packet = dice.choice(
            [
                announce_packet(bad_id, ask),
                announce_packet(bad_id, ask)[: dice.randrange(98)],
                bad_id + b"\0\0\0\x02abcd" + b"".join(dice.choices(LISTED, k=dice.randrange(4))),
                bad_id
                + struct.pack(">I", dice.choice([3, 4, 1 << 24, 0xFFFFFFFF]))
                + bytes(dice.randrange(99)),
                MAGIC[:7] + b"\x81" + bytes(8),
                (MAGIC + bytes(4) + b"abcd")[: dice.randrange(16)],
            ]
        )
        theirs, ours = (side.ask_udp(source, packet) for side in (self.theirs, self.ours))
        self.compared["odd datagrams"] += 1
        if theirs and not ours and theirs[8:] == b"Connection ID missmatch.\0" and len(packet) < 98:
            is_short_announce = packet[8:12] == b"\0\0\0\x01"
            if len(packet) < 36 or is_short_announce:
                self.named.add("D2")
                theirs = b""
        if theirs != ours:
            self.fail(("datagram", packet.hex()), theirs, ours)

    def odd_request(self) -> None:
        """A request that C turns down with a status, or ours does."""
        target, named, their_statuses, our_status, reason = self.dice.choice(ODD_REQUESTS)
        source = self.dice.choice(SOURCES)
        (their_status, theirs), (our_real_status, ours) = (
            side.ask_http(source, target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            for side in (self.theirs, self.ours)
        )
        self.compared["odd requests"] += 1
        is_said = our_status != 200 or reason in ours
        if their_status not in their_statuses or our_real_status != our_status or not is_said:
            self.fail(target, (their_status, theirs), (our_real_status, ours))
        if named:
            self.named.add(named)


# Request line, the decision, C's status, ours, and what ours says.
HASH: Final = b"info_hash=" + LISTED[0]
GOOD: Final = b"GET /announce?" + HASH + b"&port=4&event=stopped"  # of nobody
ODD_REQUESTS: Final = [
    (b"GET /favicon.ico", "", (404,), 404, b""),
    (b"GET /", "", (404,), 404, b""),
    (b"POST /announce", "D8", (400,), 405, b""),
    (b"get /announce", "D8", (400,), 405, b""),
    (b"GET /announce?", "D8", (200, 400), 200, b"forgot to send"),
    (b"GET /announce?port=7", "D8", (200,), 200, b"forgot to send"),
    (b"GET /announce?info_hash=AAA&port=6881", "D8", (400,), 200, b"invalid info_hash"),
    (b"GET /announce?" + HASH + b"&" + HASH, "D8", (400,), 200, b"more than one info_hash"),
    (b"GET /announce?" + HASH + b"&port=abc", "D8", (400,), 200, b"invalid port"),
    (b"GET /scrape?info_hash=AAA", "D8", (400,), 200, b"invalid info_hash"),
    (GOOD + b"&compact=0", "D10", (400,), 200, b"5:peers0:"),
    (GOOD + b"&numwant=abc", "D5", (400,), 200, b"5:peers0:"),
]


def compare(requests: int, seed: int, workers: int = 1) -> Comparison:
    """Start both, ours with this number of workers, and ask."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # as root, neither tracker stays root
        whitelist = folder / "whitelist"
        whitelist.write_text("".join(f"{info_hash.hex()}\n" for info_hash in LISTED))
        config = folder / "workers.conf"
        config.write_text(
            f"listen.workers {workers}\n" * (workers > 1) + f"access.stats {HOST}/8\n" * WANT_RESTRICT_STATS
        )
        arguments = ["-f", str(config), "-i", HOST, "-p", "0", "-P", "0", *list_loopback(folder)]
        arguments += ["-w", str(whitelist)]
        tracker = stack.enter_context(Tracker(*arguments, sockets=2))
        reference = stack.enter_context(Reference(folder, whitelist))
        theirs = stack.enter_context(closing(Side(reference.udp, reference.tcp)))
        side = Side if workers == 1 else SideOfWorkers
        ours = stack.enter_context(closing(side(tracker.endpoint("UDP"), tracker.endpoint("TCP"))))
        wait_for(theirs)
        comparison = Comparison(theirs, ours, seed)
        comparison.run(requests)
    return comparison


def wait_for(side: Side) -> None:
    """Wait until the C tracker, which does not tell, listens and has read its list."""
    end = time.monotonic() + PATIENCE
    gone = Ask(False, SOURCES[0], LISTED[0], 2, 1, "none", 0)
    stopped = Ask(False, SOURCES[0], LISTED[0], 2, 1, "stopped", 0)
    while True:
        try:
            said = read_http(*side.ask_http(SOURCES[0], announce_request(gone)))
            if said.kind == "announce":
                side.ask_http(SOURCES[0], announce_request(stopped))
                return
        except ConnectionRefusedError:
            pass
        assert time.monotonic() < end, "the C tracker does not answer"
        time.sleep(0.02)


def main() -> None:
    """Compare, and print what there was."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--workers", type=int, default=1, metavar="N")
    chosen = parser.parse_args()
    began = time.monotonic()
    done = compare(chosen.requests, chosen.seed, chosen.workers)
    print(
        f"{done.compared.total()} answers compared in {time.monotonic() - began:.0f} s: {dict(done.compared)}"
    )
    print(f"equal: {done.equal}; answers in which a decision shows: {dict(sorted(done.differences.items()))}")


if __name__ == "__main__":
    main()
