"""Long answers over HTTP: statistics, full scrapes, whatever is too much to be put together in one go.

A page answers with pieces, which the server asks for as the client's socket takes them, so that no more than one is in
memory at a time. Between two pieces everybody else is served; an empty piece says only that there is more to be done,
and is to come at least every fraction of a millisecond.
"""

from collections.abc import Callable, Generator

from mypy_extensions import mypyc_attr

from opentracker.protocol.http import Request

# The bytes of an answer from its status line on; closed where a client vanishes.
Pieces = Generator[bytes, None, None]
# Begins an answer to a mode of the statistics: format (empty: none was given), request, address, minute.
Stream = Callable[[bytes, Request, bytes, int], Pieces]


@mypyc_attr(allow_interpreted_subclasses=True)  # a test's
class Page:
    """What is behind a path; a feature is a subclass."""

    def takes(self, request: Request) -> bool:
        """Whether a request for this path is for this page; else it is announced, scraped or not found."""
        return True

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        """Begin to answer a request from `address`, in `minute`; HEAD as well, without the body.

        Where the end of the answer is told by the end of the connection, `request.keep_alive` is set to False here.
        Raises HttpError and TrackerFailure, here and not in the middle of the pieces.
        """
        raise NotImplementedError
