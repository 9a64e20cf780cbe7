"""Answers whose length is unknown when they begin: HTTP/1.1 chunks (RFC 9112, 7.1), or bytes until the close."""

from typing import Final

from opentracker.protocol.http import Request

LAST_CHUNK: Final = b"0\r\n\r\n"


def write_stream_head(
    request: Request, content_type: bytes, encoding: bytes = b"", vary: bool = False
) -> bytes:
    """The head of a 200 answer; sets `request.keep_alive` to False if only the close ends the answer (HTTP/1.0).

    `encoding` is a Content-Encoding, if there is one; `vary` tells caches that it was chosen by Accept-Encoding.
    """
    if request.http_1_0:
        request.keep_alive = False
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%b%b%bConnection: %b\r\n\r\n" % (
        content_type,
        b"Content-Encoding: %b\r\n" % encoding if encoding else b"",
        b"Vary: Accept-Encoding\r\n" if vary else b"",
        b"" if request.http_1_0 else b"Transfer-Encoding: chunked\r\n",
        b"keep-alive" if request.keep_alive else b"close",
    )


def write_chunk(body: bytes) -> bytes:
    """One chunk; `body` is not empty, since an empty chunk ends the answer."""
    return b"%x\r\n%b\r\n" % (len(body), body)
