"""The channel of a TLS connection: the contract of `os.read` and `os.write`."""

import os
import socket
import ssl
from collections.abc import Iterator

import pytest

from opentracker.server.tls.certificates import Certificates
from opentracker.server.tls.channel import TlsChannel
from tests.server.tls.authority import Authority


class Pair:
    """A channel on one end of a connection, and a client's session on the other, after their handshake."""

    def __init__(self, context: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.fd = self.ours.fileno()
        self.channel = TlsChannel(context)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.incoming, self.outgoing, server_hostname="tracker.example")
        for _ in range(2):
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                pass
            self.channel.feed(self.outgoing.read())
            self.channel.shake()
            self.channel.flush(self.fd)
            self.take()

    def take(self) -> None:
        """Give the client's session the bytes that have come."""
        try:
            while data := self.theirs.recv(1 << 16):
                self.incoming.write(data)
        except BlockingIOError:
            pass

    def text(self) -> bytes:
        """The text that has come to the client."""
        self.take()
        text = b""
        try:
            while part := self.client.read(1 << 16):
                text += part
        except ssl.SSLWantReadError:
            pass
        return text

    def send(self, text: bytes) -> bytes:
        """The records of a text of the client's, which are not sent."""
        self.client.write(text)
        return self.outgoing.read()


@pytest.fixture
def pair(certificates: Certificates, authority: Authority) -> Iterator[Pair]:
    made = Pair(certificates.context, authority.client_context())
    yield made
    made.ours.close()
    made.theirs.close()


def test_a_read_has_the_text_of_all_records_that_are_complete(pair: Pair) -> None:
    pair.theirs.send(pair.send(b"one") + pair.send(b"two"))
    assert pair.channel.read(pair.fd, 8192) == b"onetwo"


def test_a_read_of_half_a_record_would_block(pair: Pair) -> None:
    record = pair.send(b"text")
    pair.theirs.send(record[:10])
    with pytest.raises(BlockingIOError):
        pair.channel.read(pair.fd, 8192)
    with pytest.raises(BlockingIOError):
        pair.channel.read(pair.fd, 8192)
    pair.theirs.send(record[10:])
    assert pair.channel.read(pair.fd, 8192) == b"text"


def test_a_record_that_ends_the_text(pair: Pair) -> None:
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.unwrap()
    pair.theirs.send(pair.outgoing.read())
    assert pair.channel.read(pair.fd, 8192) == b""


def test_the_end_of_a_connection_without_that_record(pair: Pair) -> None:
    pair.theirs.close()
    assert pair.channel.read(pair.fd, 8192) == b""


def test_a_broken_record_is_an_error_of_the_connection(pair: Pair) -> None:
    record = bytearray(pair.send(b"text"))
    record[-1] ^= 1
    pair.theirs.send(record)
    with pytest.raises(OSError, match=r"(?i)bad.record.mac"):
        pair.channel.read(pair.fd, 8192)


def test_a_write_counts_its_text_when_its_records_have_left(pair: Pair) -> None:
    text = os.urandom(3_000_000)
    sent, blocked, received = 0, 0, b""
    while sent < len(text):
        try:
            sent += pair.channel.write(pair.fd, text[sent:])
        except BlockingIOError:
            blocked += 1
            received += pair.text()
    received += pair.text()
    assert received == text
    assert blocked > 0


def test_a_whole_answer_ends_with_a_record(pair: Pair) -> None:
    pair.channel.write(pair.fd, b"answer")
    pair.channel.say_goodbye(pair.fd)
    pair.take()
    assert pair.client.read(100) == b"answer"
    assert pair.client.read(100) == b""


def test_a_goodbye_to_a_client_that_is_gone_is_no_error(pair: Pair) -> None:
    pair.theirs.close()
    pair.channel.say_goodbye(pair.fd)
