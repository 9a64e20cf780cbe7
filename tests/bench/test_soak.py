"""What the soak makes of what it has seen; the soak itself is run by hand, for it takes half an hour and a network."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
FOLDERS = (BENCH, BENCH / "soak")


@pytest.fixture(scope="module")
def module() -> Iterator[Callable[[str], ModuleType]]:
    """Scripts beside each other are no package: they are imported by their bare names, and forgotten afterwards."""
    before = set(sys.modules)
    sys.path[:0] = map(str, FOLDERS)
    try:
        yield importlib.import_module
    finally:
        del sys.path[: len(FOLDERS)]
        for name in set(sys.modules) - before:
            if any((folder / f"{name}.py").exists() for folder in FOLDERS):
                del sys.modules[name]


def test_a_slope_is_that_of_the_line_of_least_squares(module: Callable[[str], ModuleType]) -> None:
    slope = module("watching").slope
    assert slope([(0, 5), (1, 5), (7, 5)]) == 0
    assert slope([(0, 1), (1, 3), (2, 5)]) == 2
    assert slope([(0, 0), (1, 2), (2, 1), (3, 3)]) == pytest.approx(0.8)


def test_a_state_file_says_how_many_torrents_it_has(
    module: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"head and torrents" + (77).to_bytes(8, "big") + bytes(16))
    assert module("operating").torrents_in(path) == 77


RECOUNT: dict[str, Any] = {
    "kept": {"torrents": 3, "peers": 5, "bytes": 700},
    "found": {"torrents": 3, "peers": 5, "bytes": 700, "downloaded": 1},
    "fault": "",
    "connections": 2,
    "connections_counted": 2,
    "connections_by_address": 2,
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"kept": {"torrents": 3, "peers": 6, "bytes": 700}}, ["6 peers, found 5"]),
        (
            {"kept": {"torrents": 2, "peers": 5, "bytes": 701}},
            ["2 torrents, found 3", "701 bytes, found 700"],
        ),
        ({"fault": "torrent 41: in shard 7"}, ["torrent 41: in shard 7"]),
        ({"connections_counted": 3}, ["3 connections_counted, 2 there"]),
        ({"connections_by_address": 1}, ["1 connections_by_address, 2 there"]),
    ],
)
def test_a_recount_says_what_differs(
    module: Callable[[str], ModuleType], changed: dict[str, Any], said: list[str]
) -> None:
    assert module("verdicts").differences({**RECOUNT, **changed}) == said


@pytest.mark.parametrize(
    ("grown", "minutes", "passes"),
    [(0.0, 20, True), (-9.0, 20, True), (0.2, 20, True), (1.0, 20, False), (0.0, 13, False)],
)
def test_memory_that_grows_or_was_not_seen_for_long_enough_falls_short(
    module: Callable[[str], ModuleType], grown: float, minutes: int, passes: bool
) -> None:
    """`grown` is KiB a second, of 100 MiB."""
    watch = module("watching").Watch(0)
    watch.samples = [(1000.0 + second, round(102400 + grown * second), 9) for second in range(minutes * 60)]
    seen = module("verdicts").Seen((0.0, 0.0), (0.0, 0.0), 1000.0, watches=[watch])
    passed, text = seen.memory()
    assert passed is passes
    assert text.startswith("memory: ")


def good(module: Callable[[str], ModuleType]) -> Any:
    """A run in which all was as it has to be, but for memory, which was not watched for long enough."""
    load = {"answers": 5, "errors": {"malformed": 0, "refusals": 0}}
    seen = module("verdicts").Seen((0.0, 0.0), (0.0, 0.0), watches=[module("watching").Watch(0)])
    seen.minutes = [module("verdicts").Minute(load, load, RECOUNT, 1024, 9, 0)]
    seen.last = RECOUNT
    seen.strangers = {"spoofed_bytes_sent": 10, "spoofed_bytes_answered": 10, "full_scrapes": 1}
    seen.descriptors, seen.reloads, seen.ended = (9, 9), (1, 0), (0, 3)
    return seen


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("descriptors", (9, 10), "descriptors: 9 at the start, 10 once nobody is left"),
        ("reloads", (0, 0), "reloads: 0, of which 0 without effect"),
        ("reloads", (5, 1), "reloads: 5, of which 1 without effect"),
        ("ended", (1, 3), "end: status 1, state of 3 torrents, 3 there"),
        ("ended", (0, 2), "end: status 0, state of 2 torrents, 3 there"),
        ("strangers", {"full_scrapes": 1}, "spoofed datagrams: 0 bytes drew 0"),
    ],
)
def test_what_is_not_as_it_has_to_be_falls_short(
    module: Callable[[str], ModuleType], name: str, value: object, said: str
) -> None:
    seen = good(module)
    assert [passed for passed, _ in seen.verdicts()] == [False, *[True] * 7]
    setattr(seen, name, value)
    assert [text for passed, text in seen.verdicts() if not passed][1:] == [said]


def test_chunks_are_joined_and_a_cut_one_is_told(module: Callable[[str], ModuleType]) -> None:
    joined = module("strangers").joined
    assert joined(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n") == b"abc0123456789"
    with pytest.raises(ConnectionResetError):
        joined(b"3\r\nabc\r\nA\r\n0123")


def test_the_command_tells_what_it_takes() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH / "soak"), "--help"], capture_output=True, text=True, check=True
    )
    assert "--minutes" in done.stdout
    assert "SIGKILL" in done.stdout
