"""A responder without the fast ways: each request is parsed whole, and comes to `answer`."""

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker.server.http.responder import HttpResponder


class LongWayResponder(HttpResponder):
    """Recognizes no plain announces, so that subclasses meet every request in `answer`."""

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
        """See HttpResponder."""
        return False

    def reads_plain(self, data: bytes) -> bool:
        """See HttpResponder."""
        return False
