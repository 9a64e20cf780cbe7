"""State files with peers: what is written is what is loaded, ages and all; what is not whole is not loaded."""

import io
import logging
import random
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentracker._features import (
    OT_PEER_TIMEOUT,
    OT_TORRENT_TIMEOUT_HOURS,
    WANT_BOGON_FILTER,
    WANT_MAX_PEER,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.errors import BrokenStateError
from opentracker.features.state import full as full_state
from opentracker.features.state.full import Loading
from opentracker.features.state.full_file import DIGEST, HEADER, MOST_MINUTES, examine
from opentracker.features.state.state import State, open_state
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED, Announce
from opentracker.swarm.invariants import OLDEST, Checker
from opentracker.swarm.store.records import LARGE, SMALL
from opentracker.swarm.tracker import Tracker
from tests.server.live import Live, packed
from tests.swarm import torrents
from tests.swarm.filled import announce, filled, known, open_tracker

if WANT_BOGON_FILTER:
    from opentracker.features.bogons import BogonFilter
    from opentracker.swarm.policy.permissions import Permissions
if WANT_MAX_PEER:
    from opentracker.swarm.policy.limits import Limits
    from opentracker.swarm.tracker import limit_by

EPOCH = 29_000_000

Peer = tuple[bytes, bool, int, int]  # address, whether it seeds, flags, age


def peers_of(tracker: Tracker, info_hash: bytes, minute: int) -> set[Peer]:
    found = torrents.peers_of(tracker, info_hash).items()
    return {(peer, seeding, flags, (minute - stamp) & 255) for peer, (seeding, flags, stamp) in found}


def contents(tracker: Tracker, minute: int) -> dict[bytes, tuple[int, int, set[Peer]]]:
    """Everything that is to be remembered: downloaded, minutes since the last touch, peers."""
    store = tracker.store
    return {
        each: (
            int(store.downloads(each)),
            int(minute - store.touched(each, minute)),
            peers_of(tracker, each, minute),
        )
        for each in torrents.info_hashes(tracker)
    }


def written(tracker: Tracker, minute: int = 0, epoch: int = EPOCH) -> bytes:
    return b"".join(full_state.write(tracker, minute, epoch))


def file_of(path: Path, data: bytes) -> io.FileIO:
    path.write_bytes(data)
    return open_state(path)


def loaded(path: Path, data: bytes, minute: int = 0, epoch: int = EPOCH) -> tuple[Tracker, Loading]:
    tracker = open_tracker()
    loading = Loading(tracker, minute, epoch)
    with file_of(path, data) as file:
        loading.load(file, "FILE")
    return tracker, loading


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


def mixed(minute: int) -> Tracker:
    """Swarms of all kinds and ages, the newest of `minute`."""
    chance = random.Random(7)
    tracker = open_tracker()
    for number, peers in enumerate([1, 2, 3, 40, SMALL, SMALL + 1, 5 * SMALL]):
        info_hash = bytes([number]) * 20
        for peer in range(peers):
            event = EVENT_COMPLETED if chance.random() < 0.3 else 0
            at = minute - chance.randrange(30)
            announce(tracker, info_hash, 1000 + peer, at, event=event, seeding=chance.random() < 0.5)
    announce(tracker, b"left" * 5, 1000, minute - 40, event=EVENT_COMPLETED, seeding=True)
    announce(tracker, b"left" * 5, 1000, minute - 35, event=EVENT_STOPPED)
    return tracker


def test_what_is_loaded_is_what_was_written(path: Path) -> None:
    tracker = mixed(100)
    again, loading = loaded(path, written(tracker, 100), minute=0, epoch=EPOCH + 100)
    assert contents(again, 0) == contents(tracker, 100)
    assert (loading.tally.loaded, loading.tally.skipped()) == (8, 0)
    assert written(again, 0, EPOCH + 100)[HEADER:] != b""


def test_peers_grow_older_while_nobody_runs(path: Path) -> None:
    tracker = mixed(100)
    again, _ = loaded(path, written(tracker, 100), minute=0, epoch=EPOCH + 110)
    expected = {
        info_hash: (
            count,
            age + 10,
            {(peer, seeding, flags, old + 10) for peer, seeding, flags, old in peers},
        )
        for info_hash, (count, age, peers) in contents(tracker, 100).items()
    }
    assert contents(again, 0) == expected


def test_peers_that_would_have_expired_are_not_loaded(path: Path) -> None:
    tracker = mixed(100)
    passed = OT_PEER_TIMEOUT - 15
    again, _ = loaded(path, written(tracker, 100), minute=0, epoch=EPOCH + 100 + passed)
    young = {
        info_hash: {
            (peer, seeding, flags, old + passed)
            for peer, seeding, flags, old in peers
            if old + passed <= OT_PEER_TIMEOUT
        }
        for info_hash, (_, _, peers) in contents(tracker, 100).items()
    }
    found = contents(again, 0)
    assert {info_hash: found[info_hash][2] for info_hash in found} == {
        info_hash: peers for info_hash, peers in young.items() if info_hash in found
    }
    for info_hash in set(young) - set(found):
        assert young[info_hash] == set()


@pytest.mark.parametrize("hours", [2, 200])
def test_after_a_long_time_only_counts_are_left(path: Path, hours: int) -> None:
    tracker = mixed(100)
    again, _ = loaded(path, written(tracker, 100), minute=0, epoch=EPOCH + 100 + hours * 60)
    assert all(peers == set() for _, _, peers in contents(again, 0).values())
    if hours < OT_TORRENT_TIMEOUT_HOURS:
        kept = {info_hash for info_hash, (count, _, _) in contents(tracker, 100).items() if count}
        assert set(contents(again, 0)) == kept
        for info_hash, (_, age, _) in contents(again, 0).items():
            known_age = contents(tracker, 100)[info_hash][1]
            assert age == known_age + hours * 60 or len(contents(tracker, 100)[info_hash][2]) > SMALL


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.binary(min_size=20, max_size=20),
        st.lists(
            st.tuples(st.integers(2, 60), st.booleans(), st.sampled_from([0, 1, 3]), st.integers(0, 30))
        ),
        max_size=8,
    ),
    st.integers(0, 10),
)
def test_t12_any_tracker_survives_a_restart(
    tmp_path_factory: pytest.TempPathFactory,
    torrents: dict[bytes, list[tuple[int, bool, int, int]]],
    passed: int,
) -> None:
    tracker = open_tracker()
    for info_hash, announces in torrents.items():
        for port, seeding, event, minute in sorted(announces, key=lambda each: each[3]):
            announce(tracker, info_hash, port, minute, event=event, seeding=seeding)
    path = tmp_path_factory.mktemp("state") / "state"
    again, _ = loaded(path, written(tracker, 30), minute=3, epoch=EPOCH + 27 + passed)
    before = {
        info_hash: (
            count,
            age + passed,
            {(peer, seeding, flags, old + passed) for peer, seeding, flags, old in peers},
        )
        for info_hash, (count, age, peers) in contents(tracker, 30).items()
        if peers or count
    }
    assert contents(again, 3) == before


def test_counts_of_limits_are_right_afterwards(path: Path) -> None:
    tracker = mixed(100)
    again, _ = loaded(path, written(tracker, 100), epoch=EPOCH + 100)
    assert again.store.totals.torrents == tracker.store.totals.torrents
    assert again.store.totals.peers == tracker.store.totals.peers


# ---- What other settings have no room for --------------------------------------------------------------------

# Address and port -> whether it is listed: to everybody, to neighbours, or never.
PEERS4 = {
    "8.8.8.8": (7000, "everybody"),
    "8.8.4.4": (25, "never"),
    "10.1.2.3": (7000, "neighbours"),
    "10.1.2.4": (25, "never"),
    "127.0.0.1": (7000, "never"),
}
PEERS6 = {
    "2a00::1": (7000, "everybody"),
    "2a00::2": (25, "never"),
    "fd00::1": (7000, "neighbours"),
    "fe80::1": (7000, "never"),
}
PEERS = ({} if WANT_V6 else PEERS4) | ({} if WANT_V4_ONLY else PEERS6)


def peer_of(text: str, port: int) -> bytes:
    return packed(text) + port.to_bytes(2, "big")


def wide(seeding: bool, public: int) -> Tracker:
    """A tracker without a filter, whose one torrent has all of these peers, and some public ones more."""
    tracker = open_tracker()
    peers = [peer_of(text, port) for text, (port, _) in PEERS.items()]
    host = next(iter(PEERS))
    for peer in [*peers, *(peer_of(host, 8000 + number) for number in range(public))]:
        a = Announce(both_families=True)
        a.info_hash, a.peer, a.stored, a.seeding = b"w" * 20, peer, True, seeding
        tracker.announce(a, 0)
    return tracker


def addresses(tracker: Tracker) -> set[bytes]:
    return {peer for _, _, peers in contents(tracker, 0).values() for peer, _, _, _ in peers}


@pytest.mark.needs("WANT_BOGON_FILTER")
@pytest.mark.parametrize("public", [0, 3 * SMALL])
@pytest.mark.parametrize("seeding", [False, True])
def test_peers_that_the_filter_does_not_list_are_not_loaded(path: Path, seeding: bool, public: int) -> None:
    saved = wide(seeding, public)
    tracker = open_tracker()
    tracker.visibility = BogonFilter(frozenset([(25).to_bytes(2, "big")]), Permissions(), tracker.counters)
    with file_of(path, written(saved)) as file:
        Loading(tracker, 0, EPOCH).load(file, "FILE")
    never = {peer_of(text, port) for text, (port, to) in PEERS.items() if to == "never"}
    assert addresses(tracker) == addresses(saved) - never
    assert tracker.visibility.hides
    assert tracker.store.totals.peers == len(addresses(tracker))
    for text, (port, to) in PEERS.items():  # one who asks from everywhere is shown no neighbour of others
        if to == "everybody":
            a = Announce(both_families=True)
            a.info_hash, a.peer, a.stored, a.numwant = b"w" * 20, peer_of(text, port), True, 200
            tracker.announce(a, 0)
            for other, (its_port, its) in PEERS.items():
                assert its == "everybody" or peer_of(other, its_port) not in a.peers + a.peers6


@pytest.mark.needs("WANT_BOGON_FILTER")
def test_a_torrent_of_unlisted_peers_alone_is_skipped(path: Path) -> None:
    tracker = open_tracker()
    announce(tracker, b"l" * 20, 7000, 0)
    announce(tracker, b"m" * 20, 7000, 0, event=EVENT_COMPLETED, seeding=True)
    again = open_tracker()
    again.visibility = BogonFilter(frozenset(), Permissions(), again.counters)
    loading = Loading(again, 0, EPOCH)
    with file_of(path, written(tracker)) as file:
        loading.load(file, "FILE")
    assert contents(again, 0) == {b"m" * 20: (1, 0, set())}
    assert (loading.tally.loaded, loading.tally.skipped(), again.visibility.hides) == (1, 1, False)


@pytest.mark.needs("WANT_MAX_PEER")
@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"torrents": 3}, 3),
        ({"peers": 9}, 4),
        *[
            pytest.param({"memory": memory}, kept, marks=pytest.mark.needs(WANT_COMPILED=False))
            # 192 bytes a torrent of records, 208 if its two peers have IPv6 addresses. Words are counted by the shard.
            for memory, kept in [(416, 2), (415, 1 if WANT_V6 else 2), (191, 0)]
        ],
        ({}, 10),
    ],
)
def test_limits_are_heeded(
    path: Path, limits: dict[str, int], kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tracker = open_tracker()
    for number in range(10):
        for port in (7000, 7002):  # of one family
            announce(tracker, bytes([number]) * 20, port, 0)
    again = open_tracker()
    limit_by(again, Limits(**limits))
    loading = Loading(again, 0, EPOCH)
    with file_of(path, written(tracker)) as file:
        loading.load(file, "FILE")
    assert (again.store.totals.torrents, again.store.totals.peers) == (kept, 2 * kept)
    assert (loading.tally.loaded, loading.tally.skipped()) == (kept, 10 - kept)
    left_out = f"; left out: {10 - kept} beyond the limits" if kept < 10 else ""
    assert caplog.messages == [f"FILE, with peers: {kept} torrents loaded{left_out}"]


@pytest.mark.needs("WANT_MAX_PEER")
@pytest.mark.parametrize("limits", [{"peers": 3 * SMALL}, {"memory": 3 * SMALL * 9}])
def test_a_swarm_for_which_there_is_no_room_is_skipped_whole(path: Path, limits: dict[str, int]) -> None:
    again = open_tracker()
    limit_by(again, Limits(**limits))
    loading = Loading(again, 0, EPOCH)
    with file_of(path, written(wide(False, 3 * SMALL))) as file:
        loading.load(file, "FILE")
    assert (loading.tally.loaded, loading.tally.skipped(), again.store.totals.peers) == (0, 1, 0)


def test_an_empty_tracker(path: Path) -> None:
    again, loading = loaded(path, written(open_tracker()))
    assert contents(again, 0) == {}
    assert loading.tally.loaded == 0


# ---- What is not whole ---------------------------------------------------------------------------------------


def refused(path: Path, data: bytes) -> str:
    """The reason for which a file is refused; nothing may have been loaded."""
    tracker = open_tracker()
    loading = Loading(tracker, 0, EPOCH)
    with file_of(path, data) as file, pytest.raises(BrokenStateError, match=r"^FILE: ") as caught:
        loading.load(file, "FILE")
    assert not torrents.are_there(tracker)
    assert (loading.tally.loaded, loading.tally.skipped()) == (0, 0)
    assert (tracker.store.totals.torrents, tracker.store.totals.peers) == (0, 0)
    return str(caught.value)


def test_a_cut_file_is_refused_wherever_it_is_cut(path: Path) -> None:
    data = written(filled(known(20)))
    for size in [8, 9, HEADER, HEADER + 23, *range(HEADER + 24, len(data), 97), len(data) - 1]:
        assert "truncated" in refused(path, data[:size])


def test_a_corrupted_file_is_refused(path: Path) -> None:
    data = written(filled(known(20)))
    for at in [8, 20, HEADER, HEADER + 25, len(data) // 2, len(data) - 20, len(data) - 1]:
        broken = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert "checksum" in refused(path, broken)


@pytest.mark.parametrize("size", [100, -1])
def test_examine_says_the_same_and_takes_nothing_in(path: Path, size: int) -> None:
    data = written(filled(known(20)))
    with file_of(path, data) as file:
        examine(file, "FILE")
    with file_of(path, data[:size]) as file, pytest.raises(BrokenStateError, match=r"^FILE: its checksum"):
        examine(file, "FILE")


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    data = written(open_tracker())
    assert "version" in refused(path, data[:7] + b"\x02" + data[8:])


def signed(data: bytes) -> bytes:
    """A file with whatever content, and a right checksum."""
    return data + blake2b(data, digest_size=DIGEST).digest()


@pytest.mark.parametrize(
    ("torrent", "reason"),
    [
        (b"a" * 20 + (3).to_bytes(4, "big") + b"abc", "too short"),
        (b"a" * 20 + (8).to_bytes(4, "big") + bytes(8), "wrong length"),
        (b"a" * 20 + (15).to_bytes(4, "big") + bytes([0, 0, 0, 0, 1, 2, 0]) + bytes(8), "wrong length"),
        (b"a" * 20 + (1000).to_bytes(4, "big"), "truncated"),
        (b"a" * 20 + (LARGE - 1).to_bytes(4, "big"), "truncated"),  # and no room is made for 2 GB
        (b"a" * 20 + (7).to_bytes(4, "big") + bytes([128, 0, 0, 5, 0, 0, 0]), "wrong count"),
        (b"a" * 20 + (15).to_bytes(4, "big") + bytes([255, 0, 0, 5, 1, 1, 0]) + bytes(8), "wrong count"),
        (b"a" * 19, "truncated"),
        pytest.param(
            b"a" * 20
            + (1 << 31).to_bytes(4, "big")
            + (1).to_bytes(4, "big")
            + (5).to_bytes(4, "big")
            + b"abcde",
            "block",
            marks=pytest.mark.needs(WANT_V6=False),  # a block of IPv4 peers, which comes first
        ),
    ],
)
def test_one_that_was_written_wrong_is_refused_whole(path: Path, torrent: bytes, reason: str) -> None:
    whole = written(filled({b"b" * 20: (1, 1, 1)}))
    start = whole[: -DIGEST - 8]
    assert reason in refused(path, signed(start + torrent + (2).to_bytes(8, "big")))
    assert "number" in refused(path, signed(start + (2).to_bytes(8, "big")))


@pytest.mark.parametrize("epoch", [EPOCH, 0, -EPOCH, MOST_MINUTES, -MOST_MINUTES])
@pytest.mark.parametrize("minute", [0, 5, MOST_MINUTES])
def test_any_time_that_a_clock_may_tell_is_taken(path: Path, epoch: int, minute: int) -> None:
    """Also that of a clock that was wrong: a torrent of then is as new as can be, or too old."""
    tracker = open_tracker()
    announce(tracker, b"a" * 20, 1000, minute, event=EVENT_COMPLETED, seeding=True)
    again, loading = loaded(path, written(tracker, minute, epoch))
    assert loading.tally.loaded + loading.tally.skipped() == 1
    if epoch + minute >= EPOCH:
        assert contents(again, 0) == {b"a" * 20: (1, 0, peers_of(tracker, b"a" * 20, minute))}


YEAR: Final = 365 * 24 * 60


@pytest.mark.parametrize("ago", [17 * YEAR, 16 * YEAR, 32 * YEAR + 5, 56 * YEAR, 25 * 60])
@pytest.mark.parametrize("peers", [0, 1, 3 * SMALL])
def test_however_old_a_state_is_its_torrents_are_too_old(path: Path, ago: int, peers: int) -> None:
    """A record has room for 16 years of minutes, and a board without a clock begins in 1970."""
    tracker = open_tracker()
    for port in range(2, 2 + max(1, peers)):
        announce(tracker, b"a" * 20, port, 5, event=EVENT_COMPLETED, seeding=True)
    if peers == 0:
        announce(tracker, b"a" * 20, 2, 5, event=EVENT_STOPPED)
    again, loading = loaded(path, written(tracker, 5, EPOCH - ago), minute=7)
    assert contents(again, 7) == {}
    assert loading.tally.in_words() == "0 torrents loaded; left out: 1 whose time is up"


@pytest.mark.parametrize("ahead", [1, 60, YEAR, 17 * YEAR])
def test_a_state_of_the_future_was_left_now(path: Path, ahead: int) -> None:
    tracker = open_tracker()
    announce(tracker, b"a" * 20, 1000, 5, event=EVENT_COMPLETED, seeding=True)
    announce(tracker, b"a" * 20, 1000, 5, event=EVENT_STOPPED)
    again, _ = loaded(path, written(tracker, 5, EPOCH + ahead), minute=3)
    assert contents(again, 3) == {b"a" * 20: (1, 0, set())}
    checker = Checker(again)
    for _ in chain.from_iterable(checker.check_next(3, OLDEST) for _ in range(again.store.shards)):
        pass


@pytest.mark.parametrize(
    ("epoch", "minute"),
    [
        (EPOCH, 2**64 - 1),
        (EPOCH, 2**63),
        (EPOCH, 2**63 - 1),
        (EPOCH, MOST_MINUTES + 1),
        (2**63 - 1, 0),
        (-(2**63), 0),
        (MOST_MINUTES + 1, 0),
        (-MOST_MINUTES - 1, 0),
    ],
)
def test_a_time_beyond_all_clocks_is_refused(path: Path, epoch: int, minute: int) -> None:
    data = written(filled(known(3)))
    times = epoch.to_bytes(8, "big", signed=True) + minute.to_bytes(8, "big")
    assert "time" in refused(path, signed(data[:8] + times + data[HEADER:-DIGEST]))


def test_either_form_is_loaded(path: Path) -> None:
    some = known(30)
    state = State(filled(some), lambda: 0, lambda: EPOCH * 60.0)
    for data in (b"".join(state.pieces()), b"".join(state.lines())):
        tracker = open_tracker()
        with file_of(path, data) as file:
            State(tracker, lambda: 0, lambda: EPOCH * 60.0).load(file, "FILE")
        for info_hash, (_, count, _) in some.items():
            assert tracker.scrape(info_hash)[1] == count


def test_pieces_are_small_however_large_a_swarm_is() -> None:
    tracker = open_tracker()
    for port in range(2, 20_000):
        announce(tracker, b"a" * 20, port, 0)
    assert max(map(len, full_state.write(tracker, 0, EPOCH))) < 50_000


def test_a_server_serves_while_it_writes(path: Path) -> None:
    live = Live()
    tracker = live.server.tracker
    for info_hash in known(500):
        announce(tracker, info_hash, 1000, 0)
    pieces = full_state.write(tracker, 0, EPOCH)
    start = next(pieces) + next(pieces)
    announce(tracker, b"new" + bytes(17), 1000, 0)
    for info_hash in list(known(500))[:100]:
        announce(tracker, info_hash, 1000, 0, event=EVENT_STOPPED)
    again, _ = loaded(path, start + b"".join(pieces))
    assert len(contents(again, 0)) >= 400
    live.close()
