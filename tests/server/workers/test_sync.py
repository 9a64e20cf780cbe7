"""Live sync over several workers: one member of a cluster, whose workers each have their own torrents' peers."""

import signal
import socket
from pathlib import Path

import pytest

from opentracker._features import WANT_V6
from opentracker.protocol.livesync import PEERS4, PEERS6, tracker_id_of, write_head, write_record
from opentracker.server.workers.sync import HEARER
from tests.server.live import HOME, packed
from tests.server.process import PATIENCE, Tracker
from tests.server.workers.several import (
    INFO_HASHES,
    announce,
    needs_several,
    options,
    several,
    torrents,
    until,
    workers_of,
)

STRANGER = "fd00::1" if WANT_V6 else "192.0.2.7"
PEER = packed(STRANGER) + b"\x1a\xe1"
HEAD = write_head(0x0A0B0C0D, PEERS6 if WANT_V6 else PEERS4)
SIZE = 8 + 20 + (20 if WANT_V6 else 8)


class Member:
    """Another member of the tracker's cluster."""

    def __init__(self, folder: Path) -> None:
        self.sock = socket.socket(socket.AF_INET6 if WANT_V6 else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((HOME, 0))
        self.sock.settimeout(PATIENCE)
        host, port = self.sock.getsockname()[:2]
        self.config = folder / "cluster.conf"
        shown = f"[{host}]" if WANT_V6 else host
        self.config.write_text(f"livesync.cluster.peer {shown}:{port}\nlivesync.cluster.node_ip {host}\n")

    def join(self, tracker: Tracker) -> None:
        """Learn the tracker's port."""
        line = next(line for line in tracker.lines if "live sync on UDP" in line)
        assert sum("live sync on UDP" in each for each in tracker.lines) == 1
        where = line.split("live sync on UDP ")[1].split(" ")[0]
        self.sock.connect((HOME, int(where.rpartition(":")[2])))

    def read_all(self) -> list[bytes]:
        """The packets that have come."""
        found = []
        self.sock.setblocking(False)
        try:
            while True:
                found.append(self.sock.recv(4096))
        except BlockingIOError:
            return found

    def __enter__(self) -> "Member":
        return self

    def __exit__(self, *rest: object) -> None:
        self.sock.close()


def test_the_hearer_has_a_name() -> None:
    assert b" " not in HEARER


@needs_several
@several
def test_peers_go_to_the_owners_of_their_torrents(tmp_path: Path, workers: int) -> None:
    with Member(tmp_path) as member:
        given = options(tmp_path, workers, "-f", str(member.config))
        with Tracker(*given, sockets=2) as tracker:
            member.join(tracker)
            records = [write_record(each, PEER, 0x80, 0) for each in INFO_HASHES]
            member.sock.send(HEAD + b"".join(records[:25]))
            member.sock.send(HEAD + b"".join(records[25:]))
            until(lambda: torrents(tracker) == 40, "the peers")
            for info_hash in INFO_HASHES:
                assert b"8:completei2e" in announce(tracker, info_hash, 7000)


@needs_several
@several
def test_what_clients_announce_is_sent_by_one_member(tmp_path: Path, workers: int) -> None:
    with Member(tmp_path) as member:
        given = options(tmp_path, workers, "-f", str(member.config))
        with Tracker(*given, sockets=2) as tracker:
            member.join(tracker)
            for info_hash in INFO_HASHES:
                announce(tracker, info_hash, 7000)
            assert len(workers_of(tracker)) == (workers if workers > 1 else 0)
            tracker.signal(signal.SIGTERM)
            assert tracker.wait() == 0
        packets = member.read_all()
        assert len({tracker_id_of(packet) for packet in packets}) == 1
        told = [packet[at : at + 20] for packet in packets for at in range(8, len(packet), SIZE - 8)]
        assert sorted(told) == sorted(INFO_HASHES)


@needs_several
@several
def test_a_stranger_is_not_believed(tmp_path: Path, workers: int) -> None:
    with Member(tmp_path) as member:
        text = member.config.read_text().replace(f"node_ip {HOME}", f"node_ip {STRANGER}")
        member.config.write_text(text)
        with Tracker(*options(tmp_path, workers, "-f", str(member.config)), sockets=2) as tracker:
            member.join(tracker)
            member.sock.send(HEAD + write_record(INFO_HASHES[0], PEER, 0x80, 0))
            announce(tracker, INFO_HASHES[1], 7000)
            tracker.signal(signal.SIGTERM)
            assert tracker.wait() == 0
        totals = [line for line in tracker.lines if "packets dropped: 1 unblessed" in line]
        assert len(totals) == 1


pytestmark = pytest.mark.needs("WANT_SYNC_LIVE")
