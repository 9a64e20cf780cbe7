import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from opentracker.config.settings import Bind, Settings
from opentracker.errors import StartError, UsageError
from opentracker.server import binding, wiring
from opentracker.server.http.connection import HttpServer, Listener
from opentracker.server.system.libc import has_mmsg
from opentracker.server.udp.sockets import UdpBatchSocket, UdpSocket
from tests.server.conftest import DESCRIPTORS, open_descriptors
from tests.server.live import (
    HOME,
    SECRET,
    SEED,
    SYNC_BINDS,
    Clock,
    connect_packet,
    endpoint,
    packed,
)
from tests.swarm.ids import id_for

ANY4, ANY6 = packed("0.0.0.0"), packed("::")


def stay(settings: Settings) -> None:
    """In place of `privileges.confine`: these tests have more to do in their process."""


def start(*binds: Bind, confine: Callable[[Settings], None] = stay, **settings: object) -> wiring.Server:
    return wiring.start(Settings(list(binds), sync_binds=SYNC_BINDS, **settings), confine)  # type: ignore[arg-type]


def test_a_tracker_that_is_started_serves_and_closes() -> None:
    before = open_descriptors()
    server = start(Bind(False, packed(HOME), 0), Bind(True, packed(HOME), 0))
    tcp, udp = server.sockets
    with (
        socket.socket(udp.family, socket.SOCK_DGRAM) as client,
        socket.socket(tcp.family, socket.SOCK_STREAM) as web,
    ):
        client.sendto(connect_packet(), endpoint(udp))
        web.connect(endpoint(tcp))
        web.sendall(b"GET /nothing HTTP/1.0\r\n\r\n")
        for _ in range(3):
            server.loop.iterate(0.0)
        assert len(client.recv(100, socket.MSG_DONTWAIT)) == 16
        assert web.recv(1000, socket.MSG_DONTWAIT).startswith(b"HTTP/1.1 404 ")
    server.close()
    assert open_descriptors() == before


def test_u18_two_trackers_started_together_give_different_ids() -> None:
    first, second = start(Bind(True, packed(HOME), 0)), start(Bind(True, packed(HOME), 0))
    assert id_for(first.ids, packed(HOME)) != id_for(second.ids, packed(HOME))
    first.close()
    second.close()


def test_a_start_that_fails_leaves_nothing_open() -> None:
    def refuse(settings: Settings) -> None:
        raise StartError("no")

    before = open_descriptors()
    with pytest.raises(StartError, match="no"):
        wiring.start(Settings([Bind(True, packed(HOME), 0)]), refuse)
    assert open_descriptors() == before


@pytest.mark.parametrize(
    "build",
    [
        pytest.param("black", marks=pytest.mark.needs("WANT_ACCESSLIST_BLACK")),
        pytest.param("white", marks=pytest.mark.needs("WANT_ACCESSLIST_WHITE")),
    ],
)
def test_a05_a_list_that_is_missing_at_the_start(build: str, tmp_path: Path) -> None:
    before = open_descriptors()
    with pytest.raises(UsageError, match=f"{tmp_path}/missing: No such file"):
        start(Bind(True, packed(HOME), 0), accesslist=tmp_path / "missing")
    assert open_descriptors() == before


def test_a_process_is_confined_with_its_sockets_open() -> None:
    """Low ports are root's to bind, and nothing that root could do is done later."""
    opened = []

    def count(settings: Settings) -> None:
        opened.append(open_descriptors() - before)

    before = open_descriptors()
    start(Bind(False, packed(HOME), 0), Bind(True, packed(HOME), 0), confine=count).close()
    assert opened >= [2 if DESCRIPTORS.exists() else 0]


def test_each_kind_of_socket_gets_its_server() -> None:
    sockets = binding.open_sockets([Bind(True, packed(HOME), 0), Bind(False, packed(HOME), 0)])
    server = wiring.Server(Settings(), sockets, SECRET, SEED, Clock())
    handlers = [key.data for key in server.loop.selector.get_map().values()]
    udp = UdpBatchSocket if has_mmsg() else UdpSocket
    assert [type(handler) for handler in handlers] == [HttpServer, udp, Listener]
    server.close()


def test_checking_reads_and_binds_nothing(tmp_path: Path) -> None:
    before = open_descriptors()
    confined: list[Settings] = []
    settings = Settings([Bind(True, packed(HOME), 0)], directory=tmp_path, sync_binds=SYNC_BINDS)
    wiring.check(settings, confined.append)
    assert open_descriptors() == before
    assert confined == [settings]
