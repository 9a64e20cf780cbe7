"""What was refused, byte for byte, for `opentracker.debug`: handlers in place of those that serve otherwise.

A datagram is refused that gets no answer or an error, an HTTP request that gets another status than 200 or a failure
reason. The normal command has none of this on its way.
"""

import logging
from typing import Final

from mypy_extensions import i64

from opentracker.errors import HttpError
from opentracker.protocol.addresses import format_ip, unmap
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Pieces
from opentracker.server.http.responder import HttpResponder
from opentracker.server.system.libc import HEADER_SIZE, IOVEC_SIZE, LENGTH_AT, NAME_SIZE
from opentracker.server.udp.sockets import LARGEST, UdpBatchSocket, UdpSocket

log = logging.getLogger("opentracker")

MOST_SHOWN: Final = 400  # bytes of a request; four characters each when escaped
ERROR_ACTION: Final = b"\0\0\0\3"  # at the head of an error packet (BEP 15)


def shown(data: bytes) -> str:
    """Bytes as a Python literal: nothing in it is anything but printable ASCII."""
    rest = len(data) - MOST_SHOWN
    return repr(data[:MOST_SHOWN]) + (f" and {rest} bytes more" if rest > 0 else "")


def tell_datagram(packet: bytes, address: bytes, answer: bytes) -> None:
    """Log a datagram if it was refused."""
    if not answer:
        log.debug("refused UDP from %s, with silence: %s", format_ip(address), shown(packet))
    elif answer.startswith(ERROR_ACTION):
        log.debug("refused UDP from %s, with %s: %s", format_ip(address), shown(answer[8:]), shown(packet))


class TellingUdpBatchSocket(UdpBatchSocket):
    """A UDP socket that is served in batches, and tells what it refused."""

    def answer(self, count: i64) -> None:
        """See UdpRing; what came in is still in its buffers afterwards, and so are the answers."""
        headers = bytes(self.in_headers[: count * HEADER_SIZE])
        names = bytes(self.names[: count * NAME_SIZE])
        super().answer(count)
        begin = 0
        for i in range(count):
            size = int.from_bytes(headers[i * HEADER_SIZE + LENGTH_AT :][:4], "little")
            vector = i * IOVEC_SIZE
            end = begin + int.from_bytes(self.out_vectors[vector + 8 : vector + IOVEC_SIZE], "little")
            name = names[i * NAME_SIZE : (i + 1) * NAME_SIZE]
            address = unmap(name[8:24]) if self.is_v6 else name[4:8]
            packet = self.incoming[i * LARGEST : i * LARGEST + size]
            tell_datagram(packet, address, bytes(self.outgoing[begin:end]))
            begin = end


class TellingUdpSocket(UdpSocket):
    """A UDP socket that is served one datagram at a time, and tells what it refused."""

    def answer(self, packet: bytes, address: bytes) -> bytes:
        """See UdpPlain."""
        answer = super().answer(packet, address)
        tell_datagram(packet, address, answer)
        return answer


class TellingHttpResponder(HttpResponder):
    """Answers HTTP requests, and tells what it refused."""

    def answer(self, request: Request, address: bytes, minute: int) -> bytes | Pieces:
        """See HttpAnswers."""
        asked = request.method + b" " + request.path
        if request.query is not None:
            asked += b"?" + request.query
        failures = self.counters.tcp_failures
        try:
            answer = super().answer(request, address, minute)
        except HttpError as error:
            log.debug("refused HTTP from %s, with %d: %s", format_ip(address), error.status, shown(asked))
            raise
        if self.counters.tcp_failures > failures and isinstance(answer, bytes):
            body = answer.partition(b"\r\n\r\n")[2]
            log.debug("refused HTTP from %s, with %s: %s", format_ip(address), shown(body), shown(asked))
        return answer

    def refuse(self, status: int, head_only: bool, unread: bytes, address: bytes) -> bytes:
        """See HttpAnswers."""
        log.debug("refused HTTP from %s, with %d: %s", format_ip(address), status, shown(unread))
        return super().refuse(status, head_only, unread, address)
