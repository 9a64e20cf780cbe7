import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.config import values
from opentracker.config.paths import NamedPath
from opentracker.config.settings import Bind, Settings, Take
from opentracker.errors import ConfigError, StartError, UsageError
from opentracker.features.feature import Feature, keys_of
from opentracker.server import binding, wiring
from opentracker.server.core import Core
from opentracker.server.http.listener import Listener
from opentracker.server.http.server import HttpServer
from opentracker.server.system.libc import has_mmsg
from opentracker.server.udp.sockets import UdpBatchSocket, UdpSocket
from tests.server.conftest import DESCRIPTORS, open_descriptors
from tests.server.live import (
    HOME,
    SECRET,
    SEED,
    Clock,
    connect_packet,
    endpoint,
    packed,
    sections,
)
from tests.swarm.ids import id_for

ANY4, ANY6 = packed("0.0.0.0"), packed("::")


def stay(settings: Settings, paths: Sequence[NamedPath]) -> None:
    """In place of `privileges.confine`: these tests have more to do in their process."""


def start(*binds: Bind, confine: wiring.Confine = stay) -> wiring.Server:
    return wiring.start(Settings(list(binds), sections=sections()), confine)


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
    def refuse(settings: Settings, paths: Sequence[NamedPath]) -> None:
        raise StartError("no")

    before = open_descriptors()
    with pytest.raises(StartError, match="no"):
        start(Bind(True, packed(HOME), 0), confine=refuse)
    assert open_descriptors() == before


if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.feature import AccessListSettings

    def test_a05_a_list_that_is_missing_at_the_start(tmp_path: Path) -> None:
        before = open_descriptors()
        missing = AccessListSettings(tmp_path / "missing")
        with pytest.raises(UsageError, match=f"{tmp_path}/missing: No such file"):
            wiring.start(Settings([Bind(True, packed(HOME), 0)], sections=sections(missing)), stay)
        assert open_descriptors() == before


def test_a_process_is_confined_with_its_sockets_open() -> None:
    """Low ports are root's to bind, and nothing that root could do is done later."""
    opened = []

    def count(settings: Settings, paths: Sequence[NamedPath]) -> None:
        opened.append(open_descriptors() - before)

    before = open_descriptors()
    start(Bind(False, packed(HOME), 0), Bind(True, packed(HOME), 0), confine=count).close()
    assert opened >= [2 if DESCRIPTORS.exists() else 0]


def test_each_kind_of_socket_gets_its_server() -> None:
    sockets = binding.open_sockets([Bind(True, packed(HOME), 0), Bind(False, packed(HOME), 0)])
    server = wiring.Server(Settings(), sockets, SECRET, SEED, Clock())
    handlers = server.loop.selector.watched.values()
    udp = UdpBatchSocket if has_mmsg() else UdpSocket
    assert [type(handler) for handler in handlers] == [HttpServer, udp, Listener]
    server.close()


def test_no_two_features_have_a_key_or_an_option_in_common() -> None:
    keys = [key for feature in wiring.FEATURES for key in keys_of(feature)]
    letters = [option.letter for feature in wiring.FEATURES for option in feature.options]
    assert len(keys) == len(set(keys))
    assert len(letters) == len(set(letters))
    assert set(keys) | set(values.KEYS) == set(wiring.CONFIG.keys)
    assert not set(keys) & set(values.KEYS)


class AloneFeature(Feature[Core]):
    """A feature that is not for several workers, and does nothing unless its key was given."""

    is_asked_for: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"tracker.alone": lambda settings, value: None}


@pytest.mark.needs("WANT_WORKERS")
def test_a_feature_in_use_that_does_not_go_with_several_workers() -> None:
    settings = Settings(workers=2)
    wiring.refuse_alone([AloneFeature(settings)], settings)
    settings.given.append(("tracker.alone", "yes"))
    with pytest.raises(ConfigError, match=r"listen\.workers above 1 does not go with tracker\.alone yet"):
        wiring.refuse_alone([AloneFeature(settings)], settings)
    wiring.refuse_alone([AloneFeature(Settings(given=settings.given))], Settings())


def test_a_path_is_named_once() -> None:
    fields = [(path.section, path.field) for path in wiring.PATHS]
    assert len(fields) == len(set(fields))


def test_checking_reads_and_binds_nothing(tmp_path: Path) -> None:
    before = open_descriptors()
    confined: list[tuple[Settings, Sequence[NamedPath]]] = []
    settings = Settings([Bind(True, packed(HOME), 0)], directory=tmp_path, sections=sections())
    wiring.check(settings, lambda settings, paths: confined.append((settings, paths)))
    assert open_descriptors() == before
    assert confined == [(settings, wiring.PATHS)]
