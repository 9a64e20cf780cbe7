"""Streams: long answers of this worker to another process, piece by piece, each of which is asked for.

A stream's source is a generator of bytes, which yields b"" every fraction of a millisecond while it works.
"""

import logging
from collections.abc import Callable, Iterator

from opentracker.protocol.pages import Pieces
from opentracker.server.loop import Loop
from opentracker.server.workers.channel import Channel
from opentracker.server.workers.frames import (
    BROKEN,
    LAST,
    MOST_PAYLOAD,
    NEXT,
    OPEN,
    PIECE,
    Frame,
)

log = logging.getLogger("opentracker")

# Makes a source for an argument.
MakeSource = Callable[[bytes], Pieces]


class OpenStream:
    """A stream that another process reads."""

    def __init__(self, channel: Channel, number: int, source: Pieces) -> None:
        self.channel = channel
        self.number = number
        self.source = source
        self.rest = b""  # of a piece that was too large for one frame
        self.is_closed = False

    def produce(self, forget: Callable[["OpenStream"], None]) -> Iterator[None]:
        """Send the next piece, in steps."""
        piece = self.rest
        while not piece and not self.is_closed:
            try:
                piece = next(self.source)
            except StopIteration:
                self.finish(LAST, forget)
                return
            except Exception as error:
                log.error("a stream for another worker: %r", error, exc_info=error)
                self.finish(BROKEN, forget)
                return
            if not piece:
                yield
        if not self.is_closed:
            self.rest = piece[MOST_PAYLOAD:]
            self.channel.put(PIECE, self.number, piece[:MOST_PAYLOAD])

    def finish(self, kind: int, forget: Callable[["OpenStream"], None]) -> None:
        """End the stream."""
        if not self.is_closed:
            self.channel.put(kind, self.number, b"")
        forget(self)

    def close(self) -> None:
        """Free the source; called once, and not from within the source."""
        self.is_closed = True
        self.source.close()


class Streams:
    """The streams of this worker; `sources` are by name."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.sources: dict[bytes, MakeSource] = {}
        self.opened: dict[tuple[int, int], OpenStream] = {}  # by descriptor of the channel, and number

    def take(self, channel: Channel, frame: Frame) -> None:
        """Take a frame of kind OPEN, NEXT or CLOSE."""
        key = (channel.sock.fileno(), int(frame.number))
        if frame.kind == OPEN:
            name, _, argument = frame.payload.partition(b" ")
            self.opened[key] = OpenStream(channel, int(frame.number), self.sources[name](argument))
            return
        stream = self.opened.get(key)
        if stream is None:  # closed, or of a worker that has died
            return
        if frame.kind == NEXT:
            self.loop.start(stream.produce(self.forget))
        else:
            self.forget(stream)

    def forget(self, stream: OpenStream) -> None:
        """Close a stream."""
        if self.opened.pop((stream.channel.sock.fileno(), stream.number), None) is not None:
            stream.close()

    def lost(self, channel: Channel) -> None:
        """Close all streams of a process that has died."""
        for stream in [each for each in self.opened.values() if each.channel is channel]:
            self.forget(stream)
