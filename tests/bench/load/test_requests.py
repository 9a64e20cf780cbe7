"""The requests that the loads send, as a tracker sees them."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.load.recording import CONNECT, HttpRecorder, UdpRecorder


@pytest.fixture
def tracker() -> Iterator[UdpRecorder]:
    recorder = UdpRecorder()
    recorder.start()
    yield recorder
    recorder.close()


@pytest.fixture
def site() -> Iterator[HttpRecorder]:
    recorder = HttpRecorder()
    recorder.start()
    yield recorder
    recorder.close()


def load(program: Path, *arguments: object) -> dict[str, Any]:
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def mix(programs: Path, tracker: UdpRecorder, *options: object) -> dict[str, Any]:
    """A mix of announces alone, of 50 peers in 5 torrents."""
    usual = ("--torrents", 5, "--peers", 50, "--warmup", 0, "--weights", "0/1/0")
    return load(programs / "load", "mix", "--port", tracker.port, *usual, *options)


def test_peers_in_turn_announce_in_the_order_of_the_population(programs: Path, tracker: UdpRecorder) -> None:
    mix(programs, tracker, "--in-turn", "--requests", 100)
    announces = tracker.announces()
    assert announces == announces[:50] * 3
    assert len(set(announces[:50])) == 50


def test_newcomers_are_peers_that_nobody_has_announced(programs: Path, tracker: UdpRecorder) -> None:
    mix(programs, tracker, "--newcomers", 50, "--requests", 400, "--sources", 10)
    announces = tracker.announces()
    known = set(announces[:50])
    newcomers = [each for each in announces[50:] if each not in known]
    assert 100 < len(newcomers) < 300
    assert len(set(newcomers)) == len(newcomers)
    assert {info_hash for _, info_hash, _ in newcomers} <= {info_hash for _, info_hash, _ in known}


def test_with_ids_for_one_use_there_are_as_many_connects_as_announces(
    programs: Path, tracker: UdpRecorder
) -> None:
    report = mix(programs, tracker, "--id-seconds", 0, "--requests", 200, "--sources", 20)
    assert report["connects"] == report["announces"] == 200
    assert Counter(action for _, action, _ in tracker.requests)[CONNECT] == 250


def test_a_connect_comes_from_the_source_of_its_announce(programs: Path, tracker: UdpRecorder) -> None:
    mix(programs, tracker, "--id-seconds", 0, "--requests", 50, "--sources", 20, "--window", 1)
    pairs = list(zip(tracker.requests[::2], tracker.requests[1::2], strict=True))
    assert len(pairs) == 100
    assert all((first[0], first[1], second[1]) == (second[0], CONNECT, 1) for first, second in pairs)


def test_peers_beyond_the_ports_of_a_swarm_differ_too(programs: Path, tracker: UdpRecorder) -> None:
    usual = ("--torrents", 1, "--peers", 66_000, "--sources", 64, "--warmup", 0, "--requests", 1)
    load(programs / "load", "mix", "--port", tracker.port, *usual, "--weights", "0/1/0", "--in-turn")
    announces = tracker.announces()[:66_000]
    assert len(set(announces)) == 66_000


def test_a_proxy_names_its_clients(programs: Path, site: HttpRecorder) -> None:
    usual = ("--torrents", 5, "--peers", 50, "--sources", 50, "--warmup", 0, "--requests", 1, "--window", 1)
    report = load(programs / "http_load", "--port", site.port, *usual, "--forwarded")
    assert report["answers"] == 1
    prefill = site.requests[:50]
    assert {source for source, _ in prefill} == {"127.0.0.1"}
    clients = [re.findall(r"\r\nX-Forwarded-For: (\S+)\r\n", request) for _, request in prefill]
    assert clients == [[f"10.0.0.{number}"] for number in range(50)]


def test_without_a_proxy_the_sources_are_addresses(programs: Path, site: HttpRecorder) -> None:
    usual = ("--torrents", 5, "--peers", 50, "--sources", 50, "--warmup", 0, "--requests", 1, "--window", 1)
    load(programs / "http_load", "--port", site.port, *usual)
    assert [source for source, _ in site.requests[:50]] == [f"127.0.0.{number + 1}" for number in range(50)]
    assert not any("X-Forwarded-For" in request for _, request in site.requests)
