"""Accept-Encoding: what it names, how it is weighed, what is made of nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.protocol.accept_encoding import MOST_ELEMENTS, accepted, choose, quality_of
from opentracker.protocol.http import Request, parse_request
from tests.protocol.http_cases import without_controls

BOTH = (b"zstd", b"gzip")


def request_with(*headers: bytes) -> Request:
    lines = b"".join(b"%b\r\n" % header for header in headers)
    request = parse_request(b"GET /scrape HTTP/1.1\r\n" + lines + b"\r\n")
    assert request is not None
    return request


@pytest.mark.parametrize(
    ("value", "chosen"),
    [
        (b"", b""),
        (b"gzip", b"gzip"),
        (b"GZip", b"gzip"),
        (b"x-gzip", b"gzip"),
        (b"zstd", b"zstd"),
        (b"gzip, zstd", b"zstd"),
        (b"zstd;q=0.1, gzip;q=1", b"zstd"),  # with both, zstd wins
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"gzip;q=0", b""),
        (b"gzip;q=0.0", b""),
        (b"gzip;q=0.000, zstd;q=0", b""),
        (b"gzip;q=0.001", b"gzip"),
        (b"gzip ; q=0.5", b"gzip"),
        (b"gzip;\tq = 1.000", b"gzip"),
        (b"gzip;Q=0.5", b"gzip"),
        (b"zstd;q=0, gzip", b"gzip"),
        (b"*", b"zstd"),
        (b"*;q=0", b""),
        (b"*;q=0, gzip", b"gzip"),
        (b"zstd;q=0, *", b"gzip"),
        (b"identity", b""),
        (b"identity;q=1, gzip;q=0.5", b""),
        (b"identity;q=0.5, gzip;q=0.5", b"gzip"),
        (b"identity;q=0", b""),  # there is nothing else to be had
        (b"identity;q=0, gzip", b"gzip"),
        (b"identity;q=0, *;q=0.1", b"zstd"),
        (b"deflate, br", b""),
        (b"notgzip", b""),
        (b"gzip;q=2", b""),
        (b"gzip;q=1.001", b""),
        (b"gzip;q=0.1234", b""),
        (b"gzip;q=-1", b""),
        (b"gzip;q=x", b""),
        (b"gzip;q=", b""),
        (b"gzip;q", b""),
        (b"gzip;level=9", b""),
        (b"gzip;q=1;q=0", b""),
        (b",, ,gzip,", b"gzip"),
        (b";q=1", b""),
        (b"gzip;q=0, gzip;q=1", b""),
    ],
)
def test_s13_what_is_chosen(value: bytes, chosen: bytes) -> None:
    assert choose(request_with(b"Accept-Encoding: " + value), BOTH) == chosen


def test_without_the_header_nothing_is_chosen() -> None:
    assert choose(request_with(), BOTH) == b""
    assert choose(request_with(b"X-Gzip: gzip", b"User-Agent: gzip"), BOTH) == b""


def test_several_headers_are_one_list() -> None:
    request = request_with(b"accept-encoding: deflate", b"ACCEPT-ENCODING: gzip;q=0.5")
    assert choose(request, BOTH) == b"gzip"
    assert accepted(request) == {b"deflate": 1000, b"gzip": 500}


def test_only_what_is_offered() -> None:
    request = request_with(b"Accept-Encoding: gzip, zstd")
    assert choose(request, (b"gzip",)) == b"gzip"
    assert choose(request, ()) == b""


def test_what_stands_behind_some_dozens_is_passed_over() -> None:
    others = [b"a%d" % number for number in range(MOST_ELEMENTS - 1)]
    assert choose(request_with(b"Accept-Encoding: " + b",".join([*others, b"gzip"])), BOTH) == b"gzip"
    assert choose(request_with(b"Accept-Encoding: " + b",".join([*others, b"br", b"gzip"])), BOTH) == b""
    lines = [b"Accept-Encoding: " + other for other in others]
    assert choose(request_with(*lines, b"Accept-Encoding: zstd"), BOTH) == b"zstd"
    assert choose(request_with(*lines, b"Accept-Encoding: br", b"Accept-Encoding: zstd"), BOTH) == b""


@pytest.mark.parametrize(
    ("digits", "quality"), [(b"0", 0), (b"0.", 0), (b"1.", 1000), (b"0.7", 700), (b"0.07", 70)]
)
def test_weights(digits: bytes, quality: int) -> None:
    assert quality_of([b"q=" + digits]) == quality


@given(st.binary(max_size=60).map(without_controls))
def test_any_value_is_read(value: bytes) -> None:
    assert choose(request_with(b"Accept-Encoding: " + value), BOTH) in (b"", *BOTH)
