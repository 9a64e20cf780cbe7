"""Answers over HTTP as they came, and whether that was all of them."""

from __future__ import annotations

import gzip
import zlib


class CutError(Exception):
    """An answer that ends before its end, or that cannot be read to it."""


def parted(answer: bytes) -> tuple[bytes, bytes]:
    """Head and body of an answer; chunks are joined. Raises CutError."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        raise CutError("in the head")
    if b"Transfer-Encoding: chunked" in head:
        return head, joined(body)
    length = head.partition(b"Content-Length: ")[2].split(b"\r\n")[0]
    if length and len(body) != int(length):
        raise CutError(f"{len(body)} bytes of {int(length)}")
    return head, body


def joined(body: bytes) -> bytes:
    """The bytes of chunks. Raises CutError where one of them is not whole."""
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        if end < 0:
            raise CutError("in the chunks")
        try:
            size = int(body[at:end], 16)
        except ValueError as error:
            raise CutError(str(error)) from None
        if size == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2


def unpacked(body: bytes) -> bytes:
    """The bytes that gzip packed. Raises CutError."""
    try:
        return gzip.decompress(body)
    except (EOFError, OSError, zlib.error) as error:  # an OSError is a bad head or checksum
        raise CutError(repr(error)) from None
