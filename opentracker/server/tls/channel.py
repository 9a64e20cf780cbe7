"""The channel of a connection that speaks TLS.

The session works on two buffers in memory, between which and the socket this channel moves the records. That takes
fewer system calls than a session on the socket itself, which reads each record in two: a new connection with one
request costs 290 to 360 us either way, nearly all of it the handshake. Bytes of another protocol can be read before
TLS sees them.
"""

import os
import ssl
from typing import Final

MOST_AT_ONCE: Final = 1 << 16  # bytes that are encrypted at a time
RECORD: Final = 1 << 14  # bytes of text in a record (RFC 8446, 5.1)
MOST_REPLIES: Final = 1 << 16  # bytes of records that a client makes the session send without taking any


class TlsChannel:
    """See `server.http.channel`. The first reads of a connection are the handshake's, by `feed` and `shake`."""

    __slots__ = ("has_answered", "held", "incoming", "outgoing", "session", "unsent")

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.unsent = b""  # records that the socket has not taken
        self.held = 0  # bytes of text in `unsent` that have not been reported as taken
        self.has_answered = False

    def feed(self, data: bytes) -> None:
        """Give the session bytes that have come."""
        self.incoming.write(data)

    def shake(self) -> bool:
        """Go on with the handshake; returns whether it is complete. Raises ssl.SSLError if it has failed."""
        try:
            self.session.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self, fd: int, size: int, /) -> bytes:
        """See Channel: the text of all records that are complete."""
        data = os.read(fd, size)
        if not data:
            return b""
        self.incoming.write(data)
        text, is_over = self.decrypt()
        if self.outgoing.pending:
            self.reply(fd)
        if not text and not is_over:
            raise BlockingIOError
        return text

    def decrypt(self) -> tuple[bytes, bool]:
        """The text of the complete records, and whether the client has said that no more will come."""
        text = b""
        while True:
            try:
                part = self.session.read(RECORD)
            except ssl.SSLWantReadError:
                return text, False
            if not part:
                return text, True
            text += part

    def reply(self, fd: int) -> None:
        """Send the session's own records, such as answers to key updates. Raises OSError if the client takes none."""
        self.unsent += self.outgoing.read()
        self.flush(fd)
        if len(self.unsent) > MOST_AT_ONCE + MOST_REPLIES:
            raise ConnectionAbortedError

    def write(self, fd: int, data: bytes, /) -> int:
        """See Channel."""
        self.has_answered = True
        if self.held == 0:
            piece = data[:MOST_AT_ONCE]
            self.session.write(piece)
            self.held = len(piece)
            self.unsent += self.outgoing.read()
        if not self.flush(fd):
            raise BlockingIOError
        taken, self.held = self.held, 0
        return taken

    def flush(self, fd: int) -> bool:
        """Send records; returns whether all have been sent. Raises OSError."""
        self.unsent += self.outgoing.read()
        if self.unsent:
            try:
                self.unsent = self.unsent[os.write(fd, self.unsent) :]
            except BlockingIOError:
                pass
        return not self.unsent

    def say_goodbye(self, fd: int) -> None:
        """Send the record that ends a whole answer; without it the client takes the answer for one that was cut."""
        try:
            self.session.unwrap()
        except OSError:  # the client's own record, for which nobody waits, has not come
            pass
        try:
            self.flush(fd)
        except OSError:
            pass
