"""Plain announces, read, answered and sent in one go, in buffers made once; for compiled builds.

`AtOnce` answers the announces that `PlainReader` reads, without a Connection. It leaves all other requests to a
Connection, together with the bytes that it has read already.
"""

import ctypes
import errno
import os
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import WANT_KEEPALIVE, WANT_WORKERS
from opentracker.protocol.plain_announce import PADDING
from opentracker.server.http.server import MOST_UNSENT, READ_SIZE, HttpServer
from opentracker.server.system.libc import pointer_to, receive_buffer

# Outcomes of a read.
NOTHING_YET: Final = 0  # the client has sent nothing
GONE: Final = 1  # the client has closed or reset the connection
ANSWERED: Final = 2  # all requests are answered, and the answers are sent
LEFT: Final = 3  # `unsent` is still to be sent, and then `received` to be answered
PUT_OFF: Final = 4  # as LEFT, and an answer of another worker comes in between


class AtOnce:
    """Answers plain announces on descriptors of connections."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        # See libc.Mmsg; `os.read` would make a new object.
        self.read = ctypes.PyDLL(None, use_errno=True).read
        self.write = os.write
        self.buffer, address = receive_buffer(READ_SIZE + PADDING)
        self.buffer_pointer = pointer_to(address)
        self.out = BytesWriter()
        self.ends = False  # whether the connection closes after the answer
        self.received = b""
        self.unsent = b""
        self.unread = False  # whether the kernel may hold bytes beyond `received`
        self.has_answered = False

    def serve(self, fd: int, address: bytes) -> i64:
        """Read from a connection of `address` and answer; returns one of the outcomes."""
        size: i64 = self.read(fd, self.buffer_pointer, READ_SIZE)
        if size <= 0:
            return NOTHING_YET if size < 0 and ctypes.get_errno() == errno.EAGAIN else GONE
        self.server.answers.counters.tcp_received += size
        self.ends = False
        self.unread = size == READ_SIZE
        at = self.answer(size, address)
        if WANT_WORKERS and self.server.answers.is_put_off:
            self.received, self.unsent = self.buffer[at:size], self.out.getvalue()
            return PUT_OFF
        self.has_answered = len(self.out) > 0
        if not self.has_answered:
            self.received, self.unsent = self.buffer[:size], b""
            return LEFT
        answers = self.out.getvalue()
        sent: i64 = 0
        try:
            sent = self.write(fd, answers)
        except BlockingIOError:
            pass
        except OSError:  # reset by the client
            return GONE
        self.server.answers.counters.tcp_sent += sent
        if sent == len(answers) and (self.ends or at == size):
            return ANSWERED
        self.received, self.unsent = self.buffer[at:size], answers[sent:]
        return LEFT

    def answer(self, size: i64, address: bytes) -> i64:
        """Write answers to the plain announces at the buffer's beginning to `out`; returns the offset behind them."""
        server = self.server
        answers = server.answers
        out = self.out
        out.truncate(0)
        if WANT_WORKERS:
            answers.is_put_off = False
        at: i64 = 0
        if not WANT_KEEPALIVE:
            self.ends = answers.answer_plain(self.buffer, 0, size, address, False, server.now.minute, out)
            return size
        may_stay = server.may_stay(address)
        while at < size and not self.ends and len(out) < MOST_UNSENT:
            if at > 0 and server.is_late():
                break
            if not answers.answer_plain(self.buffer, at, size, address, may_stay, server.now.minute, out):
                break
            at = answers.plain.end
            self.ends = not (answers.plain.keep_alive and may_stay)
            if WANT_WORKERS and answers.is_put_off:
                break
        return at
