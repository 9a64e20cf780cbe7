"""Bencoding: a value whose canonical form is the very input, or ValueError."""

from opentracker.protocol.bencode import Value, decode

WORDS = [
    b"d",
    b"l",
    b"i",
    b"e",
    b"i0e",
    b"i-1e",
    b"5:files",
    b"20:" + b"A" * 20,
    b"d5:filesd",
    b"99999999999:",
]


def encoded(value: Value) -> bytes:
    """The canonical form."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(encoded, value)) + b"e"
    return b"d" + b"".join(encoded(key) + encoded(value[key]) for key in sorted(value)) + b"e"


def check(data: bytes) -> None:
    """One text."""
    try:
        value = decode(data)
    except ValueError:
        return
    assert encoded(value) == data
