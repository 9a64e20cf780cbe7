"""Frames of WebSockets, by the package `websockets`.

Between two messages its protocol has no state, but takes some kilobytes. So a connection has a protocol from the first
byte of a message to the last one, or to its close, and few protocols serve thousands of idle connections.
"""

import logging
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

MOST_MESSAGE: Final = 1 << 16  # bytes: 10 offers of libtorrent are 15 KiB; aquatic has the same limit
MOST_SPARE: Final = 64  # protocols
NO_LOG: Final = logging.getLogger("opentracker.websockets")  # its lines would be written by strangers
PING: Final = Frame(Opcode.PING, b"").serialize(mask=False)


class Framing:
    """A stock of protocols."""

    def __init__(self) -> None:
        NO_LOG.disabled = True
        self.spare: list[Protocol] = []

    def take(self) -> Protocol:
        """A protocol for the bytes of an open connection."""
        if self.spare:
            return self.spare.pop()
        return Protocol(Side.SERVER, state=OPEN, max_size=MOST_MESSAGE, logger=NO_LOG)

    def give_back(self, protocol: Protocol) -> None:
        """Take a protocol back that is at rest."""
        if len(self.spare) < MOST_SPARE:
            self.spare.append(protocol)
        else:
            release(protocol)


def is_at_rest(protocol: Protocol) -> bool:
    """Whether a protocol has no part of a frame or of a message, and the connection stays open."""
    return protocol.state is OPEN and protocol.current_size is None and not protocol.reader.buffer


def release(protocol: Protocol) -> None:
    """End the references of a protocol to itself: it would not be freed without a garbage collector."""
    protocol.parser.close()
    protocol.parser_exc = None
    protocol.handshake_exc = None


def text_frame(message: bytes) -> bytes:
    """A whole text message in one frame."""
    return Frame(Opcode.TEXT, message).serialize(mask=False)
