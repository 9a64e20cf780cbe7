"""Frames between workers: whole batches, cut ones, any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter

from opentracker.server.workers.frames import HEAD, parse_frames, write_frame

frames = st.lists(
    st.tuples(st.integers(0, 99), st.integers(0, 2**31 - 1), st.binary(max_size=40)), max_size=9
)


def batch_of(frames: list[tuple[int, int, bytes]]) -> bytes:
    out = BytesWriter()
    for frame in frames:
        write_frame(out, *frame)
    return out.getvalue()


def test_a_frame_field_by_field() -> None:
    assert batch_of([(4, 258, b"body")]) == bytes.fromhex("04000000 04000000 02010000") + b"body"


@given(frames)
def test_frames_that_are_written_are_read(given: list[tuple[int, int, bytes]]) -> None:
    found = [(frame.kind, frame.number, frame.payload) for frame in parse_frames(batch_of(given))]
    assert found == given


@given(frames.filter(len), st.data())
def test_a_batch_that_is_cut_is_refused(given: list[tuple[int, int, bytes]], data: st.DataObject) -> None:
    batch = batch_of(given)
    last = HEAD + len(given[-1][2])
    cut = data.draw(st.integers(1, last - 1))
    with pytest.raises(ValueError, match="a frame"):
        parse_frames(batch[:-cut])


@given(st.binary(max_size=60))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    try:
        found = parse_frames(data)
    except ValueError:
        return
    assert batch_of([(int(each.kind), int(each.number), each.payload) for each in found]) == data
