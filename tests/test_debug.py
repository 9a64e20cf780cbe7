"""`opentracker.debug`: the same command, which tells and checks more."""

import os
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from opentracker.server.system.log_lines import MOST_OF_A_DEBUGGING_KIND
from tests.server.live import HASH_A, HOME, announce_packet, connect_packet, family_of
from tests.server.process import PATIENCE, Tracker, allow, run, same_on_every_machine

COMMAND = (sys.executable, "-P", "-m", "opentracker.debug")


def ask(endpoint: tuple[str, int], *packets: bytes) -> bytes:
    with socket.socket(family_of(endpoint[0]), socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(endpoint)
        for packet in packets:
            client.send(packet)
        return client.recv(2048)


@pytest.mark.parametrize("option", ["-h", "-v", "-x", "-t"])
def test_it_takes_the_same_options(option: str) -> None:
    debug_status, debug_out, debug_err = run(option, command=COMMAND)
    status, out, _ = run(option)
    assert debug_status == status
    assert same_on_every_machine(debug_out.splitlines()) == same_on_every_machine(out.splitlines())
    assert "Traceback" not in debug_err


def test_it_tells_what_it_does(tmp_path: Path) -> None:
    options = ["-i", HOME, "-p", "0", "-P", "0", *allow(tmp_path, HASH_A)]
    with Tracker(*options, sockets=2, command=COMMAND) as tracker:
        assert len(ask(tracker.endpoint("UDP"), b"nonsense", connect_packet())) == 16
        arguments = Path(f"/proc/{tracker.process.pid}/cmdline")
        if arguments.exists():
            assert b"-X\0dev\0" in arguments.read_bytes(), "Python's development mode"
        tracker.signal(signal.SIGTERM)
        assert tracker.wait() == 0
    text = "\n".join(tracker.lines)
    for step in (
        "taken: -i " + HOME,
        "taken: -P 0",
        "bound UDP ",
        "listening on TCP ",
        "set no-new-privileges" if sys.platform.startswith("linux") else "",
        "became uid " if os.geteuid() == 0 else "changed to the directory",
        f"refused UDP from {HOME}, with silence (8 bytes are not a request): b'nonsense'",
    ):
        assert step in text


def test_a_flood_of_what_is_refused_does_not_fill_the_log(tmp_path: Path) -> None:
    most, more = MOST_OF_A_DEBUGGING_KIND, 50
    with Tracker(
        "-i", HOME, "-P", "0", *allow(tmp_path, HASH_A), sockets=1, command=COMMAND
    ) as tracker:  # whose lines fit into a pipe that nobody reads meanwhile
        for _ in range((most + more) // more * 2):
            assert len(ask(tracker.endpoint("UDP"), *[b"x"] * more, connect_packet())) == 16
        tracker.signal(signal.SIGTERM)
        assert tracker.wait() == 0
    told = [line for line in tracker.lines if "with silence (1 bytes are not a request): b'x'" in line]
    left_out = [line for line in tracker.lines if "were left out of the log" in line]
    assert len(told) == most
    assert len(left_out) == 1


# The debug command, whose store is checked as soon as it serves, with a peer last heard of 156 minutes ago.
BREAK = f"""
import sys
from opentracker import cli, debug
from opentracker._features import WANT_V6
from opentracker.protocol.messages import Announce

class Broken(debug.DebugServer):
    def check_next(self):
        a = Announce(both_families=False)
        a.info_hash, a.peer, a.stored = {HASH_A!r}, bytes(range(1, 19 if WANT_V6 else 7)), True
        self.tracker.announce(a, 100)
        for _ in range(self.tracker.store.shards):
            super().check_next()

sys.exit(cli.main(sys.argv[1:], serve=lambda settings: debug.serve(settings, Broken), verbose=True))
"""


@pytest.mark.needs(WANT_BOGON_FILTER=False)  # which lists no peer of this machine
def test_a_store_that_is_not_as_it_has_to_be_ends_it(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-X", "dev", "-c", BREAK]
    options = ["-i", HOME, "-P", "0", *allow(tmp_path, HASH_A)]
    with Tracker(*options, sockets=1, command=command) as tracker:
        answer = ask(tracker.endpoint("UDP"), connect_packet())
        ask(tracker.endpoint("UDP"), announce_packet(answer[8:]))
        status = tracker.wait()
        assert status == 70
    told = [line for line in tracker.lines if "the store is inconsistent" in line]
    assert len(told) == 1
    assert HASH_A.hex() in told[0]


def test_the_console_script() -> None:
    script = Path(sysconfig.get_path("scripts")) / "opentracker.debug"
    if not script.exists():
        pytest.skip("installed before there was this command")
    done = subprocess.run([str(script), "-v"], check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == run("-v")[:2]
