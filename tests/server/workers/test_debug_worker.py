"""`opentracker.debug` with several workers, as a process: refused requests, and a store that is broken."""

import signal
import socket
import sys
from pathlib import Path

import pytest

from opentracker._features import OT_CLEAN_CYCLE
from opentracker.server.workers.debug_worker import DebugWorker
from tests.server.live import HOME, connect_packet, family_of
from tests.server.process import PATIENCE, Tracker
from tests.server.workers.crew import Crew
from tests.server.workers.several import (
    INFO_HASHES,
    announce,
    fetch,
    needs_several,
    options,
    several,
    torrents,
    workers_of,
)

COMMAND = (sys.executable, "-P", "-X", "dev", "-m", "opentracker.debug")


@needs_several
@several
def test_it_serves_and_tells_what_it_refuses(tmp_path: Path, workers: int) -> None:
    with Tracker(*options(tmp_path, workers), sockets=2, command=COMMAND) as tracker:
        for info_hash in INFO_HASHES:
            assert b"8:completei1e" in announce(tracker, info_hash, 7000)
        assert torrents(tracker) == len(INFO_HASHES)
        for number in range(10):  # each over a connection that another worker may accept
            fetch(tracker, f"/nowhere?{number}")
            with socket.socket(family_of(HOME), socket.SOCK_DGRAM) as client:
                client.settimeout(PATIENCE)
                client.connect(tracker.endpoint("UDP"))
                client.send(b"nonsense")
                client.send(connect_packet())
                assert len(client.recv(100)) == 16
        assert len(workers_of(tracker)) == (workers if workers > 1 else 0)
        tracker.signal(signal.SIGTERM)
        assert tracker.wait() == 0
    text = "\n".join(tracker.lines)
    assert text.count("with silence (8 bytes are not a request): b'nonsense'") == 10
    for number in range(10):
        assert text.count(f"with 404: b'GET /nowhere?{number}'") == 1
    assert f"taken: -i {HOME}" in text
    assert "Warning" not in text


# The debug command, one worker of which checks its store as soon as there is a torrent, with a peer of long ago.
BREAK = """
import os
import sys
from opentracker import cli, debug
from opentracker._features import WANT_V6
from opentracker.protocol.messages import Announce

class Broken:
    def check_next(self):
        if self.tracker.store.totals.torrents == 0:
            return
        a = Announce(both_families=False)
        a.info_hash, a.peer, a.stored = INFO_HASH, bytes(range(1, 19 if WANT_V6 else 7)), True
        self.tracker.announce(a, 100)
        for _ in range(self.tracker.store.shards):
            super().check_next()

class Server(Broken, debug.DebugServer):
    pass

class Worker(Broken, debug.DebugWorker):
    pass

sys.exit(cli.main(sys.argv[1:], serve=lambda settings: debug.serve(settings, Server, Worker), verbose=True))
"""


@needs_several
@several
@pytest.mark.needs(WANT_BOGON_FILTER=False)  # which lists no peer of this machine
def test_a_broken_store_ends_the_whole_tracker(tmp_path: Path, workers: int) -> None:
    info_hash = INFO_HASHES[0]
    code = BREAK.replace("INFO_HASH", repr(info_hash))
    command = [sys.executable, "-P", "-X", "dev", "-c", code]
    with Tracker(*options(tmp_path, workers), sockets=2, command=command) as tracker:
        announce(tracker, info_hash, 7000)
        assert tracker.wait() == 70
    told = [line for line in tracker.lines if "the store is inconsistent" in line]
    assert len(told) == 1
    assert info_hash.hex() in told[0]
    assert told[0].startswith("worker ") is (workers > 1)
    ends = [line for line in tracker.lines if "is inconsistent: the tracker ends" in line]
    number = told[0].split()[1].rstrip(":")
    assert ends == [f"the store of worker {number} is inconsistent: the tracker ends"] * (workers > 1)
    assert not [line for line in tracker.lines if "has died" in line or "does not end" in line]


@needs_several
@several
@pytest.mark.needs("WANT_FULLSCRAPE", WANT_BOGON_FILTER=False)
def test_a_broken_store_is_not_written_to_the_state_file(tmp_path: Path, workers: int) -> None:
    state = tmp_path / "state"
    info_hash = INFO_HASHES[0]
    command = [sys.executable, "-P", "-X", "dev", "-c", BREAK.replace("INFO_HASH", repr(info_hash))]
    with Tracker(*options(tmp_path, workers, "-S", str(state)), sockets=2, command=command) as tracker:
        announce(tracker, info_hash, 7000)
        assert tracker.wait() == 70
    assert not state.exists()


@pytest.mark.parametrize("many", [1, 2, 3])
def test_each_worker_checks_its_share_in_a_clean_cycle(many: int) -> None:
    crew = Crew(many, make=DebugWorker)
    for worker in crew.workers:
        interval = OT_CLEAN_CYCLE * 60 / worker.tracker.store.shards
        assert [timer.interval for timer in worker.loop.timers].count(
            interval
        ) == 2  # the cleaning, and the check
    crew.close()


def test_a_check_goes_on_while_a_worker_serves() -> None:
    crew = Crew(2, make=DebugWorker)
    for worker, info_hash in enumerate(crew.owned_by(number)[0] for number in (0, 1)):
        crew.announce(info_hash, 7000)
        its = crew.workers[worker]
        assert isinstance(its, DebugWorker)
        for _ in range(its.tracker.store.shards):
            its.check_next()
        crew.until(lambda its=its: not its.loop.has_work(), "the end of the check")  # type: ignore[misc]
    crew.close()
