"""Plain announces read in one pass over their bytes, in buffers made once; for compiled builds. See at_once."""

import ctypes
import errno

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import WANT_KEEPALIVE, WANT_WORKERS
from opentracker.protocol.plain_announce import PADDING
from opentracker.server.http.at_once import GONE, LEFT, NOTHING_YET, PUT_OFF, AtOnce
from opentracker.server.http.server import MOST_UNSENT, READ_SIZE, HttpServer
from opentracker.server.system.libc import pointer_to, receive_buffer


class InOnePass(AtOnce):
    """Answers the announces that `PlainReader` reads."""

    def __init__(self, server: HttpServer) -> None:
        super().__init__(server)
        # See libc.Mmsg; `os.read` would make a new object.
        self.read = ctypes.PyDLL(None, use_errno=True).read
        self.buffer, address = receive_buffer(READ_SIZE + PADDING)
        self.buffer_pointer = pointer_to(address)
        self.out = BytesWriter()

    def serve(self, fd: int, address: bytes) -> i64:
        """See AtOnce."""
        size: i64 = self.read(fd, self.buffer_pointer, READ_SIZE)
        if size <= 0:
            return NOTHING_YET if size < 0 and ctypes.get_errno() == errno.EAGAIN else GONE
        self.server.answers.counters.tcp_received += size
        self.ends = False
        self.unread = size == READ_SIZE
        at = self.answer(size, address)
        self.has_answered = len(self.out) > 0
        if WANT_WORKERS and self.server.answers.is_put_off:
            return self.leave(self.buffer[at:size], self.out.getvalue(), PUT_OFF)
        if not self.has_answered:
            return self.leave(self.buffer[:size], b"", LEFT)
        return self.send(fd, self.out.getvalue(), self.buffer[at:size])

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
