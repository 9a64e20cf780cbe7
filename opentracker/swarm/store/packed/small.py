"""An announce of a peer of a small torrent: record in, new record out (see `records`).

`announce` reads the record's head and the planes inline, and calls functions only in rare cases: most announces of a
tracker spend their time here, and five calls would add a fifth to an interpreted one.
"""

from librt.random import Random
from librt.strings import read_i32_be
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS, WANT_SYNC_LIVE, WANT_V4_ONLY
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED, Announce
from opentracker.swarm.store.peers import (
    BYTE,
    COMPLETED,
    FROM_SYNC,
    STRIDE4,
    STRIDE6,
    choose,
    find_next,
    insert,
    remove,
    share_of_family,
    without,
)
from opentracker.swarm.store.records import (
    HEADER_SIZE,
    MOST_DOWNLOADED,
    PEER4,
    PEER6,
    counts,
    downloaded,
    head,
    without_peers,
)

if WANT_EXTENDED_ANSWERS:
    from opentracker.swarm.store.peers import PARTIAL, partial_in, partial_of
if WANT_SYNC_LIVE:
    from opentracker.swarm.store.peers import flags_after


def announce(record: bytes, a: Announce, minute: i64, random: Random) -> bytes:  # noqa: PLR0912, PLR0915 - see above
    """Answer `a` from `record`, and return the new record: the same object if nothing changed."""
    n4: i64 = 0
    leechers: i64 = 0
    if len(record) > HEADER_SIZE:
        n4 = record[4]
        leechers = record[5]
    start: i64 = HEADER_SIZE
    n = n4
    stride: i64 = len(a.peer)
    if stride == STRIDE6:
        start += PEER4 * n4
        n = (len(record) - start) // PEER6
        leechers = record[6] if n > 0 else 0
    end = start + n * stride
    border = start + leechers * stride
    at: i64 = record.find(a.peer)  # as in peers.find
    if at >= 0 and (at < start or at >= end or (at - start) % stride != 0):
        at = find_next(record, start, end, stride, a.peer)

    if a.event == EVENT_STOPPED:
        a.peers = a.peers6 = b""
        if at >= 0:
            record = without_peer(record, stride == STRIDE6, (at - start) // stride, minute)
    else:
        # Both families, unless the torrent has IPv4 peers alone and one of them asks.
        if not WANT_V4_ONLY and a.both_families and (stride == STRIDE6 or len(record) != end + 2 * n):
            hand_out_both(record, a, (at - start) // stride if at >= 0 else -1, random)
        else:
            a.peers6 = b""
            others = record[start:end] if at < 0 else record[start:at] + record[at + stride : end]
            if len(others) > a.numwant * stride:
                if 0 <= at < border:
                    leechers -= 1
                others = choose(others, leechers, a.numwant, a.seeding, stride, random)
            a.peers = others
        if a.stored:
            if at < 0:
                record = with_peer(record, a, -1, minute)
            else:
                known = (at - start) // stride
                at_stamp = end + n + known
                age = (minute - record[at_stamp]) & 255
                a.age = age
                if (
                    a.event == EVENT_COMPLETED
                    or a.seeding != (at >= border)
                    or (
                        WANT_EXTENDED_ANSWERS
                        and record[at_stamp - n] & PARTIAL != partial_of(a.event, a.seeding)
                    )
                ):
                    record = with_peer(record, a, known, minute)
                elif WANT_SYNC_LIVE and record[at_stamp - n] & FROM_SYNC != 0:
                    record = own_again(record, at_stamp - n, at_stamp, minute)
                elif age != 0:
                    record = record[:at_stamp] + BYTE[minute & 255] + record[at_stamp + 1 :]

    a.downloaded = read_i32_be(record, 0)
    if len(record) == HEADER_SIZE:
        a.complete = a.incomplete = 0
    else:
        n4 = record[4]
        incomplete: i64 = record[5] + record[6]
        a.incomplete = incomplete
        a.complete = n4 + (len(record) - HEADER_SIZE - PEER4 * n4) // PEER6 - incomplete
    return record


def hand_out_both(record: bytes, a: Announce, asker: i64, random: Random) -> None:
    """Fill in peers of both families; `asker` is the index of the asking peer in its own family, or -1."""
    n4, leechers4, n6, leechers6 = counts(record)
    start6 = HEADER_SIZE + PEER4 * n4
    asker4, asker6 = (asker, i64(-1)) if len(a.peer) == STRIDE4 else (i64(-1), asker)
    plane4 = without(record, HEADER_SIZE, n4, STRIDE4, asker4)
    plane6 = without(record, start6, n6, STRIDE6, asker6)
    if 0 <= asker4 < leechers4:
        leechers4 -= 1
    if 0 <= asker6 < leechers6:
        leechers6 -= 1
    want4 = share_of_family(a.numwant, len(plane4) // STRIDE4, len(plane6) // STRIDE6)
    a.peers = choose(plane4, leechers4, want4, a.seeding, STRIDE4, random)
    a.peers6 = choose(plane6, leechers6, a.numwant - want4, a.seeding, STRIDE6, random)


def with_peer(record: bytes, a: Announce, known: i64, minute: i64) -> bytes:
    """The record with the announced peer added or renewed; `known` is the peer's former index, or -1."""
    completed = downloaded(record)
    v6 = len(a.peer) == STRIDE6
    flags: i64 = 0
    if known >= 0:
        n4, _, n6, _ = counts(record)
        at_flags = (
            HEADER_SIZE + PEER4 * n4 + STRIDE6 * n6 + known if v6 else HEADER_SIZE + STRIDE4 * n4 + known
        )
        flags = record[at_flags]
        record = without_peer(record, v6, known, minute)
    if a.event == EVENT_COMPLETED and a.seeding and flags & COMPLETED == 0:
        flags |= COMPLETED
        a.has_completed = True
        if completed < MOST_DOWNLOADED:
            completed += 1
    n4, leechers4, n6, leechers6 = counts(record)
    stamp = minute & 255
    if WANT_SYNC_LIVE:
        flags = flags_after(flags, a, known < 0)
        if a.sync_age > 0:
            stamp = (minute - a.sync_age) & 255
    if WANT_EXTENDED_ANSWERS:
        flags = flags & ~PARTIAL | partial_of(a.event, a.seeding)
    if v6:
        start = HEADER_SIZE + PEER4 * n4
        index = n6 if a.seeding else i64(0)
        new_head = head(completed, n4, leechers4, leechers6 if a.seeding else leechers6 + 1)
        return insert(
            new_head + record[HEADER_SIZE:start], record, start, n6, STRIDE6, index, a.peer, flags, stamp
        )
    index = n4 if a.seeding else i64(0)
    new_head = head(completed, n4 + 1, leechers4 if a.seeding else leechers4 + 1, leechers6)
    return insert(new_head, record, HEADER_SIZE, n4, STRIDE4, index, a.peer, flags, stamp)


def without_peer(record: bytes, v6: bool, index: i64, minute: i64) -> bytes:
    """The record without a peer; if it was the last one, it left in `minute`."""
    n4, leechers4, n6, leechers6 = counts(record)
    completed = downloaded(record)
    if n4 + n6 == 1:
        return without_peers(completed, minute)
    if v6:
        start = HEADER_SIZE + PEER4 * n4
        new_head = head(completed, n4, leechers4, leechers6 - 1 if index < leechers6 else leechers6)
        return remove(new_head + record[HEADER_SIZE:start], record, start, n6, STRIDE6, index)
    new_head = head(completed, n4 - 1, leechers4 - 1 if index < leechers4 else leechers4, leechers6)
    return remove(new_head, record, HEADER_SIZE, n4, STRIDE4, index)


if WANT_EXTENDED_ANSWERS:

    def partial_in_record(record: bytes) -> i64:
        """The number of partial seeds of a small torrent; they are among its leechers."""
        n4, leechers4, n6, leechers6 = counts(record)
        flags4 = HEADER_SIZE + STRIDE4 * n4
        flags6 = HEADER_SIZE + PEER4 * n4 + STRIDE6 * n6
        return partial_in(record[flags4 : flags4 + leechers4] + record[flags6 : flags6 + leechers6])


if WANT_SYNC_LIVE:

    def own_again(record: bytes, at_flags: i64, at_stamp: i64, minute: i64) -> bytes:
        """The record after the first own announce of a peer that came by live sync."""
        flags = BYTE[record[at_flags] & ~FROM_SYNC]
        return (
            record[:at_flags]
            + flags
            + record[at_flags + 1 : at_stamp]
            + BYTE[minute & 255]
            + record[at_stamp + 1 :]
        )
