import errno
import os
import resource
import socket
import sys
from collections.abc import Callable, Iterator

import pytest

from opentracker.server.http.accepting import ROUNDS, Acceptor, FastAcceptor, PlainAcceptor, acceptor_for
from opentracker.server.sockets import open_tcp
from tests.server.live import HOME, PATIENCE, endpoint, family_of, packed
from tests.server.marks import needs_both

on_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="accept4 is called as Linux has it"
)

Make = Callable[[socket.socket], Acceptor]


@pytest.fixture(
    params=[pytest.param(FastAcceptor, marks=on_linux, id="fast"), pytest.param(PlainAcceptor, id="plain")]
)
def make(request: pytest.FixtureRequest) -> Make:
    """Each of the two ways to accept."""
    chosen: Make = request.param
    return chosen


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with open_tcp(packed(HOME), 0, True) as sock:
        yield sock


def client_of(sock: socket.socket, host: str = HOME) -> socket.socket:
    """A client that has sent a byte: without one the kernel need not tell of it."""
    client = socket.socket(family_of(host), socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    client.connect((host, endpoint(sock)[1]))
    client.sendall(b"x")
    return client


def test_nobody_is_waiting(make: Make, listening: socket.socket) -> None:
    acceptor = make(listening)
    assert acceptor.accept() == -1
    assert not acceptor.exhausted


@on_linux
def test_how_many_are_waiting(listening: socket.socket) -> None:
    acceptor = FastAcceptor(listening)
    assert acceptor.waiting() == 0
    clients = [client_of(listening) for _ in range(ROUNDS + 3)]
    assert acceptor.waiting() == ROUNDS
    for _ in range(5):
        os.close(acceptor.accept())
    assert acceptor.waiting() == ROUNDS - 2
    for _ in range(ROUNDS - 2):
        os.close(acceptor.accept())
    assert acceptor.waiting() == 0
    for client in clients:
        client.close()


def test_connections_do_not_block_and_have_addresses(make: Make, listening: socket.socket) -> None:
    acceptor = make(listening)
    for _ in range(3):
        with client_of(listening) as client:
            fd = acceptor.accept()
            try:
                assert acceptor.address == packed(HOME)
                assert not os.get_blocking(fd)
                assert not os.get_inheritable(fd)
                assert os.read(fd, 10) == b"x"
                with pytest.raises(BlockingIOError):
                    os.read(fd, 10)
                os.write(fd, b"y")
                assert client.recv(10) == b"y"
            finally:
                os.close(fd)
    assert acceptor.accept() == -1


@needs_both
def test_both_families_on_one_socket(make: Make) -> None:
    with open_tcp(packed("::"), 0, False) as listening:
        acceptor = make(listening)
        for host in ("127.0.0.1", "::1", "127.0.0.2"):
            with client_of(listening, host):
                os.close(acceptor.accept())
                expected = "127.0.0.1" if "." in host else host  # connecting takes the first loopback address
                assert acceptor.address == packed(expected)


def test_out_of_descriptors(make: Make, listening: socket.socket) -> None:
    acceptor = make(listening)
    with client_of(listening):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(listening.fileno())
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            assert acceptor.accept() == -1
            assert acceptor.exhausted
            with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
                os.dup(listening.fileno())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(acceptor.accept())
    assert acceptor.accept() == -1
    assert not acceptor.exhausted


def test_the_fastest_there_is(listening: socket.socket) -> None:
    chosen = acceptor_for(listening)
    assert isinstance(chosen, FastAcceptor if sys.platform.startswith("linux") else PlainAcceptor)
