"""Responders of the workers of `opentracker.debug`; see server.refusals.

The worker that gets a request over HTTP logs its refusal, also if the owner of the torrent has refused it. A datagram
that the kernel has not steered is logged by the owner, which gets its bytes.
"""

from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker.errors import HttpError
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Pieces
from opentracker.server.refusals import asked_of, tell_datagram, tell_failure, tell_status
from opentracker.server.workers.http import SharedHttpResponder
from opentracker.server.workers.mesh import Mesh
from opentracker.server.workers.udp import StrayUdpResponder
from opentracker.swarm.connection_ids import ConnectionIds
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.tracker import Tracker

FAILURE: Final = b"\r\n\r\nd14:failure reason"  # in an answer that turns a request down


class TellingSharedUdpResponder(StrayUdpResponder):
    """Answers the datagrams of all sockets, steered ones too, and logs refused ones."""

    def __init__(self, tracker: Tracker, ids: ConnectionIds, counters: Counters, mesh: Mesh) -> None:
        super().__init__(tracker, ids, counters, mesh)
        self.comes_later = False  # whether an owner has to answer first

    def answer_own(self, packet: bytes, size: i64, address: bytes, minute: i64, out: BytesWriter) -> None:
        """See SharedUdpResponder."""
        self.comes_later = False
        before = len(out)
        super().answer_own(packet, size, address, minute, out)
        if not self.comes_later:
            tell_datagram(packet[:size], out.getvalue()[before:], address, self.tracker)

    def hand_on(self, packet: bytes, size: i64, address: bytes, owner: i64) -> None:
        """See StrayUdpResponder."""
        self.comes_later = True
        super().hand_on(packet, size, address, owner)

    def scrape(self, packet: bytes, size: i64, out: BytesWriter) -> None:
        """See UdpResponder."""
        before = len(out)
        super().scrape(packet, size, out)
        self.comes_later = len(out) == before


class TellingSharedHttpResponder(SharedHttpResponder):
    """Answers HTTP requests, each of which is parsed whole, and logs refused ones."""

    def __init__(self, tracker: Tracker, counters: Counters, redirect_url: bytes, mesh: Mesh) -> None:
        super().__init__(tracker, counters, redirect_url, mesh)
        self.asked = b""  # by the current request
        self.asker = b""  # its client's address

    def answer_plain(
        self,
        data: bytes,
        start: i64,
        size: i64,
        address: bytes,
        may_stay: bool,
        minute: i64,
        out: BytesWriter,
    ) -> bool:
        """See LongWayResponder."""
        return False

    def reads_plain(self, data: bytes) -> bool:
        """See LongWayResponder."""
        return False

    def answer(self, request: Request, address: bytes, minute: int) -> bytes | Pieces:
        """See HttpResponder."""
        self.asked, self.asker = asked_of(request), address
        failures = self.counters.tcp_failures
        try:
            answer = super().answer(request, address, minute)
        except HttpError as error:
            tell_status(self.asked, error.status, address, self.tracker)
            raise
        if self.counters.tcp_failures > failures and isinstance(answer, bytes):
            tell_failure(self.asked, answer, address, self.tracker)
        return answer

    def put_off_to(self, take: Callable[[bytes], None]) -> None:
        """See HttpResponder."""
        super().put_off_to(self.telling(take, self.asked, self.asker))

    def telling(self, take: Callable[[bytes], None], asked: bytes, asker: bytes) -> Callable[[bytes], None]:
        """A function that takes the owner's answer, and logs a refusal."""

        def told(answer: bytes) -> None:
            if FAILURE in answer:
                tell_failure(asked, answer, asker, self.tracker)
            take(answer)

        return told

    def refuse(self, status: int, head_only: bool, unread: bytes, address: bytes) -> bytes:
        """See HttpResponder."""
        tell_status(unread, status, address, self.tracker)
        return super().refuse(status, head_only, unread, address)
