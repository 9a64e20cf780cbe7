"""The control socket: a Unix socket for the operator, with lines of commands in and lines of JSON out.

It is opened before rights are given up, with the mode of `control.mode`, and removed at the end. A socket that an ended
tracker has left is replaced; anything else at the path is left alone, and ends the start.

Clients are bounded: MOST_CLIENTS at a time, lines of LONGEST_LINE bytes, one command in an iteration of the loop, and
none while an answer waits. A client that sends no command or takes no answer for IDLE seconds is disconnected.
"""

import errno
import logging
import os
import re
import socket
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, Protocol

from opentracker._features import WANT_WORKERS
from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings, Take
from opentracker.config.values import shown
from opentracker.errors import StartError
from opentracker.features.control.commands import LONGEST_LINE, STREAM, Commands, changes, for_log
from opentracker.features.feature import Feature, Overseer
from opentracker.server.core import Core
from opentracker.server.loop import READ, WRITE, Handler, Loop

if WANT_WORKERS:
    from opentracker.features.control.shared import SharedCommands

log = logging.getLogger("opentracker")

MOST_CLIENTS: Final = 16
IDLE: Final = 300.0  # seconds
SWEEP: Final = 10.0  # seconds between two looks for idle clients
BACKLOG: Final = 8
TOO_LONG: Final = b'{"ok": false, "error": "the line is too long"}\n'
TOO_MANY: Final = b'{"ok": false, "error": "too many clients"}\n'
CREDENTIALS: Final = "3i"  # Linux's struct ucred: process, user, group
NOTHING: Final = 0  # no events
NAME: Final = "control"


class Answering(Protocol):
    """Answers the lines of clients."""

    def begin(self, line: bytes, done: Callable[[bytes], None]) -> None:
        """Call `done` with the answer to a line, at once or later."""


def obey(commands: Commands, line: bytes) -> None:
    """Carry a command out for the supervisor, or again for the version before, which needs no answer."""
    commands.answer(line)


@dataclass
class ControlSettings:
    """The control socket; without a path there is none."""

    path: Path | None = None
    mode: int = 0o600


SOCKET: Final = NamedPath(
    ControlSettings, "path", "would open the control socket", key="control.socket", writes=True
)


def mode(settings: Settings, value: str) -> None:
    """`control.mode`."""
    if not re.fullmatch("0?[0-7]{3}", value):
        raise ValueError("expected a mode of three octal digits, as in 0660")
    settings.of(ControlSettings).mode = int(value, 8)


class ControlClient(Handler):
    """A client's connection."""

    def __init__(
        self, sock: socket.socket, loop: Loop, commands: Answering, left: Callable[[], None]
    ) -> None:
        self.sock = sock
        self.loop = loop
        self.commands = commands
        self.left = left
        self.who = user_of(sock)
        self.received = b""
        self.unsent = b""
        self.ends = False  # after the unsent bytes
        self.leaves = False  # after the answers to all lines that have come
        self.is_waiting = False  # for an answer of other processes
        self.watched = READ
        self.active_at = loop.now.seconds
        loop.watch(sock.fileno(), self, READ)

    def ready(self, events: int) -> None:
        """See Handler."""
        try:
            if events & READ and not self.read():
                self.close()
                return
            self.answer()
            self.send()
        except BlockingIOError:
            pass
        except OSError:  # the client is gone
            self.close()
            return
        if (self.ends or (self.leaves and not self.is_busy())) and not self.unsent:
            self.close()
            return
        self.watch()

    def is_busy(self) -> bool:
        """Whether a line that has come is without an answer."""
        return self.is_waiting or b"\n" in self.received

    def leave(self) -> None:
        """Answer the lines that have come, and close."""
        self.leaves = True
        if not self.is_waiting:
            self.ready(READ)

    def watch(self) -> None:
        """Watch for what comes next."""
        wanted = WRITE if self.unsent or b"\n" in self.received else READ
        if self.is_waiting:
            wanted = NOTHING
        if wanted != self.watched:
            if self.watched != NOTHING:
                self.loop.unwatch(self.sock.fileno())
            if wanted != NOTHING:
                self.loop.watch(self.sock.fileno(), self, wanted)
            self.watched = wanted

    def read(self) -> bool:
        """Read some bytes; False at the end of the client's lines."""
        data = self.sock.recv(LONGEST_LINE)
        self.received += data
        self.active_at = self.loop.now.seconds
        return len(data) > 0

    def answer(self) -> None:
        """Answer the first line, if no answer waits; the others follow in the next iterations of the loop."""
        line, end, rest = self.received.partition(b"\n")
        if len(line) > LONGEST_LINE:
            self.unsent += TOO_LONG
            self.ends = True
        elif end and not self.unsent:
            self.received = rest
            if changes(line):
                log.info("control: %s: %s", self.who, for_log(line))
            self.is_waiting = True
            self.commands.begin(line, self.take)

    def take(self, answer: bytes) -> None:
        """Take the answer to the last line."""
        self.unsent += answer
        self.is_waiting = False
        if self.watched == NOTHING and self.sock.fileno() >= 0:
            self.watch()

    def send(self) -> None:
        """Send what the client takes. Raises BlockingIOError if it takes nothing."""
        if self.unsent:
            self.unsent = self.unsent[self.sock.send(self.unsent) :]
            self.active_at = self.loop.now.seconds

    def is_idle(self, seconds: float) -> bool:
        """Whether nothing was sent or taken for too long."""
        return seconds - self.active_at > IDLE

    def close(self) -> None:
        """Close the connection."""
        if self.watched != NOTHING:
            self.loop.unwatch(self.sock.fileno())
        self.sock.close()
        self.left()


class ControlListener(Handler):
    """The listening socket, and its clients."""

    def __init__(self, sock: socket.socket, loop: Loop, commands: Answering) -> None:
        self.sock = sock
        self.loop = loop
        self.commands = commands
        self.clients: list[ControlClient] = []
        loop.watch(sock.fileno(), self, READ)

    def ready(self, events: int) -> None:
        """See Handler."""
        try:
            client, _ = self.sock.accept()
        except OSError as error:  # no client, or no descriptors left
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                log.error("the control socket accepts nobody: %s", error.strerror)
            return
        client.setblocking(False)
        if len(self.clients) >= MOST_CLIENTS:
            client.send(TOO_MANY)
            client.close()
            return
        self.clients.append(ControlClient(client, self.loop, self.commands, self.forget))

    def shut(self) -> None:
        """See Inlet: clients wait in the socket, which is handed over, and the connections end."""
        self.loop.unwatch(self.sock.fileno())
        for client in list(self.clients):
            client.leave()

    def is_quiet(self) -> bool:
        """See Inlet."""
        return not any(client.is_busy() for client in self.clients)

    def last_words(self) -> list[bytes]:
        """See Inlet: the commands are kept already."""
        return []

    def open(self) -> None:
        """See Inlet."""
        for client in self.clients:
            client.leaves = False
        self.loop.watch(self.sock.fileno(), self, READ)

    def forget(self) -> None:
        """Forget clients that were closed."""
        self.clients = [client for client in self.clients if client.sock.fileno() >= 0]

    def sweep(self) -> None:
        """Disconnect idle clients."""
        for client in list(self.clients):
            if client.is_idle(self.loop.now.seconds):
                client.close()

    def close(self) -> None:
        """Disconnect all clients."""
        for client in list(self.clients):
            client.sock.close()
        self.clients.clear()


def user_of(sock: socket.socket) -> str:
    """The user behind a connection, where the system tells it (Linux)."""
    if not hasattr(socket, "SO_PEERCRED"):
        return "a user"
    size = struct.calcsize(CREDENTIALS)
    uid = struct.unpack(CREDENTIALS, sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1]
    return f"uid {uid}"


# ---- The socket's file -------------------------------------------------------------------------------------


def check_place(path: Path) -> None:
    """Raise StartError if no socket can be made at a path: its directory is missing, or something else is there."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise StartError(f"cannot open the control socket {path}: its directory does not exist") from None
        return
    except OSError as error:
        raise StartError(f"cannot open the control socket {path}: {error.strerror}") from error
    if not stat.S_ISSOCK(there.st_mode):
        raise StartError(f"cannot open the control socket {path}: there is something else")
    if is_served(path):
        raise StartError(f"cannot open the control socket {path}: another process serves it")


def is_served(path: Path) -> bool:
    """Whether a process listens at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:  # its backlog is full
            return True
        except OSError as error:
            return error.errno != errno.ECONNREFUSED
    return True


def open_socket(path: Path, mode: int) -> socket.socket:
    """A listening socket at a path. Raises StartError."""
    check_place(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777)  # nobody may connect before the mode is set
    try:
        path.unlink(missing_ok=True)
        sock.bind(str(path))
        path.chmod(mode)
        sock.listen(BACKLOG)
    except OSError as error:  # also: a path of over 107 bytes
        sock.close()
        raise StartError(f"cannot open the control socket {path}: {error.strerror or error}") from error
    finally:
        os.umask(before)
    sock.setblocking(False)
    return sock


class ControlFeature(Feature[Core]):
    """The control socket, as a feature."""

    in_workers: ClassVar[bool] = True
    is_asked_for: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"control.mode": mode}
    paths: ClassVar[tuple[NamedPath, ...]] = (SOCKET,)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.sock: socket.socket | None = None
        self.listeners: list[ControlListener] = []
        self.inode = 0
        self.name = ""  # under which an upgrade hands the socket over

    def plan(self) -> Iterator[str]:
        """See Feature."""
        if SOCKET.of(self.settings) is not None:
            asked = self.settings.of(ControlSettings)
            yield f"would open the control socket {shown(str(asked.path))} with the mode {asked.mode:04o}"

    def place(self) -> Path | None:
        """The path before the root directory is changed: relative to the tracker's directory."""
        path = SOCKET.of(self.settings)
        return None if path is None else self.settings.directory.absolute() / path

    def open(self) -> None:
        """Open the socket. Raises StartError."""
        path = self.place()
        if path is None:
            return
        left, mode = self.settings.left, self.settings.of(ControlSettings).mode
        self.name = f"{NAME} {path}"
        if self.name in left.named and path.is_socket():
            self.sock = left.take(self.name)
        if self.sock is None:
            self.sock = open_socket(path, mode)
        else:
            path.chmod(mode)
        left.own[self.name] = self.sock
        self.inode = path.stat().st_ino
        SOCKET.put(self.settings, path)
        if os.geteuid() == 0 and not path.is_relative_to(self.settings.directory.absolute()):
            log.info("%s is outside of the root directory: it stays after the end", path)
            SOCKET.put(self.settings, None)

    def try_open(self) -> None:
        """Raise StartError if `open` would fail."""
        path = self.place()
        if path is not None:
            check_place(path)

    def join(self, host: Core) -> None:
        """Have the loop serve the socket."""
        commands = Commands(host)
        host.hearers[STREAM] = partial(obey, commands)
        if self.settings.workers == 1:
            self.serve(host, host.loop, commands)

    def oversee(self, overseer: Overseer) -> None:
        """Have the supervisor of several workers serve the socket."""
        if WANT_WORKERS:
            commands = SharedCommands(overseer)
            overseer.hearers[STREAM] = commands.hear
            self.serve(overseer, overseer.part(Loop), commands)

    def serve(self, host: Core | Overseer, loop: Loop, commands: Answering) -> None:
        """Have a loop serve the socket."""
        if self.sock is None:
            return
        listener = ControlListener(self.sock, loop, commands)
        self.listeners.append(listener)
        host.inlets.append(listener)
        loop.every(SWEEP, listener.sweep)

    def inherit(self, proc: int, is_successor: bool) -> None:
        """Leave the socket and its clients to the supervisor."""
        for listener in self.listeners:
            listener.close()
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def close(self) -> None:
        """Disconnect all clients, and remove the socket unless there is another one, or another process serves it."""
        if self.sock is None:
            return
        for listener in self.listeners:
            listener.close()
        self.sock.close()
        self.sock = None
        path = SOCKET.of(self.settings)
        if self.name in self.settings.left.passed_on:
            return
        try:
            if path is not None and path.stat().st_ino == self.inode:
                path.unlink()
        except OSError as error:
            log.info("the control socket %s stays: %s", path, error.strerror)
