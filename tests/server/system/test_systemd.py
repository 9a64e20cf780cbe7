"""A service manager's sockets, and what it is told."""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.errors import StartError
from opentracker.server.sockets import open_tcp, open_udp
from opentracker.server.system.systemd import Notifier, Reload, fault_of, passed_sockets
from tests.server.conftest import open_descriptors
from tests.server.live import HASH_A, HOME, connect_packet, family_of, packed
from tests.server.marks import needs_ipv6
from tests.server.process import COMMAND, PATIENCE, Tracker, allow

PID = 4711


def environment(count: object, *names: str, pid: object = PID) -> dict[str, str]:
    return {"LISTEN_PID": str(pid), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": ":".join(names)}


@pytest.fixture
def descriptors() -> Iterator[int]:
    """The first of some neighbouring descriptors that are free, as a manager's are from 3 on."""
    first = 200
    yield first
    for fd in range(first, first + 4):
        try:
            os.close(fd)
        except OSError:
            pass


def hand_over(first: int, *socks: socket.socket) -> None:
    for number, sock in enumerate(socks):
        os.dup2(sock.fileno(), first + number, inheritable=True)
        sock.close()


def test_nothing_is_passed_without_a_manager() -> None:
    assert passed_sockets({}, PID) == []
    assert passed_sockets(environment(1, pid=PID + 1), PID) == [], "somebody else's"
    assert passed_sockets(environment(0), PID) == []


def test_sockets_are_taken_over(descriptors: int) -> None:
    hand_over(descriptors, open_tcp(packed(HOME), 0, True), open_udp(packed(HOME), 0, True))
    tcp, udp = passed_sockets(environment(2, "web", "udp"), PID, descriptors)
    assert (tcp.type, udp.type) == (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    assert [tcp.fileno(), udp.fileno()] == [descriptors, descriptors + 1]
    for sock in (tcp, udp):
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        sock.close()


def unix() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


def not_listening() -> socket.socket:
    sock = socket.socket(family_of(HOME), socket.SOCK_STREAM)
    sock.bind((HOME, 0))
    return sock


def not_bound() -> socket.socket:
    return socket.socket(family_of(HOME), socket.SOCK_DGRAM)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (unix, "it is not an IPv4 or IPv6 socket"),
        (not_listening, "it does not listen (of a socket unit: Accept=no is needed)"),
        (not_bound, "it is not bound to a port"),
    ],
)
def test_what_cannot_be_served_is_refused(descriptors: int, make: object, told: str) -> None:
    hand_over(descriptors, open_udp(packed(HOME), 0, True), make())  # type: ignore[operator]
    before = open_descriptors()
    with pytest.raises(StartError) as caught:
        passed_sockets(environment(2, "good", "bad"), PID, descriptors)
    assert str(caught.value) == f"descriptor {descriptors + 1} ('bad'), from the service manager: {told}"
    assert open_descriptors() == before - 2, "both are closed"


def test_files_and_missing_descriptors_are_refused(descriptors: int, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"'unknown'.*Bad file descriptor"):
        passed_sockets(environment(1), PID, descriptors)
    with (tmp_path / "file").open("w") as file:
        os.dup2(file.fileno(), descriptors)
    with pytest.raises(StartError, match="Socket operation on non-socket"):
        passed_sockets(environment(1), PID, descriptors)


@pytest.mark.parametrize(
    "wrong",
    [environment("two"), environment(-1), environment(5000), environment(1, pid="x"), environment("٣")],
)
def test_variables_that_make_no_sense_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(StartError, match="from the service manager"):
        passed_sockets(wrong, PID)


@needs_ipv6
@pytest.mark.needs("WANT_V6")
def test_an_ipv6_build_takes_no_socket_that_takes_ipv4() -> None:
    both, four = open_udp(packed("::"), 0, False), open_udp(packed("127.0.0.1"), 0, True)
    six = open_udp(packed("::"), 0, True)
    assert ["BindIPv6Only" in fault_of(sock) for sock in (both, four, six)] == [True, True, False]
    for sock in (both, four, six):
        sock.close()


@pytest.mark.needs("WANT_V4_ONLY")
def test_an_ipv4_build_takes_no_ipv6_socket() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        assert "WANT_V4_ONLY" in fault_of(sock)


@needs_ipv6
@pytest.mark.needs(WANT_V6=False)
def test_a_dual_stack_build_takes_all() -> None:
    assert not WANT_V4_ONLY
    assert not WANT_V6
    with open_udp(packed("::"), 0, False) as both, open_udp(packed("::1"), 0, True) as six:
        assert [fault_of(both), fault_of(six)] == ["", ""]


# ---- What the manager is told ------------------------------------------------------------------------------


def manager_at(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind("\0" + address[1:] if address.startswith("@") else address)
    sock.settimeout(PATIENCE)
    return sock


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@opentracker-test-{os.getpid()}"


def told(manager: socket.socket) -> list[str]:
    return manager.recv(4096).decode().split("\n")


def test_what_is_said(address: str) -> None:
    with manager_at(address) as manager:
        notifier = Notifier({"NOTIFY_SOCKET": address}, PID)
        notifier.is_ready("all well")
        assert told(manager) == ["READY=1", "STATUS=all well"]
        notifier.is_reloading()
        reloading, moment, _ = told(manager)
        assert (reloading, moment.partition("=")[0]) == ("RELOADING=1", "MONOTONIC_USEC")
        assert int(moment.partition("=")[2]) > 0
        notifier.is_alive()
        assert told(manager) == ["WATCHDOG=1"]
        notifier.is_stopping()
        assert told(manager) == ["STOPPING=1", "STATUS=Ending"]
        notifier.close()


def test_without_a_manager_nothing_is_said() -> None:
    notifier = Notifier({"WATCHDOG_USEC": "1000000"}, PID)
    notifier.is_ready("all well")
    assert notifier.watchdog_interval == 0
    notifier.close()


def test_a_manager_that_is_not_there_or_goes(address: str, caplog: pytest.LogCaptureFixture) -> None:
    absent = Notifier({"NOTIFY_SOCKET": address}, PID)
    absent.is_ready("nobody hears")
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("cannot reach the service manager at ")
    manager = manager_at(address)
    notifier = Notifier({"NOTIFY_SOCKET": address}, PID)
    manager.close()
    notifier.is_ready("nobody hears")
    notifier.close()


def test_a_manager_that_does_not_read_blocks_nobody(address: str) -> None:
    with manager_at(address):
        notifier = Notifier({"NOTIFY_SOCKET": address}, PID)
        for _ in range(10_000):
            notifier.is_alive()
        notifier.close()


@pytest.mark.parametrize(
    ("variables", "interval"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(PID)}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(PID + 1)}, 0.0),
        ({"WATCHDOG_USEC": "1"}, 0.1),
        ({}, 0.0),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(
    variables: dict[str, str], interval: float, address: str
) -> None:
    with manager_at(address):
        notifier = Notifier({**variables, "NOTIFY_SOCKET": address}, PID)
        assert notifier.watchdog_interval == interval
        notifier.close()


class Heard(Notifier):
    """Takes notes of what it is to tell."""

    def __init__(self) -> None:
        super().__init__({}, PID)
        self.heard: list[str] = []

    def tell(self, *lines: str) -> None:
        self.heard += [line for line in lines if not line.startswith("MONOTONIC")]


def test_a_reload_is_over_when_the_work_that_it_began_is() -> None:
    notifier = Heard()
    old, new, other = iter([None]), iter([None]), iter([None])
    work: list[object] = [old]
    reload = Reload(notifier, lambda: work.append(new), work, lambda: "Well")
    reload.look()
    assert notifier.heard == []
    reload.start()
    assert notifier.heard == ["RELOADING=1", "STATUS=Reloading"]
    work.append(other)
    work.remove(old)
    reload.look()
    assert notifier.heard == ["RELOADING=1", "STATUS=Reloading"], "the new one is still there"
    work.remove(new)
    reload.look()
    reload.look()
    assert notifier.heard == ["RELOADING=1", "STATUS=Reloading", "READY=1", "STATUS=Well"]


def test_a_reload_that_is_done_at_once() -> None:
    notifier = Heard()
    Reload(notifier, lambda: None, [], lambda: "not so well").start()
    assert notifier.heard == ["RELOADING=1", "STATUS=Reloading", "READY=1", "STATUS=not so well"]


# ---- The tracker -------------------------------------------------------------------------------------------

# Hands two sockets over, as descriptors 3 and 4, and becomes the tracker.
MANAGER = """
import os, socket, sys
host = sys.argv[1]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
tcp, udp = socket.socket(family, socket.SOCK_STREAM), socket.socket(family, socket.SOCK_DGRAM)
for number, sock in ((11, tcp), (12, udp)):
    sock.bind((host, 0))
    os.dup2(sock.fileno(), number)
    if sock is tcp:
        sock.listen()
os.dup2(11, 3, inheritable=True)
os.dup2(12, 4, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="web:announces")
os.execv(sys.executable, sys.argv[2:])
"""


def test_a_tracker_serves_what_it_is_given_and_says_how_it_is(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From inside another root directory, where it is started as root."""
    folder = tmp_path / "work"
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    command = [sys.executable, "-P", "-c", MANAGER, HOME, *COMMAND]
    with manager_at(address) as manager:
        with Tracker("-d", str(folder), *allow(folder, HASH_A), sockets=2, command=command) as tracker:
            assert [kind for kind, _, _ in tracker.endpoints] == ["TCP", "UDP"]
            assert told(manager) == ["READY=1", "STATUS=Listening on 2 sockets"]
            with socket.socket(family_of(HOME), socket.SOCK_DGRAM) as client:
                client.settimeout(PATIENCE)
                client.sendto(connect_packet(), tracker.endpoint("UDP"))
                assert len(client.recv(100)) == 16
            assert told(manager) == ["WATCHDOG=1"]
            tracker.signal(signal.SIGHUP)
            heard = []
            while "READY=1" not in heard:
                heard += told(manager)
            assert heard.index("RELOADING=1") < heard.index("READY=1")
            tracker.signal(signal.SIGTERM)
            assert tracker.wait() == 0
        while "STOPPING=1" not in heard:
            heard += told(manager)


@pytest.mark.parametrize(
    "option",
    [
        pytest.param("-b", marks=pytest.mark.needs("WANT_ACCESSLIST_BLACK")),
        pytest.param("-w", marks=pytest.mark.needs("WANT_ACCESSLIST_WHITE")),
    ],
)
def test_a_reload_that_failed_is_shown(
    option: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list"
    path.write_text(HASH_A.hex() + "\n")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    arguments = ["-d", str(tmp_path), option, str(path), "-i", HOME, "-P", "0"]
    with manager_at(address) as manager, Tracker(*arguments, sockets=1) as tracker:
        for text, fails in (("<html>\n", True), (HASH_A.hex() + "\n", False)):
            path.write_text(text)
            tracker.signal(signal.SIGHUP)
            for sign in ("RELOADING=1", "READY=1"):
                heard = told(manager)
                while sign not in heard:
                    heard = told(manager)
            status = next(line for line in heard if line.startswith("STATUS="))
            assert ("; the last reload failed: " in status) is fails


def test_a_tracker_that_is_given_sockets_binds_others_if_it_is_asked_to(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", MANAGER, HOME, *COMMAND]
    options = ["-i", HOME, "-P", "0", *allow(tmp_path, HASH_A)]
    with Tracker(*options, sockets=3, command=command) as tracker:
        assert [kind for kind, _, _ in tracker.endpoints] == ["TCP", "UDP", "UDP"]
