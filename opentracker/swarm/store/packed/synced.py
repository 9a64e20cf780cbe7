"""What live sync says of a peer: into a small torrent's record, or into a large swarm.

These stand beside `small.announce` and `Swarm.announce`, which answer clients: nobody is answered here, a peer may
have been heard of some minutes ago (`Announce.sync_age`), and news that are older than what is known change nothing.
"""

from mypy_extensions import i64

from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED, Announce
from opentracker.swarm.store.packed.large import Swarm
from opentracker.swarm.store.packed.small import with_peer, without_peer
from opentracker.swarm.store.peers import BYTE, STRIDE6, find
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, counts


def sync_small(record: bytes, a: Announce, minute: i64) -> bytes:
    """The record that stands after `a`: the same object if nothing changed. Of the answer, only the counts are set."""
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
            pass  # older than what is known
        elif a.event == EVENT_STOPPED:
            record = without_peer(record, v6, index, minute)
        elif a.event == EVENT_COMPLETED or a.seeding != is_seeder:
            record = with_peer(record, a, index, minute)
        elif known_age > a.sync_age:
            record = record[:at_stamp] + BYTE[(minute - a.sync_age) & 255] + record[at_stamp + 1 :]
    elif a.event != EVENT_STOPPED:
        record = with_peer(record, a, -1, minute)
    n4, leechers4, n6, leechers6 = counts(record)
    a.incomplete = leechers4 + leechers6
    a.complete = n4 + n6 - leechers4 - leechers6
    return record


def sync_large(swarm: Swarm, a: Announce, minute: i64) -> None:
    """Store or remove the peer of `a`; nothing of its answer is filled in."""
    own = swarm.own6() if len(a.peer) == STRIDE6 else swarm.own4()
    if a.seeding:
        table, former = own.seeders, own.leechers
    else:
        table, former = own.leechers, own.seeders
    at = table.block_of(a.peer)
    index = table.index_in(at, a.peer)
    if index < 0:
        state = former.take(a.peer)
        if state >= 0 and (minute - state) & 255 < a.sync_age:
            former.add(a.peer, state >> 8, state & 255)
        elif a.event != EVENT_STOPPED:
            swarm.put_in(table, a, state, minute)
        return
    state = table.state(at, index)
    known_age = (minute - state) & 255
    if known_age < a.sync_age:
        return
    if a.event == EVENT_STOPPED:
        table.remove(at, index)
        table.merge()
    elif a.event == EVENT_COMPLETED:
        table.remove(at, index)
        swarm.put_in(table, a, state, minute)
    elif known_age > a.sync_age:
        table.refresh(at, index, (minute - a.sync_age) & 255)
