"""Responders for `opentracker.debug` that log the bytes of every refused request.

A refused datagram gets no answer or an error; a refused HTTP request gets a status other than 200, or a failure reason.
The normal command does not use these responders.
"""

import logging
from typing import Final

from librt.strings import BytesWriter, read_i32_be
from mypy_extensions import i64

from opentracker._features import WANT_AUTH_KEYS, WANT_DENY
from opentracker.errors import HttpError
from opentracker.protocol.addresses import format_ip
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Pieces
from opentracker.protocol.udp import (
    ANNOUNCE,
    CONNECT,
    SCRAPE,
    SHORTEST,
    SHORTEST_ANNOUNCE,
    SILENCE,
    action_of,
)
from opentracker.server.http.long_way import LongWayResponder
from opentracker.server.udp.responder import UdpResponder
from opentracker.swarm.tracker import Tracker

if WANT_AUTH_KEYS:
    from opentracker.protocol.keyed_urls import without_key

log = logging.getLogger("opentracker")

MOST_SHOWN: Final = 400  # bytes of a request; four characters each when escaped
ERROR_ACTION: Final = b"\0\0\0\3"  # at the head of an error packet (BEP 15)


def shown(data: bytes) -> str:
    """Bytes as a Python literal, in printable ASCII alone."""
    rest = len(data) - MOST_SHOWN
    return repr(data[:MOST_SHOWN]) + (f" and {rest} bytes more" if rest > 0 else "")


def shown_datagram(packet: bytes, tracker: Tracker) -> str:
    """A datagram as `shown`; bytes that may hold a key are left out: URL data, and all of a malformed request."""
    if WANT_AUTH_KEYS and tracker.keys.in_force:
        action = action_of(packet, len(packet))
        known = len(packet) if action == SCRAPE else SHORTEST_ANNOUNCE if action == ANNOUNCE else SHORTEST
        if len(packet) > known:
            return f"{shown(packet[:known])} and {len(packet) - known} bytes that may hold a key"
    return shown(packet)


def shown_head(data: bytes, tracker: Tracker) -> str:
    """The bytes of a request as `shown`; a key is left out, and so is anything behind the request line."""
    if WANT_AUTH_KEYS and tracker.keys.in_force:
        return shown(without_key(data.lstrip(b"\r\n").partition(b"\n")[0]))
    return shown(data)


def why_silent(packet: bytes) -> str:
    """The reason why a datagram gets no answer."""
    if len(packet) < SHORTEST:
        return f"{len(packet)} bytes are not a request"
    if action_of(packet, len(packet)) != SILENCE:
        return "a wrong connection id in a datagram that is shorter than the error would be"
    action = read_i32_be(packet, 8)
    if action == CONNECT:
        return "a connect without the protocol's id"
    if action == ANNOUNCE:
        return f"an announce of {len(packet)} bytes, {SHORTEST_ANNOUNCE} are the least"
    return f"the action {action} is unknown; {CONNECT}, {ANNOUNCE} and {SCRAPE} are known"


def why_denied(address: bytes, tracker: Tracker) -> str:
    """The reason why a network is not served; empty for one that is."""
    if WANT_DENY:
        return "its network is not served" if tracker.denial.holds(address) else ""
    return ""


def tell_datagram(datagram: bytes, answer: bytes, address: bytes, tracker: Tracker) -> None:
    """Log a datagram, if it was refused."""
    client = format_ip(address)
    if not answer:
        why = why_denied(address, tracker) or why_silent(datagram)
        log.debug(
            "refused UDP from %s, with silence (%s): %s", client, why, shown_datagram(datagram, tracker)
        )
    elif answer.startswith(ERROR_ACTION):
        log.debug(
            "refused UDP from %s, with %s: %s", client, shown(answer[8:]), shown_datagram(datagram, tracker)
        )


def asked_of(request: Request) -> bytes:
    """The method, the path and the query of a request that is not answered yet."""
    asked = request.method + b" " + request.path
    return asked if request.query is None else asked + b"?" + request.query


def tell_status(asked: bytes, status: int, address: bytes, tracker: Tracker) -> None:
    """Log a request over HTTP that was refused with a status."""
    log.debug("refused HTTP from %s, with %d: %s", format_ip(address), status, shown_head(asked, tracker))


def tell_failure(asked: bytes, answer: bytes, address: bytes, tracker: Tracker) -> None:
    """Log a request over HTTP that was refused with a failure reason."""
    body = answer.partition(b"\r\n\r\n")[2]
    log.debug(
        "refused HTTP from %s, with %s: %s", format_ip(address), shown(body), shown_head(asked, tracker)
    )


class TellingUdpResponder(UdpResponder):
    """Answers datagrams, and logs refused ones."""

    def answer(self, packet: bytes, size: i64, address: bytes, minute: i64, out: BytesWriter) -> None:
        """See UdpResponder."""
        before = len(out)
        super().answer(packet, size, address, minute, out)
        tell_datagram(packet[:size], out.getvalue()[before:], address, self.tracker)


class TellingHttpResponder(LongWayResponder):
    """Answers HTTP requests, and logs refused ones."""

    def answer(self, request: Request, address: bytes, minute: int) -> bytes | Pieces:
        """See HttpResponder."""
        asked = asked_of(request)
        failures = self.counters.tcp_failures
        try:
            answer = super().answer(request, address, minute)
        except HttpError as error:
            tell_status(asked, error.status, address, self.tracker)
            raise
        if self.counters.tcp_failures > failures and isinstance(answer, bytes):
            tell_failure(asked, answer, address, self.tracker)
        return answer

    def refuse(self, status: int, head_only: bool, unread: bytes, address: bytes) -> bytes:
        """See HttpResponder."""
        tell_status(unread, status, address, self.tracker)
        return super().refuse(status, head_only, unread, address)
