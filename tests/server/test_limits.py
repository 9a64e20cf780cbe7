"""The limits of a tracker: `limits.*` in a config file, and a server that keeps to them."""

import hashlib
import os
import socket
from pathlib import Path
from typing import Final

import pytest

from opentracker._features import OT_MAX_MEMORY, OT_MAX_PEERS, OT_MAX_TORRENTS, WANT_FULLSCRAPE
from opentracker.config.settings import Bind, Sections, Settings
from opentracker.server import wiring
from opentracker.server.core import each
from opentracker.server.http.slots import SHARE, WEIGHT
from opentracker.server.limits import LimitSettings, LimitsFeature, memory
from opentracker.server.system.memory import RESERVE, STATM, Resident, left_over, memory_to_use
from opentracker.swarm.policy import slots
from opentracker.swarm.policy.limits import UNLIMITED
from opentracker.swarm.policy.permissions import Permissions
from opentracker.swarm.store.weights import TORRENT
from tests.server.live import HOME, Live, packed, sections
from tests.swarm.filled import add

if WANT_FULLSCRAPE:
    from opentracker.features.fullscrape.feature import within
    from opentracker.features.fullscrape.page import FullScrape, heaviest

MIB: Final = 1 << 20
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
linux = pytest.mark.skipif(not STATM.exists(), reason="Linux alone tells what a process has")


@pytest.mark.parametrize(
    ("text", "value"), [("512M", 512 << 20), ("4g", 4 << 30), ("1K", 1024), ("2T", 2 << 40), ("0M", 0)]
)
def test_memory_in_units(text: str, value: int) -> None:
    settings = Settings()
    memory(settings, text)
    assert settings.of(LimitSettings).memory == value


def test_memory_as_a_share_of_what_there_is() -> None:
    settings = Settings()
    assert (settings.of(LimitSettings).memory, settings.of(LimitSettings).memory_share) == (
        None,
        OT_MAX_MEMORY,
    )
    memory(settings, "1G")
    memory(settings, "40%")
    assert (settings.of(LimitSettings).memory, settings.of(LimitSettings).memory_share) == (None, 40)


@pytest.mark.parametrize("text", ["99999999T", "1025T", "2000000G"])
def test_more_than_any_machine_has(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected bytes as in 512M .*, and at most 1024T"):
        memory(Settings(), text)


@pytest.mark.parametrize("mib", [48, 64, 96, 128, 160, 256, 512, 1024, 4096, 65536])
def test_all_budgets_together_are_no_more_than_there_is(mib: int) -> None:
    """And the interpreter has its own part: 24 MiB are about its resident size at the start."""
    resident, whole = 24 * MIB, mib * MIB
    left = left_over(whole, resident)
    asked = LimitSettings(usable_memory=left)
    for_torrents = left * OT_MAX_MEMORY // 100
    listing = (
        27 * for_torrents // (TORRENT + 48)
    )  # of a full scrape: for each torrent, the smallest there are
    connections = min(asked.slots(Permissions()).most * WEIGHT, left // SHARE)
    scrapes = 0
    if WANT_FULLSCRAPE:
        room = within(128, left // SHARE)
        scrapes = room * heaviest()
        assert scrapes <= left // SHARE or room == 1
    assert for_torrents + listing + connections + scrapes <= max(left, heaviest_single())
    if mib >= 64:
        assert left + resident + RESERVE <= whole


def heaviest_single() -> int:
    """One full scrape is always allowed."""
    return 8 * heaviest() if WANT_FULLSCRAPE else 0


def test_limits_that_are_more_than_there_is_are_told(caplog: pytest.LogCaptureFixture) -> None:
    LimitSettings(memory=700 * MIB, usable_memory=1000 * MIB).warn()
    LimitSettings(memory=800 * MIB, usable_memory=0).warn()
    assert caplog.messages == []
    LimitSettings(memory=800 * MIB, usable_memory=1000 * MIB).warn()
    assert caplog.messages == [
        "limits.memory of 800 MiB, and 250 MiB for connections and full scrapes, are more than the "
        "1000 MiB there are"
    ]


@pytest.mark.parametrize("text", ["101%", "%", "-1%", "5%%", "5P", "M", "1 M", "1MB", "512Ⅿ", "ſ"])
def test_what_is_no_memory(text: str) -> None:
    with pytest.raises(ValueError, match="expected bytes as in 512M"):
        memory(Settings(), text)


def test_by_default_the_tracker_keeps_to_a_share_of_it() -> None:
    asked = LimitSettings()
    asked.measure(0)
    limits = asked.limits()
    share = left_over(memory_to_use(), 0) * OT_MAX_MEMORY // 100
    assert limits.memory.limit == (share or UNLIMITED)
    assert limits.torrents.limit == (OT_MAX_TORRENTS or UNLIMITED)
    assert limits.peers.limit == (OT_MAX_PEERS or UNLIMITED)


def test_a_share_of_ones_own() -> None:
    asked = LimitSettings(memory_share=10)
    asked.measure(0)
    assert asked.memory == left_over(memory_to_use(), 0) * 10 // 100


def test_settings_win() -> None:
    asked = LimitSettings(torrents=1, peers=2, peers_per_torrent=3, ports_per_address=4, memory=5)
    asked.measure(0)
    limits = asked.limits()
    assert (limits.torrents.limit, limits.peers.limit, limits.peers_per_torrent) == (1, 2, 3)
    assert (limits.ports_per_address, limits.memory.limit) == (4, 5)


@pytest.mark.parametrize("asked", [LimitSettings(memory=0), LimitSettings(memory_share=0)])
def test_no_limit(asked: LimitSettings) -> None:
    asked.measure(0)
    assert asked.limits().memory.limit == UNLIMITED


def test_connections_are_limited_by_number_or_by_default() -> None:
    nobody = Permissions()
    assert LimitSettings(connections=7).slots(nobody).most == 7
    assert LimitSettings(connections=7, usable_memory=1).slots(nobody).most == 7
    assert LimitSettings(connections=0, usable_memory=1).slots(nobody).most == 1
    assert LimitSettings(connections_per_address=0).slots(nobody).most_of_one == slots.UNLIMITED


@pytest.mark.needs(WANT_ACCESSLIST_BLACK=False, WANT_ACCESSLIST_WHITE=False)
def test_memory_is_measured_before_the_root_directory_hides_it() -> None:
    seen = []
    server = wiring.start(
        Settings([Bind(True, packed(HOME), 0)], sections=sections()),
        lambda settings, paths: seen.append(settings.of(LimitSettings).memory or 0),
    )
    assert len(seen) == 1
    assert 0 < seen[0] < memory_to_use() * OT_MAX_MEMORY // 100, "the interpreter is taken off first"
    assert server.tracker.limits.memory.limit == (seen[0] or UNLIMITED)
    server.close()


@linux
@pytest.mark.needs(WANT_ACCESSLIST_WHITE=False)
def test_r03_a_server_looks_once_a_second() -> None:
    def started(memory: int) -> wiring.Server:
        settings = Settings([Bind(True, packed(HOME), 0)], sections=sections(LimitSettings(memory=memory)))
        return wiring.start(settings, lambda settings, paths: None)

    server = started(20 * MIB)
    limits = server.tracker.limits
    before = len(os.listdir("/proc/self/fd"))
    ballast = b"x" * (50 * MIB)
    assert limits.excess == 0
    each(server.each_second)()
    assert limits.excess > 40 * MIB
    assert limits.near_limit
    del ballast
    each(server.each_second)()
    assert not limits.near_limit
    server.close()
    without = started(0)
    assert len(without.each_second) == len(server.each_second) - 1
    without.close()
    assert len(os.listdir("/proc/self/fd")) < before


@linux
@pytest.mark.needs("WANT_FULLSCRAPE", WANT_ACCESSLIST_WHITE=False, WANT_MODEST_FULLSCRAPES=False)
def test_strangers_who_read_nothing_are_not_counted_as_torrents(tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    used = 100 * MIB
    statm.write_text(f"0 {used // PAGE} 0 0 0 0 0\n")
    settings = Settings(sections=Sections(LimitSettings(memory=20 * MIB)))
    feature = LimitsFeature(settings)
    live = Live(settings)
    server = live.server
    limits = server.tracker.limits
    feature.resident = Resident(statm)
    feature.begin(server)
    for number in range(20_000):
        add(server.tracker, hashlib.sha1(number.to_bytes(4, "big")).digest(), (1, 2, 3))
    to = live.listen_tcp()
    server.sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    for _ in range(20):
        live.tcp(to, receive_buffer=4096).send(b"GET /scrape HTTP/1.1\r\nAccept-Encoding: gzip, zstd\r\n\r\n")
    live.until(lambda: len(server.http.connections) == 20 and not live.work, "full sockets")
    used += limits.totals.bytes + 20 * WEIGHT + server.part(FullScrape).weight()
    for more in (0, 10 * MIB):
        statm.write_text(f"0 {(used + more) // PAGE} 0 0 0 0 0\n")
        each(server.each_second)()
        assert abs(int(limits.excess) - more) <= PAGE
    live.close()
    feature.close()
