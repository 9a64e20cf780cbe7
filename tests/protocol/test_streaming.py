"""Heads of answers of unknown length, and chunks."""

import pytest

from opentracker.protocol.http import Request, parse_request
from opentracker.protocol.streaming import LAST_CHUNK, write_chunk, write_stream_head


def request_of(version: bytes) -> Request:
    request = parse_request(b"GET /scrape HTTP/" + version + b"\r\n\r\n")
    assert request is not None
    return request


def test_http_1_1_is_chunked() -> None:
    request = request_of(b"1.1")
    request.keep_alive = False
    assert write_stream_head(request, b"a/b") == (
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )


def test_http_1_1_may_be_kept_alive() -> None:
    request = request_of(b"1.1")
    request.keep_alive = True
    assert b"\r\nConnection: keep-alive\r\n" in write_stream_head(request, b"a/b")
    assert request.keep_alive


@pytest.mark.parametrize("wanted", [False, True])
def test_s12_http_1_0_is_ended_by_the_close(wanted: bool) -> None:
    request = request_of(b"1.0")
    request.keep_alive = wanted
    assert write_stream_head(request, b"a/b") == (
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nConnection: close\r\n\r\n"
    )
    assert not request.keep_alive


def test_an_encoding_and_that_it_was_chosen() -> None:
    head = write_stream_head(request_of(b"1.1"), b"a/b", b"gzip", vary=True)
    assert b"\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n" in head


def test_chunks() -> None:
    assert write_chunk(b"abc") == b"3\r\nabc\r\n"
    assert write_chunk(bytes(300)) == b"12c\r\n" + bytes(300) + b"\r\n"
    assert LAST_CHUNK == b"0\r\n\r\n"
