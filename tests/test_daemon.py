"""The tracker as a process: the cases L-xx and C-14."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.server.live import HASH_A, HOME, connect_packet, family_of
from tests.server.marks import needs_ipv4, needs_ipv6
from tests.server.process import (
    CLUSTER,
    COMMAND,
    PATIENCE,
    Tracker,
    allow,
    folder_to_work_in,
    network_of_its_own,
    run,
    same_on_every_machine,
)

HOME6 = HOME == "::1"
ENDPOINT = f"[{HOME}]" if HOME6 else HOME


def connect_id(endpoint: tuple[str, int]) -> bytes:
    """The answer to a connect, from a tracker in another process."""
    with socket.socket(family_of(endpoint[0]), socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(connect_packet(), endpoint)
        return client.recv(2048)


def fetch(endpoint: tuple[str, int], target: str) -> bytes:
    """The answer to a GET, from a tracker in another process."""
    with socket.create_connection(endpoint, timeout=PATIENCE) as client:
        client.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while data := client.recv(65536):
            answer += data
        return answer


def test_l05_port_0_is_a_free_port_and_told(tmp_path: Path) -> None:
    with Tracker("-i", HOME, "-p", "0", "-P", "0", *allow(tmp_path, HASH_A), sockets=2) as tracker:
        assert [(kind, host) for kind, host, _ in tracker.endpoints] == [("TCP", HOME), ("UDP", HOME)]
        assert len(connect_id(tracker.endpoint("UDP"))) == 16
        assert b"failure reason" in fetch(tracker.endpoint("TCP"), "/announce")


@needs_ipv4
@pytest.mark.parametrize("option", ["-p", "-P"])
def test_l06_an_address_that_is_not_here(option: str) -> None:
    status, out, err = run("-i", "203.0.113.9", option, "6969")
    assert (status, out) == (111, "")
    kind = "TCP" if option == "-p" else "UDP"
    assert f"opentracker: cannot bind {kind} 203.0.113.9:6969: Cannot assign requested address" in err


def test_l09_a_directory_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    status, out, err = run("-d", str(missing), "-i", HOME, "-p", "0")
    assert (status, out) == (111, "")
    assert f"opentracker: cannot change to the directory {missing}: No such file or directory" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_l12_a_clean_end(number: int, tmp_path: Path) -> None:
    options = ["-i", HOME, "-p", "0", "-P", "0", *allow(tmp_path, HASH_A)]
    with Tracker(*options, sockets=2) as tracker:
        host, port = tracker.endpoint("TCP")
        with socket.create_connection((host, port), timeout=PATIENCE) as idle:
            idle.sendall(b"GET ")
            assert len(connect_id(tracker.endpoint("UDP"))) == 16
            tracker.signal(number)
            assert tracker.wait() == 0
            assert idle.recv(1) == b""
        assert not [line for line in tracker.lines if "Traceback" in line or "Warning" in line]
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family_of(HOME), kind) as again:
                again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                again.bind((HOME, port if kind == socket.SOCK_STREAM else tracker.endpoint("UDP")[1]))


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_l13_a_second_signal_changes_nothing(second: int) -> None:
    """Another than the C tracker: Debian's unit for it sends SIGINT, and systemd SIGTERM behind it."""
    with Tracker("-i", HOME, "-P", "0", sockets=1) as tracker:
        tracker.signal(signal.SIGSTOP)  # so that it finds both, and not only the first
        tracker.signal(signal.SIGINT)
        tracker.signal(second)
        tracker.signal(signal.SIGCONT)
        assert tracker.wait() == 0


# The command, which waits where its list is to be loaded until it is told to go on, by the end of its input.
WAITING = """
import sys
from opentracker.server import wiring

make = wiring.binding.open_sockets

def wait(*binds, **named):
    print("starting", file=sys.stderr, flush=True)
    sys.stdin.read()
    return make(*binds, **named)

wiring.binding.open_sockets = wait
from opentracker.__main__ import main
sys.exit(main())
"""


class Starting:
    """A tracker in the middle of its start."""

    def __init__(self, *arguments: str, before: Sequence[str] = ()) -> None:
        python = [sys.executable, "-P", "-c", WAITING]
        self.process = subprocess.Popen(
            [*before, *python, *CLUSTER, *arguments],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder_to_work_in(arguments),
        )
        assert self.process.stderr is not None
        while self.process.stderr.readline() != b"starting\n":
            assert self.process.poll() is None

    def finish(self) -> tuple[int, str]:
        """Let it go on, and wait for its end; gives the exit status and what it said."""
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_is_given_up_at_a_signal(number: int, tmp_path: Path) -> None:
    starting = Starting("-i", HOME, "-P", "0", *allow(tmp_path, HASH_A))
    starting.process.send_signal(number)
    status, errors = starting.finish()
    assert status == 0
    assert "the start is given up: a signal asked for the end" in errors
    assert "Traceback" not in errors


def test_what_is_asked_for_during_a_start_is_done_after_it(tmp_path: Path) -> None:
    """A job that writes the list and sends SIGHUP may come soon after a start."""
    starting = Starting("-i", HOME, "-P", "0", *allow(tmp_path, HASH_A))
    process = starting.process
    assert process.stdin is not None
    assert process.stderr is not None
    for number in (signal.SIGHUP, signal.SIGUSR1):
        process.send_signal(number)
    process.stdin.close()
    process.stdin = None
    lines = b""
    while b"SIGUSR1: " not in lines:
        line = process.stderr.readline()
        assert line, lines
        lines += line
    process.send_signal(signal.SIGTERM)
    status, _ = starting.finish()
    assert status == 0


def test_process_1_of_a_container_gets_its_signals_from_the_first_moment(tmp_path: Path) -> None:
    """The kernel throws away what process 1 has no handler for."""
    unshare = ["unshare", "-rpf", "--kill-child"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("may not make process namespaces")
    status = subprocess.run(
        [*unshare, sys.executable, "-P", "-c", AS_PROCESS_1], check=False, timeout=PATIENCE
    ).returncode
    assert status == 128 + signal.SIGTERM


# A process 1 that gets its SIGTERM while the program is loaded.
AS_PROCESS_1 = """
import os, signal, sys
assert os.getpid() == 1
import opentracker.__main__ as command

class Finder:
    def find_spec(self, name, path, target=None):
        if name == "opentracker.cli":
            os.kill(1, signal.SIGTERM)

sys.meta_path.insert(0, Finder())
sys.exit(command.main())
"""


def test_l14_signals_that_end_nothing() -> None:
    with Tracker("-i", HOME, "-P", "0", sockets=1) as tracker:
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1, signal.SIGCONT):
            tracker.signal(number)
            assert len(connect_id(tracker.endpoint("UDP"))) == 16


def test_a_command_that_does_nothing_says_so() -> None:
    with Tracker("-i", HOME, "-P", "0", sockets=1) as tracker:
        tracker.signal(signal.SIGUSR1)
        assert tracker.read_line() == "SIGUSR1: no state is written: there is no tracker.state_file"


def test_l14_standard_streams_closed(tmp_path: Path) -> None:
    options = ["-i", HOME, "-p", "0", "-P", "0", *allow(tmp_path, HASH_A)]
    with Tracker(*options, sockets=2, close_standard_streams=True) as tracker:
        assert len(connect_id(tracker.endpoint("UDP"))) == 16
        assert b"failure reason" in fetch(tracker.endpoint("TCP"), "/announce")


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["TCP", "UDP"])
def test_c14_a_port_in_use(kind: socket.SocketKind) -> None:
    with socket.socket(family_of(HOME), kind) as taken:
        taken.bind((HOME, 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        option, name = ("-p", "TCP") if kind == socket.SOCK_STREAM else ("-P", "UDP")
        status, out, err = run("-i", HOME, option, str(port))
        assert (status, out) == (111, "")
        assert f"{name} {ENDPOINT}:{port}: Address already in use" in err
        assert "Traceback" not in err


@pytest.mark.parametrize("option", ["-p", "-P"])
def test_c14_the_same_socket_twice(option: str) -> None:
    with socket.socket(family_of(HOME), socket.SOCK_STREAM) as free:
        free.bind((HOME, 0))
        port = str(free.getsockname()[1])
    for check in ([], ["-t"]):
        status, _, err = run("-i", HOME, option, port, option, port, *check)
        assert status == (1 if check else 111)
        assert f"{ENDPOINT}:{port}: Address already in use" in err


def test_start_up_tells_the_build_and_every_socket() -> None:
    with Tracker("-i", HOME, "-p", "0", "-p", "0", "-P", "0", sockets=3) as tracker:
        build = run("-v")[1].splitlines()[0]
        assert tracker.lines[0] == build
        assert len(set(tracker.endpoints)) == 3


def test_t_checks_and_binds_nothing(tmp_path: Path) -> None:
    with socket.socket(family_of(HOME), socket.SOCK_STREAM) as taken:
        taken.bind((HOME, 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, out, _ = run("-t", "-i", HOME, "-p", port, "-P", "7", "-d", str(tmp_path))
        same_everywhere = same_on_every_machine(out.splitlines())
        assert (status, same_everywhere) == (
            0,
            [
                f"would listen on TCP {ENDPOINT}:{port}",
                f"would listen on UDP {ENDPOINT}:7",
                f"would run as nobody, with the root directory {tmp_path}"
                if os.geteuid() == 0
                else f"would work in {tmp_path}",
            ],
        )


@pytest.mark.parametrize(
    "arguments", [["-t", "-d", "/nonexistent"], ["-t", "-p", "x"], ["-p", "0", "-x", "-t"]]
)
def test_t_of_what_would_not_start(arguments: list[str]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith("opentracker: ")


def tentative(address: str) -> list[str]:
    """A command's beginning: a network in which an address has just been given, and is tried for a second."""
    return network_of_its_own(
        "ip link add one type veth peer name other",
        "ip link set one up",
        "ip link set other up",
        f"ip addr add {address}/64 dev one",
    )


@pytest.mark.needs(WANT_SYNC_LIVE=False)  # whose own address is not there either
@needs_ipv6
def test_an_address_that_is_tentative_is_waited_for() -> None:
    command = [*tentative("2001:db8::1"), *COMMAND]
    with Tracker("-i", "2001:db8::1", "-p", "6969", "-P", "6969", sockets=2, command=command) as tracker:
        assert tracker.endpoints == [("TCP", "2001:db8::1", 6969), ("UDP", "2001:db8::1", 6969)]
        waits = [line for line in tracker.lines if line.startswith("waiting for the address 2001:db8::1")]
        assert len(waits) <= 1


@needs_ipv6
@pytest.mark.needs(WANT_V6=False)
def test_l07_both_families_on_6969() -> None:
    """Also on a machine that has IPv6 but not ::1."""
    command = [*network_of_its_own("ip link set lo up", "ip -6 addr flush dev lo"), *COMMAND]
    with Tracker(sockets=4, command=command) as tracker:
        assert tracker.endpoints == [
            ("TCP", "0.0.0.0", 6969),
            ("TCP", "::", 6969),
            ("UDP", "0.0.0.0", 6969),
            ("UDP", "::", 6969),
        ]
        assert not [line for line in tracker.lines if "no IPv6" in line]


@needs_ipv6
@pytest.mark.needs("WANT_V6")
def test_l07_ipv6_alone_on_6969() -> None:
    with Tracker(sockets=2, command=[*network_of_its_own("ip link set lo up"), *COMMAND]) as tracker:
        assert tracker.endpoints == [("TCP", "::", 6969), ("UDP", "::", 6969)]


@pytest.mark.needs("WANT_V4_ONLY")
def test_l07_ipv4_alone_on_6969() -> None:
    with Tracker(sockets=2, command=[*network_of_its_own("ip link set lo up"), *COMMAND]) as tracker:
        assert tracker.endpoints == [("TCP", "0.0.0.0", 6969), ("UDP", "0.0.0.0", 6969)]


def test_the_redirect_of_the_front_page() -> None:
    with Tracker("-i", HOME, "-p", "0", "-r", "https://example.org/", sockets=1) as tracker:
        answer = fetch(tracker.endpoint("TCP"), "/")
        assert answer.startswith(b"HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\n")


def test_r08_out_of_descriptors_and_back(tmp_path: Path) -> None:
    """With `ulimit -n 64`: connections over that wait, and are served when others have gone."""
    limited = ["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", *COMMAND]
    options = ["-i", HOME, "-p", "0", "-P", "0", *allow(tmp_path, HASH_A)]
    with Tracker(*options, sockets=2, command=limited) as tracker:
        to = tracker.endpoint("TCP")
        idle = [socket.create_connection(to, timeout=PATIENCE) for _ in range(100)]
        for each in idle:
            each.sendall(b"GET ")
        assert len(connect_id(tracker.endpoint("UDP"))) == 16
        with socket.create_connection(to, timeout=PATIENCE) as late:
            late.sendall(b"GET /announce HTTP/1.0\r\n\r\n")
            for each in idle:
                each.close()
            assert late.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
