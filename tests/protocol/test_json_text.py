"""JSON by two libraries, which have to read and write the same."""

import importlib.util
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.protocol.json_text import decode, decode_plainly, quote_plainly, quoted

HAS_ORJSON = importlib.util.find_spec("orjson") is not None
WORDS = st.text(max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)


def outcome(function: Any, *arguments: object) -> object:
    """The result of a function, as a text that tells 0 from False, or that it raised a declared error."""
    try:
        return repr(function(*arguments))
    except (ValueError, RecursionError):
        return "raised"


@pytest.mark.skipif(not HAS_ORJSON, reason="the package orjson is not installed")
def test_orjson_is_used_where_it_is_installed() -> None:
    """It alone has no integers of more than 64 bits."""
    assert repr(decode(b"36893488147419103232")) == "3.6893488147419103e+19"


@given(VALUES)
def test_what_was_encoded_is_read(value: object) -> None:
    for is_ascii in (True, False):
        try:
            data = json.dumps(value, ensure_ascii=is_ascii, allow_nan=False).encode()
        except ValueError:  # infinite
            continue
        assert outcome(decode, data) == outcome(decode_plainly, data) == repr(value)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b" {} ", b"{", b"[1,]", b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"\x0b1", b"\xc2\xa01", b"1 2"),
        *(
            b'"\\ud800"',
            b'"\\ude00\\ud83d"',
            b'"\\ud83d\\ude00"',
            b'"\xed\xa0\x80"',
            b'"\xff"',
            b'"\x00"',
            b'"\\u0000"',
        ),
        *(
            b"NaN",
            b"-Infinity",
            b"1e400",
            b"-0",
            b"-0.0",
            b"01",
            b"1.",
            b".5",
            b"1E5",
            b"9" * 5000,
            b"1e-999",
        ),
        *(b"[" * 900 + b"]" * 900, b"[" * 60000, b"[" * 60000 + b"]" * 60000, b'{"a":' * 60000),
    ],
)
def test_both_take_and_refuse_the_same(data: bytes) -> None:
    assert outcome(decode, data) == outcome(decode_plainly, data)


@given(st.binary(max_size=30) | st.text('[]{},:"\\ue+-0123456789.daf truelsnNI', max_size=30).map(str.encode))
def test_any_bytes_have_the_same_outcome(data: bytes) -> None:
    assert (outcome(decode, data) == "raised") == (outcome(decode_plainly, data) == "raised")


@given(st.text())
def test_both_quote_the_same(text: str) -> None:
    assert outcome(quoted, text) == outcome(quote_plainly, text)


def test_every_character_is_quoted_the_same_and_read_again() -> None:
    text = "".join(map(chr, range(0xD800))) + "\U0001f600"
    assert quoted(text) == quote_plainly(text)
    assert decode(quoted(text)) == text
