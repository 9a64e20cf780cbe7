"""The door to a connection's bytes: a plain connection's is the system's own."""

import os

import pytest

from opentracker.server.http.channel import PLAIN


def test_a_plain_connection_reads_and_writes_its_descriptor() -> None:
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    try:
        with pytest.raises(BlockingIOError):
            PLAIN.read(readable, 10)
        assert PLAIN.write(writable, b"bytes") == 5
        assert PLAIN.read(readable, 10) == b"bytes"
    finally:
        os.close(readable)
        os.close(writable)
    with pytest.raises(OSError, match="Bad file descriptor"):
        PLAIN.write(writable, b"bytes")


def test_the_door_costs_nothing() -> None:
    assert PLAIN is os
