"""The tracker: what an announce and a scrape do to the torrents, and what they are answered.

Torrents are kept in 256 shards, so that cleaning and statistics go shard by shard and a dict that grows stalls nobody.
The shard is told by `hash(info_hash)`, which the look-up computes anyway and which is keyed afresh in each process, so
that a stranger cannot aim at one shard.
"""

from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import (
    OT_CLIENT_REQUEST_INTERVAL,
    OT_CLIENT_REQUEST_VARIATION,
    OT_MAX_PEERS_HTTP,
    OT_MAX_PEERS_UDP4,
    OT_MAX_PEERS_UDP6,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_BOGON_FILTER,
    WANT_LOG_NETWORKS,
    WANT_LOG_NUMWANT,
    WANT_MAX_PEER,
    WANT_SPOT_WOODPECKER,
    WANT_SYNC_LIVE,
    WANT_SYSLOGS,
)
from opentracker.errors import TrackerFailure
from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.store import small
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.records import EMPTY, HEADER_SIZE, PEER4, SMALL, counts, downloaded

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import REFUSED, UNAUTHORIZED, Admission
if WANT_BOGON_FILTER:
    from opentracker.swarm.policy.visibility import Visibility
if WANT_MAX_PEER:
    from opentracker.swarm.policy.limits import Limits
if WANT_LOG_NETWORKS:
    from opentracker.swarm.counting.network_count import AddressCount
if WANT_SYNC_LIVE or WANT_SYSLOGS or WANT_SPOT_WOODPECKER:
    from opentracker.swarm.policy.watching import Watcher
if WANT_SYNC_LIVE:
    from opentracker.swarm.store.synced import sync_large, sync_small

SHARDS: Final = 256
MOST_WANTED: Final = max(OT_MAX_PEERS_HTTP, OT_MAX_PEERS_UDP4, OT_MAX_PEERS_UDP6)
SHORTEST_INTERVAL: Final = OT_CLIENT_REQUEST_INTERVAL - OT_CLIENT_REQUEST_VARIATION // 2


def promoted(record: bytes, by_host: bool = False) -> Swarm:
    """The large swarm with the peers of a small torrent; `by_host`: see PeerTable."""
    swarm = Swarm(downloaded(record), by_host)
    n4, leechers4, n6, leechers6 = counts(record)
    start6 = HEADER_SIZE + PEER4 * n4
    if n4 > 0:
        swarm.own4().load(record[HEADER_SIZE:start6], leechers4)
    if n6 > 0:
        swarm.own6().load(record[start6:], leechers6)
    return swarm


class Tracker:
    """All torrents; 256 shards of info_hash → record of a small torrent, or large swarm."""

    def __init__(self, random: Random) -> None:
        self.shards: list[dict[bytes, bytes | Swarm]] = [{} for _ in range(SHARDS)]
        self.random = random
        self.counters = Counters()
        self.renewals = [0] * 256  # of peers, by the minutes since each was last heard of
        if WANT_LOG_NETWORKS:
            self.busy = AddressCount()  # connections: TCP ones, and connects over UDP
        if WANT_LOG_NUMWANT:
            self.numwants = [0] * (MOST_WANTED + 1)  # clients' announces, by the peers they asked for
        if WANT_SYNC_LIVE or WANT_SYSLOGS or WANT_SPOT_WOODPECKER:
            self.watchers: list[Watcher] = []
        if WANT_BOGON_FILTER:
            self.visibility = Visibility()
        if WANT_MAX_PEER:
            self.limits = Limits()
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            self.admission = Admission()
            self.refused = self.counters.count_of(REFUSED)  # clients' announces, by the access list
            self.has_doubtful = False  # whether torrents may be here that the access list refuses

    def announce(self, a: Announce, minute: i64) -> None:  # noqa: PLR0912 - a call each would cost more
        """Carry out an announce in `minute` (of a clock that never goes back) and fill in its answer.

        Raises TrackerFailure for a torrent that the access list refuses.
        """
        info_hash = a.info_hash
        shard = self.shards[hash(info_hash) & (SHARDS - 1)]
        entry = shard.get(info_hash)
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if (entry is None or self.has_doubtful) and not self.admission.allows(info_hash):
                if a.sync_age < 0:
                    self.refused.value += 1
                raise TrackerFailure(UNAUTHORIZED)
        a.interval = SHORTEST_INTERVAL + self.random.randrange(OT_CLIENT_REQUEST_VARIATION + 1)
        a.age = -1
        a.has_completed = False
        if WANT_BOGON_FILTER:
            self.visibility.screen(a)
        if WANT_MAX_PEER and self.limits.tight:
            self.limits.screen(a, entry, self.counters)
        if WANT_SYNC_LIVE and a.sync_age >= 0:
            sync(self, shard, entry, a, minute)
            return
        if isinstance(entry, Swarm):
            entry.announce(a, minute, self.random)
            if WANT_MAX_PEER and a.age < 0:
                self.limits.settle(entry)
        else:
            former = EMPTY if entry is None else entry
            record = small.announce(former, a, minute, self.random)
            if record is not former:
                if len(record) == len(former):
                    shard[info_hash] = record
                elif a.complete + a.incomplete <= SMALL:
                    self.put(shard, info_hash, entry, record)
                else:
                    self.put(shard, info_hash, entry, self.grown(record))
        if WANT_BOGON_FILTER and self.visibility.hides:
            self.visibility.hide(a)
        if a.age >= 0:
            self.renewals[a.age] += 1
        if a.has_completed:
            self.counters.completed += 1
        if WANT_SYNC_LIVE or WANT_SYSLOGS or WANT_SPOT_WOODPECKER:
            for watcher in self.watchers:
                watcher.announced(a, minute)

    def put(
        self,
        shard: dict[bytes, bytes | Swarm],
        info_hash: bytes,
        former: bytes | Swarm | None,
        kept: bytes | Swarm | None,
    ) -> None:
        """Store a torrent as `kept`, which was stored as `former`; None is a torrent that is not there.

        Whatever changes how many torrents or peers there are goes this way, or, in a large swarm, by `settle`.
        """
        if WANT_MAX_PEER:
            self.limits.change(former, kept)
        if kept is None:
            del shard[info_hash]
        else:
            shard[info_hash] = kept

    def settle(self, swarm: Swarm) -> None:
        """Take note of what has come to or gone from a large swarm that is stored, other than by an announce."""
        if WANT_MAX_PEER:
            self.limits.settle(swarm)

    def grown(self, record: bytes) -> Swarm:
        """The large swarm that a small torrent becomes; it still has to be put."""
        if WANT_MAX_PEER:
            return promoted(record, self.limits.ports_per_address > 0)
        return promoted(record)

    def interval(self) -> i64:
        """An announce interval in seconds, spread so that clients do not come back all at once."""
        return SHORTEST_INTERVAL + self.random.randrange(OT_CLIENT_REQUEST_VARIATION + 1)

    def scrape(self, info_hash: bytes) -> tuple[i64, i64, i64]:
        """(complete, downloaded, incomplete) of a torrent; zeros for one that is unknown or refused."""
        entry = self.shards[hash(info_hash) & (SHARDS - 1)].get(info_hash)
        if entry is None:
            return 0, 0, 0
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if self.has_doubtful and not self.admission.allows(info_hash):
                return 0, 0, 0
        if isinstance(entry, Swarm):
            return entry.complete(), entry.downloaded, entry.incomplete()
        n4, leechers4, n6, leechers6 = counts(entry)
        incomplete = leechers4 + leechers6
        return n4 + n6 - incomplete, downloaded(entry), incomplete


if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:

    def admit_by(tracker: Tracker, admission: Admission) -> None:
        """Let an access list decide from now on; torrents that are here already are asked about at each request."""
        tracker.admission = admission
        tracker.has_doubtful = any(tracker.shards)


if WANT_SYNC_LIVE:

    def sync(
        tracker: Tracker,
        shard: dict[bytes, bytes | Swarm],
        entry: bytes | Swarm | None,
        a: Announce,
        minute: i64,
    ) -> None:
        """Carry out what live sync says of a peer: nobody is answered, counted or told."""
        if not a.stored and a.event != EVENT_STOPPED:
            return
        if isinstance(entry, Swarm):
            sync_large(entry, a, minute)
            tracker.settle(entry)
            return
        former = EMPTY if entry is None else entry
        record = sync_small(former, a, minute)
        if record is not former:
            kept = record if a.complete + a.incomplete <= SMALL else tracker.grown(record)
            tracker.put(shard, a.info_hash, entry, kept)
