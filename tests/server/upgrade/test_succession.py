"""The place of a start in the line of upgrades."""

import os
import socket

import pytest

from opentracker.config.settings import Settings
from opentracker.errors import StartError
from opentracker.server.upgrade.bequest import NAMED, OTHER, OWN, PASSED, Identity, send
from opentracker.server.upgrade.launcher import VARIABLE
from opentracker.server.upgrade.succession import Succession, may_be_upgraded
from opentracker.server.workers.channel import pair

IDENTITY = Identity(bytes(range(32)), 5, 1.5)


def left_by(workers: int) -> tuple[dict[str, str], list[socket.socket]]:
    """The environment for a start after a tracker with five sockets, and what is to be closed."""
    ours, its = pair()
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
    names = [f"{OWN} 0 0", f"{PASSED} 1", OTHER, f"{NAMED} one", f"{NAMED} two"]
    named = [(name, sock.fileno()) for name, sock in zip(names, sockets, strict=True)]
    send(ours, IDENTITY, workers, [], named)
    return {VARIABLE: str(its.detach())}, [ours, *sockets]


def test_a_first_start_has_an_identity_of_its_own() -> None:
    first, second = Succession(Settings(), {}), Succession(Settings(), {})
    assert first.identity.secret != second.identity.secret
    assert not first.settings.left.takes_over
    assert first.passed == []
    assert first.bequest is None
    first.close()


def test_a_start_in_an_upgrade_is_the_tracker_before() -> None:
    environment, opened = left_by(1)
    settings = Settings()
    line = Succession(settings, environment)
    assert line.identity == IDENTITY
    assert settings.left.takes_over
    assert settings.left.origin == 1.5
    assert [sock.getsockname() for sock in line.passed] == [opened[2].getsockname()]
    found = {sock.getsockname() for sock in settings.left.sockets}
    assert found == {opened[1].getsockname(), opened[3].getsockname()}
    taken = settings.left.take("one")
    assert taken.getsockname() == opened[4].getsockname()
    assert settings.left.take("three") is None
    assert settings.left.taken == ["one"]
    line.close_unused()
    assert (settings.left.sockets, settings.left.named) == ([], {})
    taken.close()
    for sock in (*opened, *line.passed):
        sock.close()
    line.close()


def test_another_number_of_workers_is_refused() -> None:
    environment, opened = left_by(3)
    with pytest.raises(StartError, match=r"listen\.workers is 1 and was 3: such a change needs a restart"):
        Succession(Settings(), environment)
    for sock in opened:
        sock.close()


def test_a_tracker_is_upgraded_only_if_asked() -> None:
    assert not may_be_upgraded(Settings())
    assert os.getpid() != 1
