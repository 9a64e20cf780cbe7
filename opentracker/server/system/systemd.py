"""A service manager's side of the tracker: sockets that it hands over, and what it is told (systemd's protocols).

Sockets come as descriptors from 3 on, as `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` say (sd_listen_fds(3)). The
manager is told in datagrams to the socket that `NOTIFY_SOCKET` names (sd_notify(3)): that all is bound and loaded, that
a reload goes on, that the end has begun, and as long as the loop turns that it does. Without these variables nothing of
it happens.
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
SHORTEST_WATCHDOG: Final = 0.1  # seconds between two signs of life, at the least


def number_in(environment: Mapping[str, str], name: str) -> int:
    """The number in a variable; 0 where it is not set. Raises StartError."""
    text = environment.get(name, "") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise StartError(f"{name}={text!r}, from the service manager: expected a number")
    return int(text)


def passed_sockets(environment: Mapping[str, str], pid: int, first: int = FIRST) -> list[socket.socket]:
    """The sockets that a service manager has opened for the process with this id. Raises StartError."""
    if number_in(environment, "LISTEN_PID") != pid:
        return []  # they were meant for somebody else, a parent of ours
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
    """The socket behind a descriptor, made ready. Raises StartError for one that cannot be served."""
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
    """Why a socket cannot be served by this build; empty if it can."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return "it is no IPv4 or IPv6 socket"
    if sock.type not in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        return "it is no TCP or UDP socket"
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
    """A connection to a manager's socket, `@` standing for an abstract one; None, and a warning, if it is not there."""
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
    """Tells a service manager how the tracker is; without one it tells nobody.

    The socket is connected at once, before the root directory hides it. A manager that does not read loses what it is
    told.
    """

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self.sock = connected(address) if address else None
        self.watchdog_interval = 0.0  # seconds between two signs of life; 0: none is expected
        # The manager waits twice as long. Without WATCHDOG_PID it means every process that has the variable.
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
        """Everything is bound and loaded, or loaded again."""
        self.tell("READY=1", f"STATUS={status}")

    def is_reloading(self) -> None:
        """A reload begins; `is_ready` ends it."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.tell("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=Reloading")

    def is_stopping(self) -> None:
        """The end has begun."""
        self.tell("STOPPING=1", "STATUS=Ending")

    def is_alive(self) -> None:
        """The loop turns."""
        self.tell("WATCHDOG=1")

    def close(self) -> None:
        """Close the connection."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None


class Reload:
    """A reload as a service manager sees it: from the signal until the last work that it began is done.

    `status` tells how the tracker is by then, a reload that failed included.
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
        self.work = work  # what the loop has to do
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
        """Tell when it is done; to be called now and then."""
        if self.begun is not None and not any(work is new for work in self.work for new in self.begun):
            self.begun = None
            self.notifier.is_ready(self.status())
