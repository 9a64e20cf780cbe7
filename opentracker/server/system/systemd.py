"""systemd's protocols for service managers: sockets that the manager passes on, and notifications to it.

Sockets come as descriptors from 3 on, by `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` (sd_listen_fds(3)).
Notifications are datagrams to the socket that `NOTIFY_SOCKET` names (sd_notify(3)): the tracker is ready, it is
reloading, it is ending, and, at intervals while the loop runs, it is alive. Without these variables this module does
nothing.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.errors import StartError
from opentracker.server.sockets import describe, prepare_tcp, prepare_udp

log = logging.getLogger("opentracker")

FIRST: Final = 3  # SD_LISTEN_FDS_START
MOST_SOCKETS: Final = 1024
MICROSECONDS: Final = 1_000_000
SHORTEST_WATCHDOG: Final = 0.1  # least seconds between two signs of life


def number_in(environment: Mapping[str, str], name: str) -> int:
    """The number in a variable; 0 if it is not set. Raises StartError."""
    text = environment.get(name, "") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise StartError(f"{name}={text!r}, from the service manager: expected a number")
    return int(text)


def passed_sockets(environment: Mapping[str, str], pid: int, first: int = FIRST) -> list[socket.socket]:
    """The sockets that a service manager has opened for the process with this id. Raises StartError."""
    if number_in(environment, "LISTEN_PID") != pid:
        return []  # they were meant for another process, such as our parent
    count = number_in(environment, "LISTEN_FDS")
    if count > MOST_SOCKETS:
        raise StartError(f"LISTEN_FDS={count}, from the service manager: expected at most {MOST_SOCKETS}")
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    sockets: list[socket.socket] = []
    try:
        for number in range(count):
            name = names[number] if number < len(names) else ""
            sockets.append(passed_socket(first + number, name or "unknown"))
    except StartError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def passed_socket(fd: int, name: str) -> socket.socket:
    """The socket of a descriptor, with its options set. Raises StartError for one that cannot be served."""
    where = f"descriptor {fd} ({name!r}), from the service manager"
    try:
        os.set_inheritable(fd, False)
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise StartError(f"{where}: {error.strerror}") from error
    try:
        fault = fault_of(sock)
        if fault:
            raise StartError(f"{where}: {fault}")
        sock.setblocking(False)
        if sock.type == socket.SOCK_STREAM:
            prepare_tcp(sock)
        else:
            prepare_udp(sock)
    except BaseException:
        sock.close()
        raise
    log.debug("%s is %s", where, describe(sock))
    return sock


def fault_of(sock: socket.socket) -> str:
    """The reason why this build cannot serve a socket; empty if it can."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return "it is not an IPv4 or IPv6 socket"
    if sock.type not in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        return "it is not a TCP or UDP socket"
    if sock.type == socket.SOCK_STREAM:
        if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return "it does not listen (of a socket unit: Accept=no is needed)"
    elif sock.getsockname()[1] == 0:
        return "it is not bound to a port"
    v6 = sock.family == socket.AF_INET6
    if WANT_V4_ONLY and v6:
        return "it is of IPv6, and this build serves IPv4 alone (WANT_V4_ONLY)"
    if WANT_V6 and not (v6 and sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)):
        return "it takes IPv4, and this build serves IPv6 alone (WANT_V6): BindIPv6Only=ipv6-only is needed"
    return ""


def connected(address: str) -> socket.socket | None:
    """A connection to a manager's socket (`@`: an abstract one); None, with a warning, if that fails."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
    except (OSError, ValueError) as error:
        log.warning("cannot reach the service manager at %r: %s", address, error)
        sock.close()
        return None
    return sock


class Notifier:
    """Sends notifications to a service manager, if there is one.

    The socket is connected at once, before the root directory hides it. Notifications to a manager that does not read
    are lost.
    """

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self.sock = connected(address) if address else None
        self.watchdog_interval = 0.0  # seconds between two signs of life; 0: none is expected
        # The manager waits twice as long. Without WATCHDOG_PID the variable is meant for every process that has it.
        if number_in(environment, "WATCHDOG_PID") in (0, pid):
            interval = number_in(environment, "WATCHDOG_USEC") / 2 / MICROSECONDS
            if self.sock is not None and interval > 0:
                self.watchdog_interval = max(interval, SHORTEST_WATCHDOG)

    def tell(self, *lines: str) -> None:
        """Send assignments such as `READY=1`."""
        if self.sock is not None:
            try:
                self.sock.send("\n".join(lines).encode())
            except OSError as error:
                log.debug("the service manager was not told %s: %s", lines[0], error.strerror)

    def is_ready(self, status: str) -> None:
        """Notify that all sockets are bound and all files loaded, or loaded again."""
        self.tell("READY=1", f"STATUS={status}")

    def is_reloading(self) -> None:
        """Notify that a reload begins; `is_ready` ends it."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.tell("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=Reloading")

    def is_stopping(self) -> None:
        """Notify that the end has begun."""
        self.tell("STOPPING=1", "STATUS=Ending")

    def is_alive(self) -> None:
        """Notify that the loop runs."""
        self.tell("WATCHDOG=1")

    def close(self) -> None:
        """Close the connection."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None


class Reload:
    """Reports a reload to a service manager: from the signal until the last work that the reload began is done.

    `status` returns the text for its end, with faults such as a failed reload.
    """

    def __init__(
        self,
        notifier: Notifier,
        action: Callable[[], None],
        work: Sequence[object],
        status: Callable[[], str],
    ) -> None:
        self.notifier = notifier
        self.action = action
        self.work = work  # the loop's long work
        self.status = status
        self.begun: list[object] | None = None

    def start(self) -> None:
        """Reload, in answer to SIGHUP."""
        self.notifier.is_reloading()
        before = list(self.work)
        self.action()
        begun = [work for work in self.work if not any(work is old for old in before)]
        self.begun = (self.begun or []) + begun
        self.look()

    def look(self) -> None:
        """Notify the manager if the reload is done; called at intervals."""
        if self.begun is not None and not any(work is new for work in self.work for new in self.begun):
            self.begun = None
            self.notifier.is_ready(self.status())
