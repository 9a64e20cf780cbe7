"""Trackers of one, two and three workers as processes: the start, signals, deaths, the state, the end."""

import os
import signal
import socket
from pathlib import Path

import pytest

from opentracker._features import (
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_FULLSCRAPE,
    WANT_STATS_PROMETHEUS,
)
from opentracker.server.workers.service import PROC
from opentracker.server.workers.supervisor import MOST_DEATHS
from tests.server.live import HOME, announce_packet, connect_packet, family_of
from tests.server.process import PATIENCE, Tracker, run
from tests.server.workers.several import (
    INFO_HASHES,
    RELOADED,
    announce,
    fetch,
    needs_several,
    options,
    several,
    torrents,
    until,
    workers_of,
)


@needs_several
@several
def test_a_tracker_from_its_start_to_its_end(tmp_path: Path, workers: int) -> None:
    with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        assert len(workers_of(tracker)) == (workers if workers > 1 else 0)
        for number in range(3):
            for info_hash in INFO_HASHES:
                assert b"8:completei%de" % (number + 1) in announce(tracker, info_hash, 7000 + number)
        assert torrents(tracker) == len(INFO_HASHES)
        pids = workers_of(tracker)
        tracker.signal(signal.SIGTERM)
        tracker.signal(signal.SIGINT)
        assert tracker.wait() == 0
        assert not [line for line in tracker.lines if "Traceback" in line or "Warning" in line]
        assert not [pid for pid in pids if Path(PROC, str(pid)).exists()]


@needs_several
@several
def test_connection_ids_hold_on_every_worker(tmp_path: Path, workers: int) -> None:
    with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        to = tracker.endpoint("UDP")
        clients = [socket.socket(family_of(HOME), socket.SOCK_DGRAM) for _ in range(8)]
        clients[0].settimeout(PATIENCE)
        clients[0].sendto(connect_packet(), to)
        connection_id = clients[0].recv(2048)[8:16]
        for client in clients:  # an id is for an address, whatever the port
            client.settimeout(PATIENCE)
            for info_hash in INFO_HASHES:
                client.sendto(announce_packet(connection_id, info_hash=info_hash), to)
                assert client.recv(2048)[:4] == bytes.fromhex("00000001")
            client.close()


@needs_several
@pytest.mark.parametrize("second", [False, True])
def test_a_worker_that_is_killed_has_a_successor(tmp_path: Path, second: bool) -> None:
    with Tracker(*options(tmp_path, 3), sockets=2) as tracker:
        for info_hash in INFO_HASHES:
            announce(tracker, info_hash, 7000)
        victims = workers_of(tracker)[: 2 if second else 1]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        for _ in victims:
            tracker.line_with("serves again")
        for pid in victims:
            assert any(f"process {pid}, has died: exit status -9" in line for line in tracker.lines)
        left = torrents(tracker)
        assert 0 < left < len(INFO_HASHES)
        for info_hash in INFO_HASHES:
            assert b"8:completei" in announce(tracker, info_hash, 7000)
        until(lambda: torrents(tracker) == len(INFO_HASHES), "all torrents")
        assert len(workers_of(tracker)) == 3
        if WANT_STATS_PROMETHEUS:
            deaths = f"opentracker_worker_deaths_total {len(victims)}\n".encode()
            until(lambda: deaths in fetch(tracker, "/stats?mode=prometheus"), "the count of deaths")


@needs_several
def test_datagrams_wait_for_the_successor(tmp_path: Path) -> None:
    """The supervisor holds the sockets: those of a worker that is dead receive all the same."""
    with Tracker(*options(tmp_path, 2), sockets=2) as tracker:
        to = tracker.endpoint("UDP")
        with socket.socket(family_of(HOME), socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.sendto(connect_packet(), to)
            connection_id = client.recv(2048)[8:16]
            tracker.signal(signal.SIGSTOP)  # no successor is started yet
            for pid in workers_of(tracker):
                os.kill(pid, signal.SIGKILL)
            for info_hash in INFO_HASHES:
                client.sendto(announce_packet(connection_id, info_hash=info_hash), to)
            tracker.signal(signal.SIGCONT)
            for _ in INFO_HASHES:
                assert client.recv(2048)[:4] == bytes.fromhex("00000001")


@needs_several
def test_no_worker_outlives_the_supervisor(tmp_path: Path) -> None:
    with Tracker(*options(tmp_path, 3), sockets=2) as tracker:
        pids = workers_of(tracker)
        assert len(pids) == 3
        tracker.kill()
        until(lambda: not [pid for pid in pids if is_running(pid)], "the end of the workers")


def is_running(pid: int) -> bool:
    """Whether a process is there, and is not waiting for its parent to read its status."""
    try:
        return "\nState:\tZ" not in Path(PROC, str(pid), "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@needs_several
def test_too_many_deaths_end_the_tracker(tmp_path: Path) -> None:
    with Tracker(*options(tmp_path, 2), sockets=2) as tracker:
        for _ in range(MOST_DEATHS):
            os.kill(workers_of(tracker)[0], signal.SIGKILL)
            tracker.line_with("serves again")
        os.kill(workers_of(tracker)[0], signal.SIGKILL)
        assert tracker.wait() == 70
        assert any("workers have died within a minute: the tracker ends" in line for line in tracker.lines)


@needs_several
@pytest.mark.skipif(not WANT_FULLSCRAPE, reason="needs a build with WANT_FULLSCRAPE=1")
@pytest.mark.parametrize(("before", "after"), [(1, 2), (3, 1), (2, 3), (2, 2)])
def test_a_state_of_some_workers_is_loaded_by_others(tmp_path: Path, before: int, after: int) -> None:
    state = ["-S", str(tmp_path / "state")]
    with Tracker(*options(tmp_path, before, *state), sockets=2) as tracker:
        for number, info_hash in enumerate(INFO_HASHES):
            for port in range(7000, 7060 if number == 0 else 7001):
                announce(tracker, info_hash, port)
    with Tracker(*options(tmp_path, after, *state), sockets=2) as tracker:
        assert torrents(tracker) == len(INFO_HASHES)
        dump = fetch(tracker, "/stats?mode=statedump")
        assert sorted(line[:40].decode() for line in dump.splitlines()) == [
            each.hex().upper() for each in sorted(INFO_HASHES)
        ]
        if before == after:  # a successor loads its share
            os.kill(workers_of(tracker)[0], signal.SIGKILL)
            tracker.line_with("serves again")
            assert torrents(tracker) == len(INFO_HASHES)


@needs_several
@pytest.mark.skipif(not WANT_FULLSCRAPE, reason="needs a build with WANT_FULLSCRAPE=1")
@several
def test_the_state_is_written_when_asked(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "state"
    with Tracker(*options(tmp_path, workers, "-S", str(path)), sockets=2) as tracker:
        announce(tracker, INFO_HASHES[0], 7000)
        tracker.signal(signal.SIGUSR1)
        tracker.line_with("wrote the state to")
        first = path.read_bytes()
        assert INFO_HASHES[0] in first or INFO_HASHES[0].hex().upper().encode() in first


@needs_several
@pytest.mark.skipif(not WANT_FULLSCRAPE, reason="needs a build with WANT_FULLSCRAPE=1")
@several
def test_a_broken_state_is_kept_aside_once(tmp_path: Path, workers: int) -> None:
    (tmp_path / "state").write_bytes(b"otstate\x01" + bytes(100))
    with Tracker(*options(tmp_path, workers, "-S", str(tmp_path / "state")), sockets=2) as tracker:
        assert torrents(tracker) == 0
    assert len([path for path in tmp_path.iterdir() if ".bad-" in path.name]) == 1


@needs_several
@several
def test_signals_that_have_nothing_to_do(tmp_path: Path, workers: int) -> None:
    with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        tracker.signal(signal.SIGUSR1)
        tracker.line_with("SIGUSR1: no state is written: there is no tracker.state_file")
        tracker.signal(signal.SIGHUP)
        for _ in range(workers):
            tracker.line_with(RELOADED)


@needs_several
@pytest.mark.skipif(
    not (WANT_ACCESSLIST_WHITE or WANT_ACCESSLIST_BLACK), reason="needs a build with an access list"
)
@several
def test_all_workers_read_the_access_list(tmp_path: Path, workers: int) -> None:
    option = "-w" if WANT_ACCESSLIST_WHITE else "-b"
    path = tmp_path / "list"
    path.write_text("".join(f"{each.hex()}\n" for each in INFO_HASHES[:20]))
    with Tracker(*options(tmp_path, workers, option, str(path)), sockets=2) as tracker:
        allowed = [b"8:completei" in announce(tracker, each, 7000) for each in INFO_HASHES]
        assert allowed == [(number < 20) is WANT_ACCESSLIST_WHITE for number in range(40)]
        path.write_text("".join(f"{each.hex()}\n" for each in INFO_HASHES[20:]))
        tracker.signal(signal.SIGHUP)
        for _ in range(workers):
            tracker.line_with("torrents, read in")

        def is_turned() -> bool:
            allowed = [b"8:completei" in announce(tracker, each, 7000) for each in INFO_HASHES]
            return allowed == [(number >= 20) is WANT_ACCESSLIST_WHITE for number in range(40)]

        until(is_turned, "the other list")


@needs_several
@pytest.mark.skipif(
    not (WANT_ACCESSLIST_WHITE or WANT_ACCESSLIST_BLACK), reason="needs a build with an access list"
)
def test_a_worker_that_cannot_start_ends_the_start(tmp_path: Path) -> None:
    option = "-w" if WANT_ACCESSLIST_WHITE else "-b"
    status, _, err = run(*options(tmp_path, 2, option, str(tmp_path / "missing")))
    assert status == 1
    assert "opentracker: cannot read the access list" in err


@needs_several
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["TCP", "UDP"])
def test_a_port_of_another_tracker(tmp_path: Path, kind: socket.SocketKind) -> None:
    """A group of sockets would let another tracker of the same user in."""
    with Tracker(*options(tmp_path, 2), sockets=2) as tracker:
        name = "TCP" if kind == socket.SOCK_STREAM else "UDP"
        port = str(tracker.endpoint(name)[1])
        config = str(tmp_path / "workers.conf")
        option = "-p" if kind == socket.SOCK_STREAM else "-P"
        for more in (["-f", config], []):
            status, _, err = run(*more, "-i", HOME, option, port)
            assert status == 111
            assert "Address already in use" in err


@needs_several
@pytest.mark.needs("WANT_MAX_PEER")
@several
def test_limits_are_those_of_all_workers(tmp_path: Path, workers: int) -> None:
    (tmp_path / "limits.conf").write_text("limits.torrents 12\n")
    with Tracker(*options(tmp_path, workers, "-f", str(tmp_path / "limits.conf")), sockets=2) as tracker:
        for number in range(200):
            info_hash = INFO_HASHES[number % 40]
            announce(tracker, info_hash, 7000)
        assert torrents(tracker) == 12


@needs_several
@pytest.mark.needs("WANT_MAX_PEER")
def test_a_limit_that_leaves_nothing_for_some_workers(tmp_path: Path) -> None:
    (tmp_path / "limits.conf").write_text("limits.torrents 1\n")
    status, _, err = run("-t", *options(tmp_path, 2, "-f", str(tmp_path / "limits.conf")))
    assert status == 1
    assert "limits.torrents is less than one for each of 2 workers" in err


@needs_several
def test_a_check_tells_the_number_of_workers(tmp_path: Path) -> None:
    status, out, _ = run("-t", *options(tmp_path, 3))
    assert status == 0
    assert "would serve them by 3 workers\n" in out
