"""The header Forwarded: the names in it, and bytes that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.protocol.forwarded import forwarded_names


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (b"for=192.0.2.60", [b"192.0.2.60"]),
        (b"for=192.0.2.60;proto=http;by=203.0.113.43", [b"192.0.2.60"]),
        (b"proto=http; For=192.0.2.60", [b"192.0.2.60"]),
        (b'for="[2001:db8:cafe::17]:4711"', [b"[2001:db8:cafe::17]:4711"]),
        (b"for=192.0.2.43, for=198.51.100.17", [b"192.0.2.43", b"198.51.100.17"]),
        (b'for="a,b;c=\\"d",for=x', [b'a,b;c="d', b"x"]),
        (b"for=_hidden, for=unknown", [b"_hidden", b"unknown"]),
        (b"proto=http, for=192.0.2.43", [b"", b"192.0.2.43"]),
        (b"for=1.1.1.1,", [b"1.1.1.1", b""]),
        (b" ; for=1.1.1.1 ;", [b"1.1.1.1"]),
        (b"", [b""]),
    ],
)
def test_names(value: bytes, names: list[bytes]) -> None:
    assert forwarded_names(value) == names


@pytest.mark.parametrize(
    "value", [b"192.0.2.60", b"for=", b'for="x', b'for="x"y', b"for=1.1.1.1 2.2.2.2", b"for=[::1]"]
)
def test_bytes_that_are_no_forwarded(value: bytes) -> None:
    with pytest.raises(ValueError, match="not a Forwarded header"):
        forwarded_names(value)


@given(st.text(alphabet='for=1;,"\\ \t:_', max_size=60))
def test_any_value_has_names_or_is_refused(text: str) -> None:
    try:
        assert len(forwarded_names(text.encode())) >= 1
    except ValueError:
        pass
