"""FIFOs that change the networks that a live tracker does not serve."""

from pathlib import Path

import pytest

from opentracker.config.settings import Settings
from opentracker.errors import UsageError
from opentracker.server.network_fifos import NetworkFifoFeature, NetworkFifoSettings
from tests.protocol.http_cases import announce
from tests.server.fifo_writer import write
from tests.server.live import HOME, Live, sections


def test_n15_networks_are_denied_and_served_again_through_fifos(tmp_path: Path) -> None:
    add, delete = tmp_path / "add", tmp_path / "delete"
    live = Live(Settings(sections=sections(NetworkFifoSettings(add, delete))))
    web = live.listen_tcp()

    def is_denied() -> bool:
        return b"does not serve your network" in live.ask(web, announce(6881)).body

    assert not is_denied()
    write(live, add, f"{HOME} # a flood\n".encode())
    assert is_denied()
    write(live, delete, f"{HOME}\n".encode())
    assert not is_denied()
    live.close()


def test_one_fifo_cannot_do_both(tmp_path: Path) -> None:
    feature = NetworkFifoFeature(
        Settings(sections=sections(NetworkFifoSettings(tmp_path / "a", tmp_path / "a")))
    )
    with pytest.raises(UsageError, match=r"cannot be both access.deny_fifo_add and access.deny_fifo_delete"):
        feature.load()
