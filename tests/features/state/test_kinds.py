"""The two kinds of state, told apart."""

from pathlib import Path

import pytest

from opentracker._features import WANT_FULL_STATE
from opentracker.errors import BrokenStateError
from opentracker.features.state import kinds
from opentracker.features.state.state import open_state


@pytest.mark.parametrize("data", [b"", b"A" * 40 + b":1:2\n", b"otstat"])
def test_lines(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "state").write_bytes(data)
    with open_state(tmp_path / "state") as file:
        assert not kinds.is_full(file, "FILE")
        assert file.tell() == 0


@pytest.mark.parametrize("version", [1, 2])
def test_peers_too(tmp_path: Path, version: int) -> None:
    (tmp_path / "state").write_bytes(b"otstate" + bytes([version]) + bytes(100))
    with open_state(tmp_path / "state") as file:
        if WANT_FULL_STATE:
            assert kinds.is_full(file, "FILE")
        else:
            with pytest.raises(BrokenStateError, match=r"FILE holds peers too: .*WANT_FULL_STATE"):
                kinds.is_full(file, "FILE")
        assert file.tell() == 0
