"""The other workers, as one of them sees them: requests to the owners of torrents, streams, and all answers."""

import logging
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from opentracker.server.loop import Loop
from opentracker.server.waiting import Waiting, WaitingCall
from opentracker.server.workers.channel import Channel
from opentracker.server.workers.frames import (
    ANSWER,
    BROKEN,
    CLOSE,
    DATAGRAM,
    LAST,
    NEXT,
    OPEN,
    PIECE,
    TELL,
    Frame,
)
from opentracker.swarm.ownership import Ownership

log = logging.getLogger("opentracker")

PATIENCE: Final = 30.0  # seconds to wait for an answer; a worker that was replaced may load its state first
MOST_NUMBER: Final = 1 << 30


class Awaited:
    """An answer that comes later, and what waits for it."""

    __slots__ = ("waiting",)

    def __init__(self, waiting: Waiting) -> None:
        self.waiting = waiting


class Asked(Awaited):
    """The answer to a request of this worker."""

    __slots__ = ("deadline", "kind", "owner", "payload")

    def __init__(self, owner: i64, kind: i64, payload: bytes, waiting: Waiting, deadline: float) -> None:
        super().__init__(waiting)
        self.owner: i64 = owner
        self.kind: i64 = kind
        self.payload = payload
        self.deadline = deadline


class StreamLost(Exception):
    """A stream was cut: its worker has died, or met a fault."""

    def __init__(self, worker: int) -> None:
        super().__init__(f"worker {worker} has died in the middle")


class RemoteStream:
    """The pieces of a stream of another worker, one ahead of its reader."""

    def __init__(self, mesh: "Mesh", worker: int, question: bytes) -> None:
        self.mesh = mesh
        self.worker = worker
        self.question = question  # the payload of OPEN
        self.piece = b""
        self.has_begun = False  # whether a piece has come
        self.is_over = False
        self.is_broken = False
        self.ask()

    def ask(self) -> None:
        """Ask for the first piece."""
        self.number = self.mesh.next_number()
        self.mesh.streams[self.number] = self
        self.mesh.send(self.worker, OPEN, self.number, self.question)
        self.mesh.send(self.worker, NEXT, self.number, b"")

    def ask_successor(self) -> None:
        """Ask the successor of a worker that has died for all of the stream, unless its begin has come."""
        if self.has_begun:
            self.cut()
        else:
            self.close()  # the successor may have read what was meant for the one before it
            self.ask()

    def take(self) -> bytes:
        """The next piece; empty while there is none, and at the end. Raises StreamLost."""
        if self.is_broken:
            raise StreamLost(self.worker)
        piece, self.piece = self.piece, b""
        if piece:
            self.mesh.send(self.worker, NEXT, self.number, b"")
        elif not self.is_over:
            self.mesh.loop.resting = True
        return piece

    def has_come(self, frame: Frame) -> None:
        """Take a frame of this stream."""
        if frame.kind == PIECE:
            self.piece = frame.payload
            self.has_begun = True
            return
        if frame.kind == BROKEN:
            self.cut()
            return
        self.is_over = True
        self.mesh.streams.pop(self.number, None)

    def cut(self) -> None:
        """End in the middle."""
        self.is_broken = True
        self.mesh.streams.pop(self.number, None)

    def close(self) -> None:
        """Read no further."""
        if self.mesh.streams.pop(self.number, None) is not None:
            self.mesh.send(self.worker, CLOSE, self.number, b"")


class Mesh:
    """The channels to the other workers; `serve` takes their requests."""

    def __init__(self, ownership: Ownership, first_number: int) -> None:
        self.ownership = ownership
        self.channels: dict[int, Channel] = {}
        self.asked: dict[int, Asked] = {}
        self.streams: dict[int, RemoteStream] = {}
        # Called with the number of a worker that has a successor.
        self.successions: list[Callable[[int], None]] = []
        # A worker that replaces another one begins at another number, so that late answers to the other are known.
        self.number = first_number % MOST_NUMBER

    def join(self, loop: Loop, serve: Callable[[Channel, Frame], None]) -> None:
        """Set the loop, and the function that takes requests."""
        self.loop = loop
        self.serve = serve

    def others(self) -> list[int]:
        """The numbers of the other workers."""
        return sorted(self.channels)

    def send(self, worker: int, kind: int, number: int, payload: bytes) -> None:
        """Send a frame to a worker."""
        self.channels[worker].put(kind, number, payload)

    def tell(self, worker: i64, name: bytes, message: bytes) -> bool:
        """Give a message to a hearer of another worker; False if that worker does not read."""
        channel = self.channels[worker]
        if channel.is_clogged():
            return False
        channel.put(TELL, 0, name + b" " + message)
        return True

    def next_number(self) -> int:
        """The number of a new request."""
        self.number = (self.number + 1) % MOST_NUMBER
        return self.number

    def ask(self, owner: i64, kind: i64, payload: bytes, done: Callable[[bytes], None]) -> None:
        """Send a request to the owner of a torrent; `done` is called with the answer, or never."""
        self.ask_for(WaitingCall(done), owner, kind, payload)

    def ask_for(self, waiting: Waiting, owner: i64, kind: i64, payload: bytes) -> Asked:
        """Send a request to the owner of a torrent; `waiting`, which may be replaced, gets the answer, or never."""
        channel = self.channels[owner]
        asked = Asked(owner, kind, payload, waiting, self.loop.now.seconds + PATIENCE)
        if kind != DATAGRAM or not channel.is_clogged():
            number = self.next_number()
            self.asked[number] = asked
            channel.put(kind, number, payload)
        return asked

    def open(self, worker: int, name: bytes, argument: bytes = b"") -> RemoteStream:
        """Begin to read a stream of another worker."""
        return RemoteStream(self, worker, name + b" " + argument)

    def take(self, channel: Channel, frame: Frame) -> None:
        """Take a frame of another worker."""
        kind = frame.kind
        if kind == ANSWER:
            asked = self.asked.pop(frame.number, None)
            if asked is not None:
                asked.waiting.answered(frame.payload)
        elif kind in (PIECE, LAST, BROKEN):
            stream = self.streams.get(frame.number)
            if stream is not None:
                stream.has_come(frame)
        else:
            self.serve(channel, frame)

    def lost(self, worker: int) -> None:
        """Break the streams of a worker that has died, since its channel has ended with it."""
        for stream in self.streams_of(worker):
            stream.cut()

    def succeeded(self, worker: int) -> None:
        """Ask the successor of a worker that has died what the one before it has not answered, and call `successions`.

        It has the same channel, so all frames before its first one are of the one before it.
        """
        for stream in self.streams_of(worker):
            stream.ask_successor()
        for number, asked in self.asked.items():
            if asked.owner == worker:
                self.send(worker, int(asked.kind), number, asked.payload)
        for action in self.successions:
            action(worker)

    def streams_of(self, worker: int) -> list[RemoteStream]:
        """The streams of a worker that are read."""
        return [stream for stream in self.streams.values() if stream.worker == worker]

    def sweep(self) -> None:
        """Forget requests that are overdue; called every few seconds."""
        seconds = self.loop.now.seconds
        for number in [number for number, asked in self.asked.items() if asked.deadline <= seconds]:
            del self.asked[number]
