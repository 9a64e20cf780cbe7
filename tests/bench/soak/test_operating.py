from pathlib import Path

import pytest

from soak.operating import loaded_in, torrents_in


def test_a_state_file_says_how_many_torrents_it_has(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"head and torrents" + (77).to_bytes(8, "big") + bytes(16))
    assert torrents_in(path) == 77


@pytest.mark.parametrize(
    ("log", "loaded"),
    [
        ("", 0),
        ("/r/state: its checksum is wrong: it is truncated or corrupted\n", 0),
        ("ready\n/r/state, with peers: 31 torrents loaded; left out: 2 whose time is up\nready\n", 31),
        ("s, with peers: 31 torrents loaded\ns, with peers: 7 torrents loaded\n", 7),
    ],
)
def test_a_log_says_how_many_torrents_were_loaded(log: str, loaded: int) -> None:
    assert loaded_in(log) == loaded
