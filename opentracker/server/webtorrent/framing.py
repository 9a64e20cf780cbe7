"""Frames of WebSockets, by the package `websockets`.

Between two messages its protocol has no state, but takes some kilobytes. So a connection has a protocol from the first
byte of a message to the last one, or to its close, and few protocols serve thousands of idle connections.

Nearly all frames are whole texts of less than 64 KiB that come in one piece. `split_texts` takes these, and
`text_frame` makes them, with the package's masks and without its generators and objects, which are five times slower.
"""

import logging
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

try:
    from websockets.speedups import apply_mask
except ImportError:  # the package was built without a compiler
    from websockets.utils import apply_mask

MOST_MESSAGE: Final = 1 << 16  # bytes: 10 offers of libtorrent are 15 KiB; aquatic has the same limit
MOST_SPARE: Final = 64  # protocols
NO_LOG: Final = logging.getLogger("opentracker.websockets")  # its lines would be written by strangers
WHOLE_TEXT: Final = 0x81  # the first byte of a frame: FIN, no extension, text
MASKED: Final = 0x80  # in the second one, beside the length
SHORT: Final = 126  # a length below it is in the second byte; it stands for two bytes of length behind
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


def split_texts(data: bytes) -> tuple[list[bytes], bytes]:
    """The messages of the whole texts at the beginning of a client's bytes, and the bytes from another frame on."""
    texts: list[bytes] = []
    at = 0
    size = len(data)
    while size - at >= 6 and data[at] == WHOLE_TEXT:
        length = data[at + 1] - MASKED
        start = at + 6
        if length == SHORT and size - at >= 8:
            length = data[at + 2] << 8 | data[at + 3]
            start = at + 8
        elif not 0 <= length < SHORT:  # not masked, or longer
            break
        if start + length > size:
            break
        at = start + length
        texts.append(apply_mask(data[start:at], data[start - 4 : start]))
    return texts, data[at:]


def text_frame(message: bytes) -> bytes:
    """A whole text message in one frame."""
    size = len(message)
    if size < SHORT:
        return b"\x81%c%b" % (size, message)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), message)
    return Frame(Opcode.TEXT, message).serialize(mask=False)
