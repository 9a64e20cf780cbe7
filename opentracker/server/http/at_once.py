"""Plain announces, read, answered and sent in one go, without the states of a Connection.

There are two ways to recognize such an announce: in one pass over its bytes, which is fast where it is compiled, and by
the known bytes behind its query. All other requests are left to a Connection, together with the bytes that were read.
"""

import os
from typing import Final

from mypy_extensions import i64

from opentracker.server.http.server import HttpServer

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
        self.write = os.write
        self.ends = False  # whether the connection closes after the answer
        self.received = b""
        self.unsent = b""
        self.unread = False  # whether the kernel may hold bytes beyond `received`
        self.has_answered = False

    def serve(self, fd: int, address: bytes) -> i64:
        """Read from a connection of `address` and answer; returns one of the outcomes."""
        raise NotImplementedError

    def is_over(self) -> bool:
        """Whether the answer that is put off is the last one, with nothing before it to send and nothing unread."""
        return self.ends and not self.unread and not self.has_answered

    def leave(self, received: bytes, unsent: bytes, outcome: i64) -> i64:
        """Leave what was read, and the answers so far, to a Connection; returns the outcome."""
        self.received = received
        self.unsent = unsent
        return outcome

    def send_last(self, fd: int, answer: bytes) -> i64:
        """Send the last answer of a connection with nothing unread."""
        self.ends = True
        self.unread = False
        return self.send(fd, answer, b"")

    def send(self, fd: int, answers: bytes, received: bytes) -> i64:
        """Send answers, of which there are some; what was `received` behind their requests is left."""
        self.has_answered = True
        sent: i64 = 0
        try:
            sent = self.write(fd, answers)
        except BlockingIOError:
            pass
        except OSError:  # reset by the client
            return GONE
        self.server.answers.counters.tcp_sent += sent
        is_done = not self.unread if self.ends else not received  # a close with unread bytes would reset
        if sent == len(answers) and is_done:
            return ANSWERED
        return self.leave(received, answers[sent:], LEFT)
