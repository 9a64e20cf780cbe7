"""Bytes of a client's WebSocket: the direct way for whole texts gives what the package `websockets` gives."""

from websockets.frames import Opcode

from opentracker.server.webtorrent.framing import Framing, split_texts

WORDS = [
    b"\x81\x80",
    b"\x81\xfe\x00\x02",
    b"\x81\xff",
    b"\x01\x80",
    b"\x80\x80",
    b"\x88\x80",
    b"\x89\x80",
    b"\x82\x81",
]
WORDS += [b"abcd", b"\0\0\0\0", b"\xc1", b"{}"]


def by_the_package(data: bytes) -> tuple[list[tuple[int, bool, bytes]], tuple[object, ...]]:
    """The frames that a protocol makes of the bytes; the bytes that it sends, its state, and its error."""
    protocol = Framing().take()
    protocol.receive_data(data)
    frames = [(int(each.opcode), each.fin, bytes(each.data)) for each in protocol.events_received()]  # type: ignore[union-attr]
    return frames, (protocol.data_to_send(), protocol.state, type(protocol.parser_exc))


def check(data: bytes) -> None:
    """Both ways give the same frames, answers, state and error."""
    texts, rest = split_texts(data)
    frames, outcome = by_the_package(rest)
    taken = [(int(Opcode.TEXT), True, text) for text in texts]
    assert (taken + frames, outcome) == by_the_package(data)
