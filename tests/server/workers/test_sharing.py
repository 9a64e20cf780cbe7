"""Pages that tell of all workers: statistics in every mode and format, full scrapes in order, dumps."""

import json
import re

import pytest

from opentracker._features import (
    WANT_COMPRESSION_ZSTD_ALWAYS,
    WANT_FULLSCRAPE,
    WANT_LOG_NUMWANT,
    WANT_MODEST_FULLSCRAPES,
    WANT_STATS_HTML,
    WANT_STATS_JSON,
    WANT_STATS_PROMETHEUS,
)
from opentracker.server.workers import sharing
from tests.server.workers.crew import Crew

MODES = (
    "peer",
    "conn",
    "tcp4",
    "udp4",
    "scrp",
    "fscr",
    "syncs",
    "completed",
    "s24s",
    "top10",
    "renew",
    "herr",
)
needs_full_scrapes = pytest.mark.skipif(
    not WANT_FULLSCRAPE or WANT_COMPRESSION_ZSTD_ALWAYS,
    reason="needs a build with WANT_FULLSCRAPE=1 and WANT_COMPRESSION_ZSTD_ALWAYS=0",
)


@pytest.fixture
def known(crew: Crew) -> list[bytes]:
    """Torrents of all workers: of each one 30 with a peer, and one with 200."""
    found = []
    for worker in range(len(crew.workers)):
        found += crew.owned_by(worker, 31)
        for number, info_hash in enumerate(found[-31:]):
            for port in range(7000, 7200 if number == 0 else 7001):
                crew.workers[worker].http_answers.announce(
                    b"info_hash=%b&port=%d&left=0"
                    % ("".join(f"%{byte:02x}" for byte in info_hash).encode(), port),
                    False,
                    port.to_bytes(2, "big") * (8 if len(crew.tcp[0]) == 3 else 2),
                    0,
                )
    return found


def test_the_parts_have_names() -> None:
    assert sharing.STATISTICS != sharing.LINES


def test_torrents_and_peers_are_summed(crew: Crew, known: list[bytes]) -> None:
    peers = 230 * len(crew.workers)
    for _ in range(4):
        lines = crew.fetch("/stats?mode=peer").decode().splitlines()
        assert lines[:3] == [str(peers), str(peers), f"opentracker serving {len(known)} torrents"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_answered(two: Crew, mode: str) -> None:
    two.announce(two.owned_by(0)[0], 7000)
    two.announce(two.owned_by(1)[0], 7000)
    assert two.fetch(f"/stats?mode={mode}")
    if WANT_STATS_JSON:
        assert json.loads(two.fetch(f"/stats?mode={mode}&format=json"))


def test_the_largest_torrents_of_all(crew: Crew, known: list[bytes]) -> None:
    text = crew.fetch("/stats?mode=top10").decode()
    large = {each.hex().upper() for each in known[::31]}
    assert {line.split("\t")[2] for line in text.splitlines() if line.startswith("\t200\t")} == large


@pytest.mark.skipif(not WANT_STATS_PROMETHEUS, reason="needs a build with WANT_STATS_PROMETHEUS=1")
def test_each_workers_load_is_labelled(crew: Crew) -> None:
    for number in range(6):
        crew.announce(crew.owned_by(number % len(crew.workers))[0], 7000)
    text = crew.fetch("/stats?mode=prometheus").decode()
    found = re.findall(r'^opentracker_worker_busy_seconds_total\{worker="(\d)"\}', text, re.MULTILINE)
    assert sorted(found) == [str(number) for number in range(len(crew.workers))]
    assert 'opentracker_announces_total{protocol="http"} 6\n' in text
    assert "opentracker_torrents 6\n" in text


@pytest.mark.skipif(not WANT_STATS_HTML, reason="needs a build with WANT_STATS_HTML=1")
def test_the_page_for_people(two: Crew) -> None:
    assert b"</html>" in two.fetch("/stats?mode=html")


@pytest.mark.skipif(not WANT_LOG_NUMWANT, reason="needs a build with WANT_LOG_NUMWANT=1")
def test_numwants_are_summed(two: Crew) -> None:
    for worker in (0, 1):
        two.announce(two.owned_by(worker)[0], 7000, "&numwant=7")
    assert sum(int(each.tracker.numwants[7]) for each in two.workers) == 2


@needs_full_scrapes
def test_full_scrapes_are_in_order(crew: Crew, known: list[bytes]) -> None:
    lines = crew.fetch("/stats?mode=tpbs&format=txt").decode().splitlines()
    assert [line.split(":")[0] for line in lines] == [each.hex().upper() for each in sorted(known)]
    large = {each.hex().upper() for each in known[::31]}
    assert {line.split(":")[0] for line in lines if line.split(":")[1] == "200"} == large


@needs_full_scrapes
def test_full_scrapes_of_the_default_format(crew: Crew, known: list[bytes]) -> None:
    scraped = crew.fetch("/scrape")
    assert scraped.startswith(b"d5:filesd20:")
    assert re.findall(rb"20:(.{20})d8:complete", scraped, re.DOTALL) == sorted(known)


@needs_full_scrapes
def test_a_full_scrape_of_nothing(crew: Crew) -> None:
    assert crew.fetch("/scrape") == b"d5:filesdee"


@needs_full_scrapes
def test_a_dump_has_all_lines(crew: Crew, known: list[bytes]) -> None:
    lines = crew.fetch("/stats?mode=statedump").decode().splitlines()
    assert sorted(line.split(":")[0] for line in lines) == sorted(each.hex().upper() for each in known)


@pytest.mark.skipif(not WANT_MODEST_FULLSCRAPES, reason="needs a build with WANT_MODEST_FULLSCRAPES=1")
def test_a_full_scrape_is_remembered_by_all(crew: Crew) -> None:
    assert crew.fetch("/scrape", whole=True).startswith(b"HTTP/1.1 200 ")
    for _ in range(6):
        assert crew.fetch("/scrape", whole=True).startswith(b"HTTP/1.1 402 ")


def test_health_is_that_of_the_worker(two: Crew) -> None:
    for worker in two.workers:
        assert worker.worries() == []
