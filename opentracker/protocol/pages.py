"""Long answers over HTTP: statistics, full scrapes, and others that are too long for one iteration of the loop.

A page answers in pieces. The server asks for the next piece when the client's socket has taken the last one, so that
one piece at most is in memory. Other clients are served between two pieces; a page that needs more time yields an empty
piece every fraction of a millisecond.
"""

from collections.abc import Callable, Generator

from mypy_extensions import mypyc_attr

from opentracker.protocol.http import Request

# The bytes of an answer from its status line on; the generator is closed if the client vanishes.
Pieces = Generator[bytes, None, None]
# Begins an answer to a mode of the statistics: format (empty: none was given), request, address, minute.
Stream = Callable[[bytes, Request, bytes, int], Pieces]


@mypyc_attr(allow_interpreted_subclasses=True)  # tests have subclasses
class Page:
    """A long answer behind a path; features subclass it."""

    def takes(self, request: Request) -> bool:
        """Whether this page answers a request for its path; else the request is an announce, a scrape or not found."""
        return True

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        """Begin to answer a request from `address`, in `minute`; HEAD as well, without the body.

        It sets `request.keep_alive` to False if only the close of the connection ends the answer. It raises HttpError
        and TrackerFailure itself; the pieces raise neither.
        """
        raise NotImplementedError
