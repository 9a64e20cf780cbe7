"""FIFOs that change the keys of a live tracker."""

from pathlib import Path

import pytest

from opentracker.config.settings import Settings
from opentracker.errors import UsageError
from opentracker.features.keys.feature import KeySettings
from opentracker.server.fifos import FifoFeature
from opentracker.server.key_fifos import KeyFifoFeature, KeyFifoSettings
from tests.protocol.http_cases import get, peer_query
from tests.server.fifo_writer import write
from tests.server.live import Live, sections

KEY = b"0123456789abcdef"


def test_k11_keys_are_added_and_deleted_through_fifos(tmp_path: Path) -> None:
    keys, add, delete = tmp_path / "keys", tmp_path / "add", tmp_path / "delete"
    keys.write_bytes(b"")
    live = Live(Settings(sections=sections(KeySettings(keys), KeyFifoSettings(add, delete))))
    web = live.listen_tcp()

    def is_served() -> bool:
        return b"failure" not in live.ask(web, get(b"/" + KEY + b"/announce?" + peer_query(6881))).body

    assert not is_served()
    write(live, add, KEY + b" of a member\n")
    assert is_served()
    write(live, delete, KEY + b"\n")
    assert not is_served()
    live.close()


def test_one_fifo_cannot_do_both(tmp_path: Path) -> None:
    feature = KeyFifoFeature(Settings(sections=sections(KeyFifoSettings(tmp_path / "a", tmp_path / "a"))))
    with pytest.raises(UsageError, match=r"cannot be both access.keys_fifo_add and access.keys_fifo_delete"):
        feature.load()


def test_a_list_says_how_lines_change_it() -> None:
    live = Live()
    with pytest.raises(NotImplementedError):
        FifoFeature.changes(KeyFifoFeature(Settings()), live.server, "fifo", True)
    live.close()
