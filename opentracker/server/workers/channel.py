"""A channel: the Unix socket between two processes of a tracker, on the loop of this one."""

import logging
import socket
from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker.server.loop import READ, WRITE, Handler, Loop
from opentracker.server.workers.frames import HEAD, MOST_BATCH, Frame, parse_frames, write_frame

log = logging.getLogger("opentracker")

ROUNDS: Final = 8  # batches read before other sockets are served
LARGE: Final = (
    MOST_BATCH // 2
)  # bytes; behind a smaller batch there is rarely another one, and looking is a system call
MOST_WAITING: Final = 8 << 20  # bytes of batches that wait for a process that does not read


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a channel."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


class Channel(Handler):
    """Sends and receives frames; `take` gets each frame, and `ended` is called if the other process has closed its end.

    Frames of one iteration of the loop leave together at its end.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: Loop,
        take: Callable[["Channel", Frame], None],
        ended: Callable[["Channel"], None],
    ) -> None:
        self.sock = sock
        self.loop = loop
        self.take = take
        self.ended = ended
        self.out = BytesWriter()  # the batch of this iteration
        self.waiting: list[bytes] = []  # batches that the socket had no room for
        self.weight: i64 = 0  # bytes of the waiting batches
        self.watched = READ
        loop.watch(sock.fileno(), self, READ)

    def put(self, kind: i64, number: i64, payload: bytes) -> None:
        """Send a frame at the end of this iteration."""
        size: i64 = len(self.out)
        if size == 0:
            self.loop.flushes.append(self.flush)
        elif size + HEAD + len(payload) > MOST_BATCH:
            self.cut()
        write_frame(self.out, kind, number, payload)

    def is_clogged(self) -> bool:
        """Whether frames that may be lost had better not be sent: the other process does not read."""
        return self.weight > MOST_WAITING

    def cut(self) -> None:
        """End the batch."""
        batch = self.out.getvalue()
        self.out.truncate(0)
        self.waiting.append(batch)
        self.weight += len(batch)

    def flush(self) -> None:
        """Send the batches, as far as the socket has room."""
        if len(self.out) > 0:
            self.cut()
        while self.waiting:
            batch = self.waiting[0]
            try:
                self.sock.send(batch)
            except (BlockingIOError, InterruptedError):
                self.watch(READ | WRITE)
                return
            except OSError as error:  # the other process is gone; its end is read as such
                log.debug("a channel is closed: %s", error.strerror)
                self.waiting.clear()
                self.weight = 0
                return
            del self.waiting[0]
            self.weight -= len(batch)
        self.watch(READ)

    def watch(self, events: int) -> None:
        """Watch for these events."""
        if events != self.watched:
            self.loop.selector.modify(self.sock.fileno(), events, self)
            self.watched = events

    def ready(self, events: int) -> None:
        """See Handler."""
        if self.sock.fileno() < 0:  # closed by another handler of this iteration
            return
        if events & WRITE:
            self.flush()
        if events & READ:
            self.receive()

    def receive(self) -> None:
        """Take the frames that have come."""
        for _ in range(ROUNDS):
            try:
                batch = self.sock.recv(MOST_BATCH)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                batch = b""
            if not batch:
                self.ended(self)
                return
            for frame in parse_frames(batch):
                try:
                    self.take(self, frame)
                except Exception as error:  # a lack of memory, or a fault of ours: take the others
                    log.error("a frame of kind %d is lost: %r", frame.kind, error, exc_info=error)
            if len(batch) < LARGE or self.sock.fileno() < 0:
                return

    def close(self) -> None:
        """Send what is left, as far as there is room, and close."""
        self.flush()
        self.loop.unwatch(self.sock.fileno())
        self.sock.close()
