"""The tracker: it carries out announces and scrapes on the store, and fills in their answers."""

from typing import Final

from librt.random import Random
from librt.strings import BytesWriter
from librt.vecs import vec
from mypy_extensions import i64

from opentracker._features import (
    OT_CLIENT_REQUEST_INTERVAL,
    OT_CLIENT_REQUEST_VARIATION,
    OT_MAX_PEERS_HTTP,
    OT_MAX_PEERS_UDP4,
    OT_MAX_PEERS_UDP6,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_AUTH_KEYS,
    WANT_BOGON_FILTER,
    WANT_CLIENT_APPROVAL,
    WANT_CLIENT_COUNT,
    WANT_DENY,
    WANT_LOG_NETWORKS,
    WANT_LOG_NUMWANT,
    WANT_MAX_PEER,
    WANT_SPOT_WOODPECKER,
    WANT_SYNC_LIVE,
    WANT_SYSLOGS,
    WANT_WEBTORRENT,
    WANT_WORKERS,
)
from opentracker.errors import TrackerFailure
from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.store.door import NOT_TAKEN, Contents, Store
from opentracker.swarm.store.engine import make_store

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import REFUSED, UNAUTHORIZED, Admission
if WANT_AUTH_KEYS:
    from opentracker.swarm.policy.keys import Keys
if WANT_BOGON_FILTER:
    from opentracker.swarm.policy.visibility import Visibility
if WANT_CLIENT_APPROVAL:
    from opentracker.swarm.policy.approval import Approval
if WANT_DENY:
    from opentracker.swarm.policy.denial import Denial
if WANT_MAX_PEER:
    from opentracker.swarm.policy.limits import Limits
if WANT_LOG_NETWORKS:
    from opentracker.swarm.counting.network_count import AddressCount
if WANT_CLIENT_COUNT or WANT_SYNC_LIVE or WANT_SYSLOGS or WANT_SPOT_WOODPECKER:
    from opentracker.swarm.policy.watching import Watcher
if WANT_WEBTORRENT:
    from opentracker.swarm.browsers import BrowserSwarms

if WANT_WORKERS:
    from opentracker.swarm.ownership import Ownership

MOST_WANTED: Final = max(OT_MAX_PEERS_HTTP, OT_MAX_PEERS_UDP4, OT_MAX_PEERS_UDP6)
SHORTEST_INTERVAL: Final = OT_CLIENT_REQUEST_INTERVAL - OT_CLIENT_REQUEST_VARIATION // 2
INTERVALS: Final = OT_CLIENT_REQUEST_VARIATION + 1


class Tracker:
    """All torrents (in `store`), the requests on them, and the counters."""

    def __init__(self, random: Random, store: Store | None = None) -> None:
        self.store = store or make_store(random)
        self.random = random
        self.counters = Counters()
        # Announces of known peers, by the minutes since each peer's announce before.
        self.renewals = vec[i64]([0] * 256)
        if WANT_LOG_NETWORKS:
            self.busy = AddressCount()  # connections: TCP ones, and connects over UDP
        if WANT_LOG_NUMWANT:
            self.numwants = [0] * (MOST_WANTED + 1)  # clients' announces, by the peers they asked for
        if WANT_CLIENT_COUNT or WANT_SYNC_LIVE or WANT_SYSLOGS or WANT_SPOT_WOODPECKER:
            self.watchers: list[Watcher] = []
        if WANT_WEBTORRENT:
            self.browsers = BrowserSwarms()
        if WANT_WORKERS:
            self.ownership: Ownership | None = None  # none: this process owns all torrents
        if WANT_BOGON_FILTER:
            self.visibility = Visibility()
        if WANT_DENY:
            self.denial = Denial(self.counters)  # of requests; the servers ask it
        if WANT_MAX_PEER:
            self.limits = Limits()
            limit_by(self, self.limits)
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            self.admission = Admission()
            self.refused = self.counters.count_of(REFUSED)  # clients' announces, by the access list
            self.has_doubtful = False  # whether stored torrents may be refused by the access list
        if WANT_CLIENT_APPROVAL:
            self.approval = Approval(self.counters)
        if WANT_AUTH_KEYS:
            self.keys = Keys()  # both protocols ask it before `announce` and `scrape`

    def announce(self, a: Announce, minute: i64) -> None:  # noqa: PLR0912 - a call each would cost more
        """Carry out an announce in `minute` (of a clock that never goes back) and fill in its answer.

        Raises TrackerFailure for a torrent that the access list refuses, and for a client that is not approved.
        """
        # 1. Are the torrent and the client served? A stored torrent was checked when it came.
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if (self.has_doubtful or not self.store.has(a.info_hash)) and not self.admission.allows(
                a.info_hash
            ):
                if a.sync_age < 0:
                    self.refused.value += 1
                raise TrackerFailure(UNAUTHORIZED)
        if WANT_CLIENT_APPROVAL:
            if self.approval.in_force and a.sync_age < 0:
                self.approval.check(a.peer_id)
        # 2. The answer fields that do not depend on the torrent.
        a.interval = SHORTEST_INTERVAL + self.random.randrange(INTERVALS)
        a.age = -1
        a.has_completed = False
        # 3. May the peer be stored?
        if WANT_BOGON_FILTER:
            self.visibility.screen(a)
        if WANT_MAX_PEER and self.limits.near_limit:
            self.limits.screen(a, self.store, minute)
        # 4. The torrent and the answer. An announce by live sync is not answered or counted, and no watcher sees it.
        if WANT_SYNC_LIVE and a.sync_age >= 0:
            if a.stored or a.event == EVENT_STOPPED:
                self.store.sync(a, minute)
                if WANT_MAX_PEER:
                    self.limits.look(a.complete + a.incomplete)
            return
        self.store.announce(a, minute)
        if WANT_BOGON_FILTER and self.visibility.hides:
            self.visibility.hide(a)
        # 5. The counters.
        if a.age >= 0:
            self.renewals[a.age] += 1
        elif WANT_MAX_PEER:
            self.limits.look(a.complete + a.incomplete)
        if a.has_completed:
            self.counters.completed += 1
        if WANT_WEBTORRENT:
            self.browsers.add_counts(a)
        # 6. The watchers.
        if WANT_CLIENT_COUNT or WANT_SYNC_LIVE or WANT_SYSLOGS or WANT_SPOT_WOODPECKER:
            for watcher in self.watchers:
                watcher.announced(a, minute)

    def answer_udp(self, packet: bytes, address: bytes, numwant: i64, minute: i64, out: BytesWriter) -> bool:  # noqa: PLR0912 - see announce
        """Carry out the announce of a datagram and append its answer, if the fast way is open.

        It returns False without an effect if a check or a watcher is needed; `announce` handles every case.
        """
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if self.has_doubtful:
                return False
        if WANT_CLIENT_APPROVAL:
            if self.approval.in_force:
                return False
        if WANT_MAX_PEER and self.limits.near_limit:
            return False
        if WANT_CLIENT_COUNT or WANT_SYNC_LIVE or WANT_SYSLOGS or WANT_SPOT_WOODPECKER:
            if self.watchers:
                return False
        if WANT_WEBTORRENT:
            if self.browsers.by_hash and packet[16:36] in self.browsers.by_hash:  # BEP 15: the info_hash
                return False
        may_come = True
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            may_come = False
        interval = SHORTEST_INTERVAL + self.random.randrange(INTERVALS)
        age = self.store.answer_udp(packet, address, numwant, interval, minute, may_come, out)
        if age == NOT_TAKEN:
            return False
        if age >= 0:
            self.renewals[age] += 1
        elif WANT_MAX_PEER:
            self.limits.look(-2 - age)
        if self.store.has_completed:
            self.counters.completed += 1
        return True

    def serves(self, info_hash: bytes) -> bool:
        """Whether the access list allows a stored torrent to be shown."""
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            return not self.has_doubtful or self.admission.allows(info_hash)
        return True

    def admits(self, info_hash: bytes) -> bool:
        """Whether the access list allows a new torrent."""
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            return self.admission.allows(info_hash)
        return True

    def owns(self, info_hash: bytes) -> bool:
        """Whether a torrent belongs to this process, rather than to another worker."""
        if WANT_WORKERS and self.ownership is not None:
            return self.ownership.owns(info_hash)
        return True

    def has_room(self, contents: Contents) -> bool:
        """Whether one more torrent is within the limits."""
        if WANT_MAX_PEER:
            return self.limits.have_room(contents.size(), self.store.weight_of(contents))
        return True

    def put(self, info_hash: bytes, contents: Contents) -> None:
        """Store a torrent that is not stored yet."""
        self.store.put(info_hash, contents)
        if WANT_MAX_PEER:
            self.limits.look(contents.size())

    def remove(self, info_hash: bytes) -> None:
        """Remove a torrent, if it is stored."""
        self.store.remove(info_hash)
        if WANT_MAX_PEER:
            self.limits.look()

    def interval(self) -> i64:
        """A random announce interval in seconds, so that clients do not all come back at the same time."""
        return SHORTEST_INTERVAL + self.random.randrange(INTERVALS)

    def partial_seeds(self, info_hash: bytes) -> i64:
        """The number of leechers of a torrent that download nothing more; 0 for one that is unknown or refused."""
        return self.store.partial_seeds(info_hash) if self.serves(info_hash) else 0

    def scrape(self, info_hash: bytes) -> tuple[i64, i64, i64]:
        """(complete, downloaded, incomplete) of a torrent; zeros for one that is unknown or refused."""
        if not self.serves(info_hash):
            return 0, 0, 0
        if WANT_WEBTORRENT:
            complete, downloaded, incomplete = self.store.scrape(info_hash)
            seeders, leechers = self.browsers.counts(info_hash)
            return complete + seeders, downloaded, incomplete + leechers
        return self.store.scrape(info_hash)


if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:

    def admit_by(tracker: Tracker, admission: Admission) -> None:
        """Install an access list; torrents that are stored already are checked at each request."""
        tracker.admission = admission
        tracker.has_doubtful = tracker.store.totals.torrents > 0


if WANT_MAX_PEER:

    def limit_by(tracker: Tracker, limits: Limits) -> None:
        """Install the limits, before there are any torrents."""
        tracker.limits = limits
        limits.hold(tracker.store.totals, tracker.counters)
        tracker.store.counts_ports = limits.ports_per_address > 0
