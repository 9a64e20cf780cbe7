"""The owner's side of requests: this worker carries out what other workers ask of its torrents."""

import logging
from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter

from opentracker.protocol.messages import Announce
from opentracker.server.clock import Now
from opentracker.server.workers.channel import Channel
from opentracker.server.workers.frames import (
    ANNOUNCE,
    ANSWER,
    CLOSE,
    DATAGRAM,
    NEXT,
    OPEN,
    SCRAPE,
    TELL,
    Frame,
)
from opentracker.server.workers.http import SharedHttpResponder
from opentracker.server.workers.requests import scraped, unpack_announce, unpack_datagram
from opentracker.server.workers.streams import Streams
from opentracker.server.workers.udp import SharedUdpResponder

log = logging.getLogger("opentracker")


def hear(hearers: dict[bytes, Callable[[bytes], None]], payload: bytes) -> None:
    """Give a message to the hearer whose name stands before it; another version may have no such hearer."""
    name, _, message = payload.partition(b" ")
    hearer = hearers.get(name)
    if hearer is None:
        log.warning("a message to %s, which is not here, is without effect", name.decode("ascii", "replace"))
    else:
        hearer(message)


class Owner:
    """Answers the requests of other workers."""

    def __init__(
        self,
        http: SharedHttpResponder,
        udp: SharedUdpResponder,
        streams: Streams,
        now: Now,
        hearers: dict[bytes, Callable[[bytes], None]],
    ) -> None:
        self.http = http
        self.udp = udp
        self.streams = streams
        self.now = now
        self.hearers = hearers
        self.request = Announce(both_families=True)

    def serve(self, channel: Channel, frame: Frame) -> None:
        """Answer a frame, or begin to."""
        if frame.kind == ANNOUNCE:  # most frames are
            self.announce(channel, frame)
        else:
            _ANSWERS[int(frame.kind)](self, channel, frame)

    def announce(self, channel: Channel, frame: Frame) -> None:
        """Carry out an announce that has come over HTTP."""
        form = unpack_announce(frame.payload, self.request)
        channel.put(ANSWER, frame.number, self.http.answer_own(self.request, form, self.now.minute))

    def datagram(self, channel: Channel, frame: Frame) -> None:
        """Answer a datagram that the kernel has not steered."""
        address, packet = unpack_datagram(frame.payload)
        out = BytesWriter()
        self.udp.answer_own(packet, len(packet), address, self.now.minute, out)
        channel.put(ANSWER, frame.number, out.getvalue())

    def scrape(self, channel: Channel, frame: Frame) -> None:
        """Count torrents."""
        channel.put(ANSWER, frame.number, scraped(self.http.tracker, frame.payload))

    def hear(self, channel: Channel, frame: Frame) -> None:
        """Give a message to its hearer."""
        hear(self.hearers, frame.payload)

    def stream(self, channel: Channel, frame: Frame) -> None:
        """Go on with a stream."""
        self.streams.take(channel, frame)


_ANSWERS: Final[dict[int, Callable[[Owner, Channel, Frame], None]]] = {
    DATAGRAM: Owner.datagram,
    SCRAPE: Owner.scrape,
    OPEN: Owner.stream,
    NEXT: Owner.stream,
    CLOSE: Owner.stream,
    TELL: Owner.hear,
}
