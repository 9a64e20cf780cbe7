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
        ("/r/state: the checksum is wrong; nothing is loaded, the tracker starts empty\n", 0),
        ("ready\n/r/state: 31 torrents loaded with their peers, 2 skipped\nready\n", 31),
        (
            "s: 31 torrents loaded with their peers, 0 skipped\ns: 7 torrents loaded with their peers, 0 skipped\n",
            7,
        ),
    ],
)
def test_a_log_says_how_many_torrents_were_loaded(log: str, loaded: int) -> None:
    assert loaded_in(log) == loaded
