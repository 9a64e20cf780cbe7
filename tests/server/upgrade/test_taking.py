"""Torrents from one tracker to another: all of them, those that change meanwhile too, with ages and counters."""

import os
import socket
from collections.abc import Iterator

import pytest
from librt.strings import BytesWriter

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.errors import StartError, TrackerFailure
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED
from opentracker.server.clock import Now
from opentracker.server.upgrade.giving import COUNTERS, END, GONE, MESSAGE, TORRENT, sized
from opentracker.server.upgrade.taking import AHEAD, PieceReader, Taking
from opentracker.server.workers.channel import pair
from opentracker.server.workers.frames import BROKEN, LAST, NEXT, OPEN, PIECE, parse_frames, write_frame
from opentracker.swarm.tracker import Tracker
from tests.server.live import Live
from tests.server.upgrade.handing import Handing, TurningReader, clock_of
from tests.swarm.filled import announce, open_tracker

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import Admission

    class Refusing(Admission):
        """Refuses every torrent."""

        def allows(self, info_hash: bytes) -> bool:
            """See Admission."""
            return False


HASHES = [bytes([number]) * 20 for number in range(1, 40)]


@pytest.fixture
def handing() -> Iterator[Handing]:
    """A tracker with torrents of one to 39 peers, and one of a thousand."""
    live = Live()
    for number, info_hash in enumerate(HASHES, 1):
        for port in range(1000, 1000 + (number if number < 39 else 1000)):
            announce(live.server.tracker, info_hash, port, live.server.now.minute, seeding=port % 3 == 0)
    tested = Handing(live)
    yield tested
    tested.close()
    live.close()


def packed(tracker: Tracker) -> dict[bytes, tuple[tuple[int, int, int], int, int]]:
    """Counts, size and last touch of every torrent."""
    store = tracker.store
    found = {}
    for shard in range(store.shards):
        for info_hash in store.info_hashes(shard):
            complete, downloaded, incomplete = store.scrape(info_hash)
            found[info_hash] = (
                (int(complete), int(downloaded), int(incomplete)),
                int(store.size_of(info_hash)),
                int(store.touched(info_hash, 0)),
            )
    return found


def taken(handing: Handing, taker: Tracker) -> None:
    """Let `taker` take everything."""

    def turn() -> None:
        handing.live.iterate()
        if handing.told == ["near"]:
            handing.departure.finish()

    Taking(taker, clock_of(handing.live)).take_all(TurningReader(handing.end, 7, turn))


def test_everything_is_handed_over(handing: Handing) -> None:
    giver, taker = handing.live.server.tracker, open_tracker()
    giver.counters.udp_announces = 1234
    before = packed(giver)
    taken(handing, taker)
    assert packed(taker) == packed(giver) == before
    assert len(before) == len(HASHES)
    assert taker.counters.udp_announces == 1234


def test_changes_in_the_middle_are_handed_over(handing: Handing) -> None:
    giver, taker = handing.live.server.tracker, open_tracker()
    changes = iter(range(30))

    def turn() -> None:
        handing.live.iterate()
        number = next(changes, None)
        if number is not None:
            announce(giver, os.urandom(20), 2000, 0)
            announce(giver, HASHES[number], 2001 + number, 0, seeding=True)
            announce(giver, HASHES[-1], 1000 + 3 * number, 0, event=EVENT_COMPLETED, seeding=True)
            announce(giver, HASHES[-1], 1001 + 3 * number, 0, event=EVENT_STOPPED)
            announce(giver, HASHES[-1], 9000 + number, 0)
            if number % 5 == 0:
                giver.remove(HASHES[number])
        elif handing.told == ["near"]:
            handing.departure.finish()

    Taking(taker, clock_of(handing.live)).take_all(TurningReader(handing.end, 7, turn))
    assert next(changes, None) is None
    assert packed(taker) == packed(giver)
    assert len(packed(giver)) == len(HASHES) + 30 - 6


def test_stamps_of_another_minute_keep_their_age(handing: Handing) -> None:
    handing.live.advance(20 * 60.0)
    announce(handing.live.server.tracker, HASHES[0], 5000, handing.live.server.now.minute)
    taker = open_tracker()
    taken(handing, taker)
    assert packed(taker) == packed(handing.live.server.tracker)


def test_a_second_reader_gets_everything_anew(handing: Handing) -> None:
    """The first one gave up in the middle; pieces for it that are still there are none of the second one's."""
    PieceReader(handing.end, 5)
    for _ in range(5):
        handing.live.iterate()
    handing.departure.reopen()
    handing.told.clear()
    taker = open_tracker()
    taken(handing, taker)
    assert packed(taker) == packed(handing.live.server.tracker)


def fed(*frames: tuple[int, bytes]) -> tuple[PieceReader, socket.socket]:
    """A reader to which these frames have come, and the other end of its channel."""
    ours, its = pair()
    reader = PieceReader(its, 3)
    out = BytesWriter()
    for kind, payload in frames:
        write_frame(out, kind, 3, payload)
    ours.send(out.getvalue())
    return reader, ours


def test_a_reader_asks_for_pieces_ahead() -> None:
    reader, ours = fed((PIECE, b"abc"), (LAST, b""))
    assert reader.read(65536) == b"abc"
    assert reader.read(65536) == b""
    asked = [parse_frames(ours.recv(4096))[0].kind for _ in range(2 + AHEAD)]
    assert asked == [OPEN, *[NEXT] * (AHEAD + 1)]  # one more for each piece that has come
    reader.sock.close()
    ours.close()


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([(BROKEN, b"")], "cannot give its torrents"),
        ([(PIECE, TORRENT + bytes(20) + b"\0\0\0\1"), (LAST, b"")], "cannot be read"),
        ([(PIECE, b"\x09"), (LAST, b"")], "cannot be read"),
    ],
)
def test_what_is_broken_is_refused(frames: list[tuple[int, bytes]], words: str) -> None:
    reader, ours = fed(*frames)
    with pytest.raises(StartError, match=words):
        Taking(open_tracker(), Now(lambda: 0.0)).take_all(reader)
    reader.sock.close()
    ours.close()


def test_an_end_in_the_middle_is_refused() -> None:
    reader, ours = fed((PIECE, GONE + bytes(20)))
    ours.close()
    with pytest.raises(StartError):
        Taking(open_tracker(), Now(lambda: 0.0)).take_all(reader)
    reader.sock.close()


def test_a_tracker_that_says_nothing_is_not_waited_for() -> None:
    ours, its = pair()
    with pytest.raises(StartError, match="does not give its torrents"):
        PieceReader(its, 3, patience=0.0).read(1)
    ours.close()
    its.close()


def test_messages_come_behind_the_torrents_to_their_hearers(caplog: pytest.LogCaptureFixture) -> None:
    messages = [sized(MESSAGE, each) for each in (b"name one", b"unknown two", b"name three four")]
    reader, ours = fed((PIECE, b"".join(messages) + END), (LAST, b""))
    heard: list[bytes] = []
    Taking(open_tracker(), Now(lambda: 0.0), {b"name": heard.append}).take_all(reader)
    assert heard == [b"one", b"three four"]
    assert caplog.messages == ["a message to unknown, which is not here, is without effect"]
    reader.sock.close()
    ours.close()


@pytest.mark.skipif(not (WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE), reason="needs an access list")
def test_the_access_list_refuses_no_torrent_before_its_changes_are_known(handing: Handing) -> None:
    """Each is asked about at its next request, and a purge removes those that are refused."""
    taker = open_tracker()
    taker.admission = Refusing()
    taken(handing, taker)
    assert int(taker.store.totals.torrents) == len(HASHES)
    assert not taker.serves(HASHES[0])
    with pytest.raises(TrackerFailure):
        announce(taker, HASHES[0], 7000, 0)


def test_counters_of_another_version_are_left_out() -> None:
    row = b'{"udp_announces": 5, "http_404": 6, "of_the_future": 7}'
    reader, ours = fed((PIECE, COUNTERS + len(row).to_bytes(4, "big") + row + END), (LAST, b""))
    tracker = open_tracker()
    assert Taking(tracker, Now(lambda: 0.0)).take_all(reader) == 0
    assert tracker.counters.udp_announces == 5
    assert tracker.counters.value("http_404") == 6
    reader.sock.close()
    ours.close()
