"""The rows on live sync: what it costs those who announce, and how much of it a tracker can take in."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.errors import BenchError
from harness.goals import print_verdicts
from harness.results import Results
from harness.servers import Contender, free_port, running
from harness.tables import table
from rows.speed import measured, print_speeds
from rows.udp import USUAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.servers import Running
    from harness.setting import Bench

SYNCED: Final = {**wheels.WHITELIST, "WANT_SYNC_LIVE": "1"}
ALL_TOLD: Final = {**SYNCED, "OT_CLIENT_SYNC_RENEW_BOUNDARY": "0"}

RECORDS: Final = 52  # a packet
PACKETS: Final = 2_000  # sent before they are waited for: they fit into a receive buffer
BURSTS: Final = 10
PATIENCE: Final = 60.0


def sync(bench: Bench) -> None:
    """The udp row with and without live sync, of fresh peers alone and of every renewal, sent to a member.

    Renewals come within seconds here, so that none is told unless all are: `all-told` is built with
    OT_CLIENT_SYNC_RENEW_BOUNDARY=0. On a tracker in use nearly every announce is told.
    """
    with member() as port:
        config = bench.config(
            "sync", f"livesync.cluster.listen 127.0.0.1:0\nlivesync.cluster.peer 127.0.0.1:{port}\n"
        )
        contenders = [
            bench.contender("compiled", wheels.WHITELIST),
            member_of(bench.contender("compiled", SYNCED), "synced", config),
            member_of(bench.contender("compiled", ALL_TOLD), "all-told", config),
        ]
        results = measured(bench, contenders, ("load", "mix", *bench.timing()), USUAL)
    print_speeds("sync", results, "peers_per_announce")


def sync_intake(bench: Bench) -> None:
    """Peers that a member takes in by live sync in a CPU second: newcomers, then the same as seeders, then again."""
    whitelist = bench.programs.whitelist(bench.scaled(USUAL.torrents))
    reports: dict[str, list[dict[str, Any]]] = {"compiled": [], "pure": []}
    for _ in range(min(bench.rounds, 3)):
        for name, found in reports.items():
            port = free_port("127.0.0.1")
            config = bench.config(
                "sync", f"livesync.cluster.listen 127.0.0.1:{port}\nlivesync.cluster.node_ip 127.0.0.1\n"
            )
            contender = member_of(bench.contender(name, SYNCED), name, config)
            with running(contender, bench.stage, whitelist) as server:
                found.append(taken_in(server, port, whitelist))
    results = Results(reports)
    heads = ["sync-intake", "newcomers a CPU second", "that become seeders", "that renew", "peers", "packets"]
    lines = []
    for name in reports:
        rates = [f"{results.median(name, kind):,.0f}" for kind in ("newcomers", "changes", "renewals")]
        lines.append([name, *rates, f"{RECORDS * PACKETS * BURSTS:,}", f"{PACKETS * BURSTS:,}"])
    print(table(heads, lines), end="\n\n")
    print_verdicts("sync-intake", list(reports), lambda name, _: results.median(name, "newcomers"))


def taken_in(server: Running, port: int, whitelist: Path) -> dict[str, Any]:
    """Send packets of new peers, and then the same peers as seeders twice; every peer has to arrive."""
    hashes = [bytes.fromhex(line) for line in whitelist.read_text().split()]
    report: dict[str, Any] = {}
    clock = (~server.process.pid << 3) | 2  # the CPU clock of a process, as clock_getcpuclockid(3) makes it
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        for kind, flags in (("newcomers", 0), ("changes", 0x80), ("renewals", 0x80)):
            used = 0.0
            for burst in range(BURSTS):
                packets = [packet_of(hashes, burst * PACKETS + number, flags) for number in range(PACKETS)]
                before = time.clock_gettime(clock)
                for packet in packets:
                    sender.sendto(packet, ("127.0.0.1", port))
                if kind == "renewals":
                    idle(clock)
                else:
                    wait_for(server, hashes, (burst + 1) * PACKETS * RECORDS, bool(flags))
                used += time.clock_gettime(clock) - before
            check(server, hashes, kind)
            report[kind] = BURSTS * PACKETS * RECORDS / used
    return report


def check(server: Running, hashes: list[bytes], kind: str) -> None:
    """Refuse a measurement in which a single peer was lost."""
    found = [0, 0, 0]
    with client_of(server) as (client, connection_id):
        for at in range(0, len(hashes), 70):
            client.send(connection_id + struct.pack(">II", 2, 2) + b"".join(hashes[at : at + 70]))
            for counts in struct.iter_unpack(">III", client.recv(4096)[8:]):
                found = [a + b for a, b in zip(found, counts, strict=True)]
    peers = BURSTS * PACKETS * RECORDS
    wanted = [0, 0, peers] if kind == "newcomers" else [peers, 0, 0]
    if found != wanted:
        raise BenchError(f"after {kind}: {found} seeders, downloads and leechers, {wanted} were sent")


@contextmanager
def client_of(server: Running) -> Iterator[tuple[socket.socket, bytes]]:
    """A UDP client, and its connection id."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect((server.host, server.port))
        client.send(struct.pack(">QII", 0x41727101980, 0, 1))
        yield client, client.recv(100)[8:16]


def packet_of(hashes: list[bytes], number: int, flags: int) -> bytes:
    """A packet of peers that no other packet has."""
    records = []
    for index in range(number * RECORDS, (number + 1) * RECORDS):
        address = struct.pack(">IHBB", 0x0A000000 + index, 6881, flags, 0)
        records.append(hashes[index % len(hashes)] + address)
    return b"othr" + bytes(4) + b"".join(records)


def wait_for(server: Running, hashes: list[bytes], peers: int, seeding: bool) -> None:
    """Wait until the server knows `peers` peers, or seeders, of the torrents (a peer of each tells of all)."""
    end = time.monotonic() + PATIENCE
    first = hashes[(peers - 1) % len(hashes)]  # of the last record
    wanted = (peers - 1) // len(hashes) + 1
    with client_of(server) as (client, connection_id):
        while True:
            client.send(connection_id + struct.pack(">II", 2, 2) + first)
            complete, _, incomplete = struct.unpack(">III", client.recv(100)[8:20])
            if (complete if seeding else complete + incomplete) == wanted:
                return
            if time.monotonic() > end:
                raise BenchError(
                    f"{peers} peers were sent; of the last torrent's {wanted} came {complete + incomplete}"
                )
            time.sleep(0.005)


def idle(clock: int) -> None:
    """Wait until a process has nothing more to do."""
    last, now = -1.0, time.clock_gettime(clock)
    while now - last > 0.0005:
        time.sleep(0.02)
        last, now = now, time.clock_gettime(clock)


def member_of(contender: Contender, name: str, config: Path) -> Contender:
    """A contender with a config file, under another name."""
    return replace(contender, name=name, command=(*contender.command, "-f", str(config)))


@contextmanager
def member() -> Iterator[int]:
    """Another member of the cluster: a port that packets can be sent to, and nobody reads."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        yield port
