"""Requests and streams between workers, and the death of one of them in the middle."""

from collections.abc import Iterator

import pytest

from opentracker.protocol.pages import Pieces
from opentracker.server.workers.frames import MOST_PAYLOAD, SCRAPE
from opentracker.server.workers.mesh import PATIENCE, StreamLost
from opentracker.server.workers.requests import ENTRY
from opentracker.server.workers.scrapes import SharedScrape
from opentracker.server.workers.streams import Streams
from tests.server.workers.crew import Crew


def test_who_owns_all_is_asked_nothing(two: Crew) -> None:
    worker = two.workers[0]
    done: list[SharedScrape] = []
    scrape = SharedScrape(worker.tracker, worker.mesh, two.owned_by(0, 3))
    assert not scrape.begin(done.append)
    assert scrape.entries == [bytes(ENTRY)] * 3
    scrape = SharedScrape(worker.tracker, worker.mesh, two.owned_by(0) + two.owned_by(1))
    assert scrape.begin(done.append)
    two.until(lambda: done == [scrape], "the other owner")
    assert scrape.entries == [bytes(ENTRY)] * 2


def test_a_successor_is_asked_again(two: Crew) -> None:
    """A request may be lost with the worker that has read it."""
    answers: list[bytes] = []
    mesh = two.workers[0].mesh
    mesh.ask(1, SCRAPE, bytes(20), answers.append)
    two.workers[0].loop.iterate(0.0)
    assert two.workers[1].seat.channels[0].recv(65536)  # read, and lost with its reader
    mesh.lost(1)
    two.until(lambda: len(answers) == 1, "the successor's answer")
    mesh.lost(1)
    for _ in range(3):
        two.iterate()
    assert len(answers) == 1


def test_a_request_without_an_answer_is_forgotten(two: Crew) -> None:
    answers: list[bytes] = []
    mesh = two.workers[0].mesh
    mesh.ask(1, SCRAPE, bytes(20), answers.append)
    mesh.loop.now.seconds += PATIENCE
    mesh.sweep()
    for _ in range(3):
        two.iterate()
    assert (answers, mesh.asked) == ([], {})


class Source:
    """A stream's source that tells whether it has been closed."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.is_open = False
        self.arguments: list[bytes] = []

    def make(self, argument: bytes) -> Pieces:
        """The source."""
        self.arguments.append(argument)
        self.is_open = True
        try:
            for piece in self.pieces:
                if piece == b"fault":
                    raise ValueError("a fault of the test")
                yield piece
        finally:
            self.is_open = False


@pytest.fixture
def source(two: Crew) -> Iterator[Source]:
    """A stream of the second worker."""
    made = Source([b"one", b"", b"", bytes(3 * MOST_PAYLOAD), b"end"])
    two.workers[1].streams_out.sources[b"test"] = made.make
    yield made
    assert not made.is_open


def read(two: Crew, argument: bytes = b"") -> bytes:
    """All of the stream."""
    stream = two.workers[0].mesh.open(1, b"test", argument)
    parts = []
    while not stream.is_over:
        parts.append(stream.take())
        two.iterate()
    return b"".join(parts)


def test_a_stream_comes_whole_and_in_order(two: Crew, source: Source) -> None:
    assert read(two, b"an argument") == b"one" + bytes(3 * MOST_PAYLOAD) + b"end"
    assert source.arguments == [b"an argument"]


def test_a_stream_is_produced_as_it_is_read(two: Crew, source: Source) -> None:
    source.pieces = [b"x"] * 1000
    stream = two.workers[0].mesh.open(1, b"test")
    for _ in range(20):
        two.iterate()
    assert source.is_open
    assert not two.workers[1].loop.has_work()
    stream.close()
    two.until(lambda: not source.is_open, "the end of the source")


def test_a_fault_of_a_source_breaks_its_stream(
    two: Crew, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    source.pieces = [b"one", b"fault"]
    with pytest.raises(StreamLost):
        read(two)
    assert "a stream for another worker" in caplog.text


def test_a_stream_of_a_worker_that_dies_is_broken(two: Crew, source: Source) -> None:
    stream = two.workers[0].mesh.open(1, b"test")
    two.iterate()
    two.workers[0].mesh.lost(1)
    with pytest.raises(StreamLost):
        stream.take()
    two.workers[1].streams_out.lost(two.workers[1].mesh.channels[0])


def test_a_frame_of_a_stream_that_is_closed_changes_nothing(two: Crew, source: Source) -> None:
    stream = two.workers[0].mesh.open(1, b"test")
    two.iterate()
    stream.close()
    streams: Streams = two.workers[1].streams_out
    two.until(lambda: streams.opened == {}, "the end of the stream")
