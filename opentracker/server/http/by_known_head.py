"""Plain announces recognized by the known bytes behind their query; for interpreted builds. See at_once."""

from mypy_extensions import i64

from opentracker._features import WANT_WORKERS
from opentracker.server.http.at_once import GONE, LEFT, NOTHING_YET, PUT_OFF, AtOnce
from opentracker.server.http.channel import PLAIN
from opentracker.server.http.server import READ_SIZE, HttpServer


class ByKnownHead(AtOnce):
    """Answers an announce that `PlainHeads` reads, if it is all that was read."""

    def __init__(self, server: HttpServer) -> None:
        super().__init__(server)
        self.read = PLAIN.read

    def serve(self, fd: int, address: bytes) -> i64:
        """See AtOnce."""
        try:
            data = self.read(fd, READ_SIZE)
        except BlockingIOError:
            return NOTHING_YET
        except OSError:  # reset by the client
            return GONE
        if not data:
            return GONE
        server = self.server
        answers = server.answers
        answers.counters.tcp_received += len(data)
        self.ends = self.has_answered = False
        self.unread = len(data) == READ_SIZE
        if not answers.reads_plain(data):
            return self.leave(data, b"", LEFT)
        keep_alive = answers.plain_keep_alive and server.may_stay(address)
        self.ends = not keep_alive
        answer = answers.answer_query(answers.plain_query, keep_alive, address, server.now.minute)
        if WANT_WORKERS and answers.is_put_off:
            return self.leave(b"", b"", PUT_OFF)
        return self.send(fd, answer, b"")
