"""Trackers as processes that are upgraded: one process, and with it what holds for any number of workers."""

import os
import signal
import socket
from pathlib import Path

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE, WANT_KEEPALIVE
from opentracker.server.upgrade.alone import AloneGiver
from opentracker.server.upgrade.crew import CrewGiver
from opentracker.server.upgrade.upgrade import Giver
from tests.server.live import HOME, PATIENCE
from tests.server.process import Tracker
from tests.server.upgrade.upgrades import INFO_HASHES, Client, end, options, upgraded
from tests.server.workers.allowed import may_be_several

many = pytest.mark.parametrize("workers", [1, 2, 3] if may_be_several() else [1])


@many
def test_no_peer_and_no_id_is_lost(tmp_path: Path, workers: int) -> None:
    """Twice in a row, so that a tracker that has taken over hands over as well."""
    with Tracker(*options(tmp_path, workers, f"tracker.state_file {tmp_path}/state"), sockets=2) as tracker:
        client = Client(tracker)
        client.announce(INFO_HASHES, 7000)
        client.announce(INFO_HASHES[:1] * 200, 7001)
        pid = tracker.process.pid
        for number in range(2):
            pid = upgraded(tracker, pid)
            client.announce(INFO_HASHES[1:], 7002 + number)
            assert [client.leechers(each) for each in INFO_HASHES[1:]] == [2 + number] * (
                len(INFO_HASHES) - 1
            )
            assert client.leechers(INFO_HASHES[0]) == 2
        client.close()
        end(tracker, pid)
    with Tracker(*options(tmp_path, workers, f"tracker.state_file {tmp_path}/state"), sockets=2) as tracker:
        client = Client(tracker)
        assert [client.leechers(each) for each in INFO_HASHES[1:]] == [3] * (len(INFO_HASHES) - 1)
        client.close()


@many
def test_a_version_that_does_not_start_leaves_this_one_serving(tmp_path: Path, workers: int) -> None:
    with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        client = Client(tracker)
        client.announce(INFO_HASHES, 7000)
        options(tmp_path, workers, "no.such.key 1")
        tracker.signal(signal.SIGUSR2)
        tracker.line_with("the upgrade has failed: it has ended with status 1")
        client.announce(INFO_HASHES, 7001)
        options(tmp_path, workers + 1)
        tracker.signal(signal.SIGUSR2)
        tracker.line_with(f"listen.workers is {workers + 1} and was {workers}: such a change needs a restart")
        tracker.line_with("the upgrade has failed: it has ended with status 111")
        client.announce(INFO_HASHES, 7002)
        options(tmp_path, workers)
        pid = upgraded(tracker, tracker.process.pid)
        assert [client.leechers(each) for each in INFO_HASHES] == [3] * len(INFO_HASHES)
        client.close()
        end(tracker, pid)


@many
def test_a_second_signal_changes_nothing(tmp_path: Path, workers: int) -> None:
    with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        tracker.signal(signal.SIGUSR2)
        tracker.line_with("upgrade: starting the installed version")
        tracker.signal(signal.SIGUSR2)
        tracker.line_with("SIGUSR2: an upgrade is under way")
        line = tracker.line_with("serves, after a pause")
        end(tracker, int(line.split()[2]))


@many
def test_an_end_in_the_middle_is_an_end(tmp_path: Path, workers: int) -> None:
    """Of the process that was started too: it holds the sockets as well."""
    with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        tracker.signal(signal.SIGUSR2)
        tracker.line_with("upgrade: process")
        tracker.signal(signal.SIGTERM)
        assert tracker.wait() == 0
        assert not [line for line in tracker.lines if "Traceback" in line]


@many
def test_one_that_is_killed_in_the_middle_leaves_this_one_serving(tmp_path: Path, workers: int) -> None:
    with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        client = Client(tracker)
        client.announce(INFO_HASHES, 7000)
        tracker.signal(signal.SIGUSR2)
        pid = int(tracker.line_with("is started").split()[2])
        os.kill(pid, signal.SIGKILL)
        tracker.line_with("the upgrade has failed")
        client.announce(INFO_HASHES, 7001)
        assert client.leechers(INFO_HASHES[0]) == 2
        client.close()


@many
def test_statistics_have_an_address_of_their_own_after_it_too(tmp_path: Path, workers: int) -> None:
    with socket.create_server((HOME, 0), family=socket.AF_INET6 if ":" in HOME else socket.AF_INET) as free:
        port = free.getsockname()[1]
    where = f"[{HOME}]:{port}" if ":" in HOME else f"{HOME}:{port}"
    with Tracker(*options(tmp_path, workers, f"listen.stats {where}"), sockets=2) as tracker:
        pid = upgraded(tracker, tracker.process.pid)
        with socket.create_connection((HOME, port), timeout=PATIENCE) as client:
            client.sendall(b"GET /stats?mode=peer HTTP/1.0\r\n\r\n")
            assert b" 200 " in client.recv(65536).partition(b"\r\n")[0]
        end(tracker, pid)


@many
@pytest.mark.skipif(not WANT_KEEPALIVE, reason="needs a build with WANT_KEEPALIVE=1")
def test_a_connection_that_is_kept_ends_in_order(tmp_path: Path, workers: int) -> None:
    with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        with socket.create_connection(tracker.endpoint("TCP"), timeout=PATIENCE) as client:
            client.sendall(b"GET /scrape?info_hash=%41%41 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 ")
            pid = upgraded(tracker, tracker.process.pid)
            assert client.recv(65536) == b""
        end(tracker, pid)


def test_without_the_key_a_signal_is_a_line_of_the_log(tmp_path: Path) -> None:
    arguments = options(tmp_path, 1)
    (tmp_path / "upgrade.conf").write_text("")
    with Tracker(*arguments, sockets=2) as tracker:
        tracker.signal(signal.SIGUSR2)
        tracker.line_with("SIGUSR2: there is no upgrade: tracker.upgrade is not yes")


def test_both_kinds_of_trackers_hand_over_in_the_same_steps() -> None:
    assert issubclass(AloneGiver, Giver)
    assert issubclass(CrewGiver, Giver)
    assert isinstance(WANT_ACCESSLIST_WHITE, bool)
