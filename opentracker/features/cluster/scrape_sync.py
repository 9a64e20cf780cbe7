"""Scrape sync: a tracker with few torrents asks one with many for their counts.

A tracker that has run for half an hour sends a beacon with its number of torrents every minute. A tracker with less
than three quarters of another one's torrents waits for two minutes, and then sends an inquire to the largest. The
largest tells all its torrents, 100 packets a second. Every tracker that hears a tell takes the larger of two counts,
and creates torrents that it does not know.
"""

from collections.abc import Iterator
from typing import ClassVar, Final

from mypy_extensions import i64

from opentracker._features import OT_TORRENT_TIMEOUT_HOURS
from opentracker.features.cluster.livesync import Extension, LiveSync
from opentracker.features.feature import Feature, Host
from opentracker.protocol.livesync import BEACON, INQUIRE, TELL, tracker_id_of, write_head
from opentracker.protocol.scrape_sync import (
    MOST_TOLD,
    TELL_TYPE,
    asked_of,
    beacon_of,
    parse_told,
    told_count,
    write_beacon,
    write_inquire,
    write_told,
)
from opentracker.swarm.store.door import NOT_THERE, Contents
from opentracker.swarm.store.records import MOST_DOWNLOADED
from opentracker.swarm.tracker import Tracker

FIRST_BEACON: Final = 1800.0  # seconds after the start
BEACON_SECONDS: Final = 60.0
THINKING_SECONDS: Final = 2 * BEACON_SECONDS
FEW_FOURTHS: Final = 3  # under three quarters of another tracker's torrents, the own torrents are few
PACKETS: Final = 100  # tells sent in a second
MOST_KNOWN: Final = 256  # other trackers whose beacons are remembered
NEVER: Final = -1.0


class ScrapeSync(Extension):
    """Beacons, inquires and tells of one tracker; packets leave by `send`."""

    def __init__(self, tracker: Tracker, tracker_id: int) -> None:
        super().__init__()
        self.tracker = tracker
        self.tracker_id = tracker_id
        self.own_id = tracker_id.to_bytes(4, "big")
        self.seconds = 0.0  # as of the latest tick
        self.minute: i64 = 0
        self.next_beacon = FIRST_BEACON
        self.larger: dict[bytes, i64] = {}  # trackers with many more torrents: tracker id -> torrents
        self.asked = b""  # the id of the tracker that was asked, until a tell comes
        self.next_inquiry = NEVER  # the time of the next inquire
        self.packets: Iterator[bytes] | None = None  # the packets that are left to tell
        self.telling = False  # whether the packets of one second are being sent
        self.most = PACKETS  # tells sent in a second

    def torrents(self) -> i64:
        """The number of torrents of this tracker."""
        return self.tracker.store.totals.torrents

    def tick(self, seconds: float, minute: i64) -> Iterator[None] | None:
        """See Extension."""
        self.seconds = seconds
        self.minute = minute
        if seconds >= self.next_beacon:
            self.next_beacon = seconds + BEACON_SECONDS
            self.send(write_beacon(self.tracker_id, self.torrents()))
        if self.next_inquiry != NEVER and seconds >= self.next_inquiry:
            self.inquire()
        if self.packets is None or self.telling:
            return None
        self.telling = True
        return self.tell()

    def inquire(self) -> None:
        """Ask the tracker with the most torrents, or the one that was asked before and has not answered."""
        if not self.asked:
            self.asked = max(self.larger, key=lambda tracker_id: self.larger[tracker_id])
            self.larger.clear()
        self.next_inquiry = self.seconds + BEACON_SECONDS
        self.send(write_inquire(self.tracker_id, self.asked))

    def received(self, kind: i64, packet: bytes) -> None:
        """See Extension."""
        if kind == BEACON:
            self.note(tracker_id_of(packet), beacon_of(packet))
        elif kind == INQUIRE:
            if asked_of(packet) == self.own_id and self.packets is None:
                self.packets = self.tells()
        elif kind == TELL:
            self.take_in(packet)

    def note(self, tracker_id: bytes, torrents: i64) -> None:
        """Remember a tracker, if it has many more torrents."""
        if self.asked or torrents == 0 or 4 * self.torrents() >= FEW_FOURTHS * torrents:
            return
        if tracker_id in self.larger or len(self.larger) < MOST_KNOWN:
            self.larger[tracker_id] = torrents
        if self.next_inquiry == NEVER:
            self.next_inquiry = self.seconds + THINKING_SECONDS

    # ---- Telling ----

    def tell(self) -> Iterator[None]:
        """Send the packets of one second, in small steps."""
        sent = 0
        while sent < self.most and self.packets is not None:
            packet = next(self.packets, None)
            if packet is None:
                self.packets = None
            elif packet:
                self.send(packet)
                sent += 1
            yield
        self.telling = False

    def tells(self) -> Iterator[bytes]:
        """Packets with all torrents; an empty one after each shard is only a pause."""
        head = write_head(self.tracker_id, TELL_TYPE)
        records: list[bytes] = []
        store = self.tracker.store
        for shard in range(store.shards):
            for info_hash in store.info_hashes(shard):
                count = store.downloads(info_hash)
                if count == NOT_THERE or not self.tracker.admits(info_hash):
                    continue
                age = max(0, self.minute - store.touched(info_hash, self.minute))
                records.append(write_told(info_hash, age, count))
                if len(records) == MOST_TOLD:
                    yield head + b"".join(records)
                    records = []
            yield b""
        if records:
            yield head + b"".join(records)

    # ---- Hearing ----

    def take_in(self, packet: bytes) -> None:
        """Merge the counts of a tell; it resets the timers of our own inquire and beacon."""
        self.asked = b""
        self.larger.clear()
        self.next_inquiry = NEVER
        self.next_beacon = max(self.next_beacon, self.seconds + BEACON_SECONDS)
        for index in range(told_count(packet)):
            info_hash, minutes, count = parse_told(packet, index)
            if minutes <= OT_TORRENT_TIMEOUT_HOURS * 60 and self.tracker.admits(info_hash):
                self.take(info_hash, minutes, min(count, MOST_DOWNLOADED))

    def take(self, info_hash: bytes, minutes: i64, count: i64) -> None:
        """Keep the larger count of a torrent, or create the torrent if it is unknown."""
        store = self.tracker.store
        contents = Contents(count, self.minute - minutes)
        if store.has(info_hash):
            store.raise_downloads(info_hash, count)
        elif self.tracker.has_room(contents):
            self.tracker.put(info_hash, contents)


class ScrapeSyncFeature(Feature[Host]):
    """Scrape sync, as a feature beside live sync."""

    in_workers: ClassVar[bool] = True

    def join(self, host: Host) -> None:
        """Send and receive packets through live sync."""
        host.part(LiveSync).extension = ScrapeSync(host.tracker, host.tracker_id)
