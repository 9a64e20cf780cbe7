"""Requests and streams between workers, and the death of one of them in the middle."""

from collections.abc import Iterator

import pytest

from opentracker.protocol.pages import Pieces
from opentracker.server.workers.frames import MOST_PAYLOAD, SCRAPE
from opentracker.server.workers.mesh import PATIENCE, RemoteStream, StreamLost
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
    two.workers[1].succeed()
    two.until(lambda: len(answers) == 1, "the successor's answer")
    two.workers[1].succeed()
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


def read(two: Crew, argument: bytes = b"", stream: RemoteStream | None = None) -> bytes:
    """All of a new stream, or of one that is open."""
    if stream is None:
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


def test_a_stream_is_broken_by_the_end_of_its_channel(two: Crew, source: Source) -> None:
    stream = two.workers[0].mesh.open(1, b"test")
    two.iterate()
    two.workers[0].mesh.lost(1)
    with pytest.raises(StreamLost):
        stream.take()
    two.workers[1].streams_out.lost(two.workers[1].mesh.channels[0])


def test_a_stream_whose_worker_dies_in_the_middle_is_broken(two: Crew, source: Source) -> None:
    stream = two.workers[0].mesh.open(1, b"test")
    two.until(lambda: stream.take() == b"one", "the first piece")
    two.workers[1].streams_out.lost(two.workers[1].mesh.channels[0])  # as its successor has none
    two.workers[1].succeed()
    two.until(lambda: stream.is_broken, "the word of the successor")
    with pytest.raises(StreamLost):
        stream.take()


def test_a_stream_that_has_not_begun_is_the_successors(two: Crew, source: Source) -> None:
    stream = two.workers[0].mesh.open(1, b"test")
    two.workers[0].loop.iterate(0.0)
    assert two.workers[1].seat.channels[0].recv(65536)  # read, and lost with its reader
    two.workers[1].succeed()
    assert read(two, stream=stream).endswith(b"end")


def test_a_stream_that_the_successor_was_asked_for_comes_once(two: Crew, source: Source) -> None:
    """It reads what was meant for the worker before it, and is asked again."""
    stream = two.workers[0].mesh.open(1, b"test")
    two.workers[1].succeed()
    assert read(two, stream=stream) == b"one" + bytes(3 * MOST_PAYLOAD) + b"end"
    assert two.workers[1].streams_out.opened == {}


def test_the_first_request_of_a_successor_is_answered(two: Crew, source: Source) -> None:
    """Its word ends the streams of the worker before it, and none of its own."""
    before = two.workers[0].mesh.open(1, b"test")
    two.until(lambda: before.piece == b"one", "the first piece")
    two.workers[0].mesh.lost(1)  # it has died
    two.workers[0].succeed()
    assert read(two).endswith(b"end")
    assert two.workers[1].streams_out.opened == {}


def test_a_frame_of_a_stream_that_is_closed_changes_nothing(two: Crew, source: Source) -> None:
    stream = two.workers[0].mesh.open(1, b"test")
    two.iterate()
    stream.close()
    streams: Streams = two.workers[1].streams_out
    two.until(lambda: streams.opened == {}, "the end of the stream")
