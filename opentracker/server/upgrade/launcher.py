"""The launcher: a process beside the tracker that starts the installed version when it is asked to.

A serving tracker has no right to start a program: it may have given root's rights away, its root directory is another
one, and its sandbox hides all programs. So the launcher is forked at the start, before that, and keeps the rights of
the start. It starts one command, the one that it was started by itself, with the same environment and directory. It
reads nothing but one-byte orders of the tracker, and ends with the tracker.
"""

import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, MutableMapping
from typing import Final

from opentracker.server.loop import READ, Handler, Loop

log = logging.getLogger("opentracker")

VARIABLE: Final = "OPENTRACKER_UPGRADE"  # the descriptor of the channel to the running tracker
FIRST: Final = 3  # that descriptor
START: Final = b"s"  # with the descriptor beside it
KILL: Final = b"k"
KEEP: Final = b"r"  # the process that was started lives on when this one ends
STARTED: Final = b"s"  # and the process id
ENDED: Final = b"e"  # and the exit status, or minus the signal
IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Launcher(Handler):
    """The tracker's end; `started` and `ended` are called with the process id, and with the exit status."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.started: Callable[[int], None] = ignore
        self.ended: Callable[[int], None] = ignore

    def join(self, loop: Loop) -> None:
        """Hear of the process that was started."""
        loop.watch(self.sock.fileno(), self, READ)

    def start(self, channel: socket.socket) -> None:
        """Start the installed version with one end of a channel. Raises OSError."""
        socket.send_fds(self.sock, [START], [channel.fileno()])

    def kill(self) -> None:
        """Kill the process that was started; `ended` follows."""
        self.sock.send(KILL)

    def keep(self) -> None:
        """Let the process that was started outlive this one."""
        self.sock.send(KEEP)

    def ready(self, events: int) -> None:
        """See Handler."""
        try:
            message = self.sock.recv(64)
        except BlockingIOError:
            return
        kind, number = message[:1], message[1:]
        if kind == STARTED:
            self.started(int(number))
        elif kind == ENDED:
            self.ended(int(number))

    def close(self) -> None:
        """End the launcher."""
        self.sock.close()


def ignore(number: int) -> None:
    """Do nothing."""


def fork() -> Launcher:
    """Start the launcher, a fork of this process before it has opened anything; returns the tracker's end."""
    command = command_of(sys.argv, sys.orig_argv)
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            ours.close()
            be_launcher(its, command)
            status = 0
        finally:
            os._exit(status)
    its.close()
    ours.setblocking(False)
    return Launcher(ours)


def command_of(argv: list[str], original: list[str]) -> list[str]:
    """The command of this process: its script, if that can be executed, as the interpreter may be another one then."""
    script = os.path.abspath(argv[0])
    if argv[0] in original and os.access(script, os.X_OK) and not os.path.isdir(script):
        return [script, *argv[1:]]
    return [sys.executable, *original[1:]]


def be_launcher(orders: socket.socket, command: list[str]) -> None:
    """Obey the tracker until it ends."""
    signal.set_wakeup_fd(-1)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    orders.setblocking(True)
    for fd in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        if int(fd) > 2 and int(fd) != orders.fileno():
            close_quietly(int(fd))
    _Keeper(orders, command).run()


def close_quietly(fd: int) -> None:
    """Close a descriptor, which may be closed already."""
    try:
        os.close(fd)
    except OSError:
        pass


class _Keeper:
    """The launcher's side."""

    def __init__(self, orders: socket.socket, command: list[str]) -> None:
        self.orders = orders
        self.command = command
        self.child = 0  # the process that was started
        self.watched = -1  # a descriptor of the child, readable once it has ended
        self.keeps = False

    def run(self) -> None:
        """Obey until the tracker's end of the socket is closed."""
        while True:
            fds = [self.orders.fileno()] + ([self.watched] if self.watched >= 0 else [])
            for fd in select.select(fds, [], [])[0]:
                if fd == self.watched:
                    self.bury()
                elif not self.obey():
                    if self.child and not self.keeps:
                        os.kill(self.child, signal.SIGKILL)
                    return

    def obey(self) -> bool:
        """Carry out the next order; False at the end of the tracker."""
        try:
            order, passed, _, _ = socket.recv_fds(self.orders, 16, 1)
        except ConnectionError:
            return False
        if order == START and passed and not self.child:
            self.start(passed[0])
        elif order == KILL and self.child:
            os.kill(self.child, signal.SIGKILL)
        elif order == KEEP:
            self.keeps = True
        return order != b""

    def start(self, channel: int) -> None:
        """Start the command."""
        pid = os.fork()
        if pid == 0:
            try:
                become(self.command, channel, os.environ)
            finally:
                os._exit(127)
        os.close(channel)
        self.child = pid
        self.watched = os.pidfd_open(pid)
        self.orders.send(STARTED + b"%d" % pid)

    def bury(self) -> None:
        """Tell of the end of the process that was started."""
        os.close(self.watched)
        status = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
        self.child, self.watched = 0, -1
        self.orders.send(ENDED + b"%d" % status)


def become(command: list[str], channel: int, environment: MutableMapping[str, str]) -> None:
    """Execute the command in place of this process, with default signals and the channel as descriptor FIRST."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)
    if channel != FIRST:
        os.dup2(channel, FIRST)
        os.close(channel)
    os.set_inheritable(FIRST, True)
    environment[VARIABLE] = str(FIRST)
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environment.pop(name, None)
    if "WATCHDOG_PID" in environment:
        environment["WATCHDOG_PID"] = str(os.getpid())
    os.execve(command[0], command, environment)  # noqa: S606 - the command of this process
