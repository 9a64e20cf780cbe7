"""Protocols that serve one connection after another."""

from websockets.protocol import State

from opentracker.server.webtorrent.framing import MOST_SPARE, PING, Framing, is_at_rest, text_frame
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


def test_frames_of_a_server() -> None:
    assert PING == b"\x89\0"
    assert text_frame(b"{}") == b"\x81\x02{}"
    assert text_frame(b"x" * 200).startswith(b"\x81\x7e\0\xc8x")
