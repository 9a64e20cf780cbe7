"""An announce by live sync of a peer of a small torrent.

It differs from `small.announce`: there is no client to answer, the announce may be some minutes old
(`Announce.sync_age`), and one that is older than the known announce of the peer changes nothing.
"""

from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED, Announce
from opentracker.swarm.store.packed.small import with_peer, without_peer
from opentracker.swarm.store.peers import BYTE, STRIDE6, find
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, counts

if WANT_EXTENDED_ANSWERS:
    from opentracker.swarm.store.peers import PARTIAL, partial_of


def sync_small(record: bytes, a: Announce, minute: i64) -> bytes:
    """The new record: the same object if nothing changed. Only the counts of the answer are filled in."""
    n4, leechers4, n6, leechers6 = counts(record)
    v6 = len(a.peer) == STRIDE6
    start: i64 = HEADER_SIZE + PEER4 * n4 if v6 else HEADER_SIZE
    n = n6 if v6 else n4
    stride: i64 = len(a.peer)
    index = find(record, start, n, stride, a.peer)
    if index >= 0:
        at_stamp = start + (stride + 1) * n + index
        known_age = (minute - record[at_stamp]) & 255
        is_seeder = index >= (leechers6 if v6 else leechers4)
        if known_age < a.sync_age:
            pass  # older than the known announce
        elif a.event == EVENT_STOPPED:
            record = without_peer(record, v6, index, minute)
        elif (
            a.event == EVENT_COMPLETED
            or a.seeding != is_seeder
            or (WANT_EXTENDED_ANSWERS and record[at_stamp - n] & PARTIAL != partial_of(a.event, a.seeding))
        ):
            record = with_peer(record, a, index, minute)
        elif known_age > a.sync_age:
            record = record[:at_stamp] + BYTE[(minute - a.sync_age) & 255] + record[at_stamp + 1 :]
    elif a.event != EVENT_STOPPED:
        record = with_peer(record, a, -1, minute)
    n4, leechers4, n6, leechers6 = counts(record)
    a.incomplete = leechers4 + leechers6
    a.complete = n4 + n6 - leechers4 - leechers6
    return record
