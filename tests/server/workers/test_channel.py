"""Channels: batches, order, a process that does not read, and one that is gone."""

import time
from collections.abc import Iterator

import pytest

from opentracker.server.clock import Now
from opentracker.server.loop import Loop
from opentracker.server.workers.channel import MOST_WAITING, Channel, pair
from opentracker.server.workers.frames import MOST_PAYLOAD, Frame


class Ends:
    """Both ends of a channel, on loops of their own."""

    def __init__(self) -> None:
        self.loops = [Loop(Now(time.monotonic)), Loop(Now(time.monotonic))]
        self.taken: list[Frame] = []
        self.ended: list[Channel] = []
        socks = pair()
        self.one = Channel(socks[0], self.loops[0], self.nothing, self.ended.append)
        self.two = Channel(
            socks[1], self.loops[1], lambda _, frame: self.taken.append(frame), self.ended.append
        )

    def nothing(self, channel: Channel, frame: Frame) -> None:
        """Take a frame, and forget it."""

    def iterate(self, times: int = 1) -> None:
        """Let both loops turn."""
        for _ in range(times):
            for loop in self.loops:
                loop.iterate(0.0)


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    for channel in (made.one, made.two):
        channel.close()
    for loop in made.loops:
        loop.close()


def test_frames_of_an_iteration_arrive_in_order(ends: Ends) -> None:
    for number in range(100):
        ends.one.put(3, number, bytes([number]))
    assert ends.taken == []
    ends.iterate()
    assert [(frame.kind, frame.number, frame.payload) for frame in ends.taken] == [
        (3, number, bytes([number])) for number in range(100)
    ]


def test_large_frames_are_sent_in_several_batches(ends: Ends) -> None:
    for number in range(40):
        ends.one.put(1, number, bytes([number]) * MOST_PAYLOAD)
    ends.iterate(60)
    assert [(frame.number, frame.payload) for frame in ends.taken] == [
        (number, bytes([number]) * MOST_PAYLOAD) for number in range(40)
    ]


def test_a_process_that_does_not_read_clogs_its_channel(ends: Ends) -> None:
    for _ in range(MOST_WAITING // MOST_PAYLOAD + 20):
        ends.one.put(1, 1, bytes(MOST_PAYLOAD))
    ends.loops[0].iterate(0.0)
    assert ends.one.is_clogged()
    ends.iterate(200)
    assert not ends.one.is_clogged()
    assert len(ends.taken) == MOST_WAITING // MOST_PAYLOAD + 20


def test_a_frame_that_meets_a_fault_takes_no_other_along(
    ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[int] = []

    def take(channel: Channel, frame: Frame) -> None:
        if frame.number == 1:
            raise ValueError("a fault of the test")
        taken.append(int(frame.number))

    ends.two.take = take
    for number in range(3):
        ends.one.put(7, number, b"")
    ends.iterate()
    assert taken == [0, 2]
    assert "a frame of kind 7 is lost" in caplog.text


def test_the_end_of_a_process_is_told(ends: Ends) -> None:
    ends.one.put(1, 1, b"last")
    ends.one.close()
    for _ in range(2):
        ends.loops[1].iterate(0.0)
    assert [frame.payload for frame in ends.taken] == [b"last"]
    assert ends.ended == [ends.two]
    ends.two.put(1, 1, b"to nobody")
    ends.loops[1].iterate(0.0)
    socks = pair()
    ends.one = Channel(socks[0], ends.loops[0], ends.nothing, ends.ended.append)
    socks[1].close()
