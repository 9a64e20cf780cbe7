"""Protocols that serve one connection after another, and frames on the direct way, as the package has them."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from opentracker.server.webtorrent.framing import (
    MOST_SPARE,
    PING,
    Framing,
    is_at_rest,
    split_texts,
    text_frame,
)
from tests.fuzz.web_frames import check
from tests.server.webtorrent.browser import masked


def test_a_protocol_is_used_again_after_a_message() -> None:
    framing = Framing()
    protocol = framing.take()
    protocol.receive_data(masked(b"text"))
    (frame,) = protocol.events_received()
    assert bytes(frame.data) == b"text"  # type: ignore[union-attr]
    assert is_at_rest(protocol)
    framing.give_back(protocol)
    assert framing.take() is protocol
    assert framing.take() is not protocol


def test_a_stock_has_its_limit() -> None:
    framing = Framing()
    protocols = [framing.take() for _ in range(MOST_SPARE + 5)]
    for protocol in protocols:
        framing.give_back(protocol)
    assert len(framing.spare) == MOST_SPARE


def test_parts_of_frames_and_of_messages_are_no_rest() -> None:
    for data in (b"\x81", masked(b"part", head=0x01), masked(b"\x03\xe8", head=0x88), b"\x81\x02{}"):
        protocol = Framing().take()
        protocol.receive_data(data)
        assert not is_at_rest(protocol)
    protocol = Framing().take()
    protocol.receive_data(masked(b"ping", head=0x89))
    assert is_at_rest(protocol)
    assert b"".join(protocol.data_to_send()) == b"\x8a\x04ping"
    assert protocol.state is State.OPEN


# ---- The direct way --------------------------------------------------------------------------------------------


def test_every_first_byte_with_lengths_of_all_kinds() -> None:
    lengths = (0, 1, 12, 13, 125, 126, 127)
    for first, masked_bit, length in product(range(256), (0, 0x80), lengths):
        data = bytes([first, masked_bit | length]) + bytes(range(3, 19))
        check(data)
        check(masked(b"ab") + data)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 300, 65535])
def test_a_whole_text_is_taken_once_its_last_byte_has_come(size: int) -> None:
    message = bytes(at % 251 for at in range(size))
    data = Frame(Opcode.TEXT, message).serialize(mask=True)
    assert split_texts(data) == ([message], b"")
    for cut in {*range(min(10, len(data))), len(data) // 2, len(data) - 1}:
        assert split_texts(data[:cut]) == ([], data[:cut])
        assert split_texts(data + data[:cut]) == ([message], data[:cut])


def test_a_length_in_more_bytes_than_it_needs() -> None:
    data = b"\x81\xfe\0\x02abcd" + bytes(one ^ other for one, other in zip(b"{}", b"ab", strict=True))
    assert split_texts(data) == ([b"{}"], b"")
    check(data)


PIECES = st.builds(
    lambda opcode, text, fin: Frame(opcode, text, fin).serialize(mask=True),
    st.sampled_from([Opcode.TEXT, Opcode.TEXT, Opcode.TEXT, Opcode.BINARY, Opcode.CONT]),
    st.binary(max_size=300),
    st.sampled_from([True, True, False]),
) | st.sampled_from([masked(b"ping", head=0x89), masked(b"\x03\xe8", head=0x88), b"\x81\x02{}", b"\xc1\x80"])


@given(st.lists(PIECES, max_size=8), st.integers(0, 300), st.binary(max_size=4))
def test_both_ways_give_the_same(pieces: list[bytes], cut: int, more: bytes) -> None:
    data = b"".join(pieces)
    data = data[: max(0, len(data) - cut)] + more
    check(data)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_frames_of_a_server(size: int) -> None:
    message = b"x" * size
    assert text_frame(message) == Frame(Opcode.TEXT, message).serialize(mask=False)


def test_the_ping_of_a_server() -> None:
    assert PING == b"\x89\0"
