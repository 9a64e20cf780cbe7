"""Live sync across an upgrade: the same member of the cluster, which misses no packet and tells no peer twice."""

import os
import signal
from pathlib import Path

import pytest

from opentracker._features import WANT_SYNC_LIVE
from opentracker.server.upgrade.taking import Taking
from tests.server.live import Live
from tests.server.process import Tracker
from tests.server.upgrade.handing import Handing, TurningReader, clock_of
from tests.server.upgrade.upgrades import Client, end, options, upgraded
from tests.server.workers.allowed import may_be_several
from tests.server.workers.several import INFO_HASHES, fetch, torrents, until
from tests.swarm.filled import open_tracker

many = pytest.mark.parametrize("workers", [1, 2] if may_be_several() else [1])
if WANT_SYNC_LIVE:
    from opentracker.protocol.livesync import tracker_id_of, write_record
    from opentracker.server.livesync import MEMBERS
    from tests.server.workers.test_sync import HEAD, PEER, SIZE, Member

pytestmark = pytest.mark.needs("WANT_SYNC_LIVE")


def test_the_counts_of_the_members_follow_the_torrents() -> None:
    live, taker = Live(), open_tracker()
    handing = Handing(live)

    def turn() -> None:
        live.iterate()
        if handing.told == ["near"]:
            handing.departure.finish()

    heard: list[bytes] = []
    taking = Taking(taker, clock_of(live), {MEMBERS: heard.append})
    taking.take_all(TurningReader(handing.end, 7, turn))
    assert len(heard) == 1
    handing.close()
    live.close()


@many
@pytest.mark.needs("WANT_STATS_PROMETHEUS")
def test_y17_packets_of_other_members_are_not_lost(tmp_path: Path, workers: int) -> None:
    """Of those before, in the middle and after; and their counts go on."""
    with Member(tmp_path) as member:
        given = options(tmp_path, workers)
        with Tracker(*given, "-f", str(member.config), sockets=2) as tracker:
            member.join(tracker)
            pid = tracker.process.pid
            for number, info_hash in enumerate(INFO_HASHES):
                if number in (10, 25):
                    os.kill(pid, signal.SIGUSR2)
                member.sock.send(HEAD + write_record(info_hash, PEER, 0x80, 0))
                if number in (20, 35):
                    pid = int(tracker.line_with("serves, after a pause").split()[2])
            until(lambda: torrents(tracker) == len(INFO_HASHES), "the peers")
            page = fetch(tracker, "/stats?mode=prometheus").decode()
            counts = [line for line in page.splitlines() if "member_packets" in line and line[0] != "#"]
            assert [line.split()[-1] for line in counts] == [str(len(INFO_HASHES))]
            end(tracker, pid)


@many
def test_y17_peers_are_told_once_by_one_member(tmp_path: Path, workers: int) -> None:
    with Member(tmp_path) as member:
        given = options(tmp_path, workers)
        with Tracker(*given, "-f", str(member.config), sockets=2) as tracker:
            member.join(tracker)
            pid = tracker.process.pid
            client = Client(tracker)
            for start in (0, 20):
                client.announce(INFO_HASHES[start : start + 20], 7000)
                pid = upgraded(tracker, pid)
            client.close()
            end(tracker, pid)
        packets = member.read_all()
        assert len({tracker_id_of(packet) for packet in packets}) == 1
        told = [packet[at : at + 20] for packet in packets for at in range(8, len(packet), SIZE - 8)]
        assert sorted(told) == sorted(INFO_HASHES)


@many
def test_a_failed_upgrade_leaves_the_member_where_it_is(tmp_path: Path, workers: int) -> None:
    with Member(tmp_path) as member:
        given = options(tmp_path, workers)
        with Tracker(*given, "-f", str(member.config), sockets=2) as tracker:
            member.join(tracker)
            options(tmp_path, workers + 1)
            tracker.signal(signal.SIGUSR2)
            member.sock.send(HEAD + write_record(INFO_HASHES[0], PEER, 0x80, 0))
            tracker.line_with("the upgrade has failed: it has ended with status 111")
            member.sock.send(HEAD + write_record(INFO_HASHES[1], PEER, 0x80, 0))
            until(lambda: torrents(tracker) == 2, "the peers")
