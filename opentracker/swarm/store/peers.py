"""Packed peers: the planes in which every swarm, small or large, keeps the peers of one address family.

`n` peers are three planes, one after the other, with `stride` = 6 (IPv4) or 18 (IPv6)::

    addresses   n × stride bytes   address and port, as they stand in a compact answer
    flags       n bytes            COMPLETED, FROM_SYNC
    stamps      n bytes            the minute the peer was last heard of, modulo 256

A plane is a part of a `bytes` object, `data`, that begins at `start`: a large swarm's blocks hold nothing else, a small
torrent's record has a head in front and maybe the other family behind. Nothing is changed in place. A function that
makes new bytes takes the `prefix` that is to stand before the planes, and keeps whatever follows them.

Which peers are leechers is told by their position, and is the caller's business: he says where to insert.
"""

from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import WANT_SYNC_LIVE

if WANT_SYNC_LIVE:
    from opentracker.protocol.messages import Announce

STRIDE4: Final = 6
STRIDE6: Final = 18

HOST4: Final = 4  # bytes of a peer that tell its host: an IPv4 address,
HOST6: Final = 8  # or a /64 of IPv6, the least that one customer gets

COMPLETED: Final = 0x40  # this peer's `completed` has been counted; the bit of the live sync format
FROM_SYNC: Final = 0x10  # heard of by live sync, so not to be sent on

BYTE: Final = [bytes([value]) for value in range(256)]  # one byte as bytes


if WANT_SYNC_LIVE:

    def flags_after(flags: i64, a: Announce, is_new: bool) -> i64:
        """What becomes of a peer's flags: a newcomer by live sync is marked, and no longer once it announces itself."""
        if a.sync_age < 0:
            return flags & COMPLETED
        return flags | FROM_SYNC if is_new else flags


def find(data: bytes, start: i64, n: i64, stride: i64, peer: bytes) -> i64:
    """The index of `peer` (address and port, `stride` bytes) or -1."""
    end = start + n * stride
    # Without limits, which would be a third of its cost; the first match nearly always is it.
    at: i64 = data.find(peer)
    if at >= 0 and (at < start or at >= end or (at - start) % stride != 0):
        at = find_next(data, start, end, stride, peer)
    return (at - start) // stride if at >= 0 else -1


def find_next(data: bytes, start: i64, end: i64, stride: i64, peer: bytes) -> i64:
    """Where `peer` is in an address plane, or -1: where bytes of two neighbours, or of other planes, look like it."""
    at: i64 = data.find(peer, start, end)
    while at >= 0 and (at - start) % stride != 0:
        at = data.find(peer, at + 1, end)
    return at


def ports_in(data: bytes, start: i64, n: i64, peer: bytes) -> list[bytes]:
    """The peers of a plane of addresses that have the peer's host."""
    stride: i64 = len(peer)
    host = peer[:HOST4] if stride == STRIDE4 else peer[:HOST6]
    end = start + n * stride
    found: list[bytes] = []
    at: i64 = data.find(host, start, end)
    while at >= 0:
        if (at - start) % stride == 0:
            found.append(data[at : at + stride])
        at = data.find(host, at + 1, end)
    return found


def insert(
    prefix: bytes,
    data: bytes,
    start: i64,
    n: i64,
    stride: i64,
    index: i64,
    peer: bytes,
    flags: i64,
    stamp: i64,
) -> bytes:
    """`prefix`, the planes of `data` with `peer` inserted as number `index`, and what follows them."""
    at_address = start + index * stride
    at_flags = start + n * stride + index
    at_stamp = at_flags + n
    return b"".join(
        [
            prefix,
            data[start:at_address],
            peer,
            data[at_address:at_flags],
            BYTE[flags],
            data[at_flags:at_stamp],
            BYTE[stamp],
            data[at_stamp:],
        ]
    )


def remove(prefix: bytes, data: bytes, start: i64, n: i64, stride: i64, index: i64) -> bytes:
    """`prefix`, the planes of `data` without peer `index`, and what follows them."""
    at_address = start + index * stride
    at_flags = start + n * stride + index
    at_stamp = at_flags + n
    return b"".join(
        [
            prefix,
            data[start:at_address],
            data[at_address + stride : at_flags],
            data[at_flags + 1 : at_stamp],
            data[at_stamp + 1 :],
        ]
    )


def without(data: bytes, start: i64, n: i64, stride: i64, index: i64) -> bytes:
    """The address plane; without the address of peer `index`, if that is not -1."""
    end = start + n * stride
    if index < 0:
        return data[start:end]
    at = start + index * stride
    return data[start:at] + data[at + stride : end]


def window(addresses: bytes, want: i64, stride: i64, random: Random) -> bytes:
    """`want` neighbours of a plane, which is taken for a ring, from a random place: all have the same chance."""
    n: i64 = len(addresses) // stride
    if want >= n:
        return addresses
    if want <= 0:
        return b""
    first = random.randrange(n)
    over = first + want - n
    if over <= 0:
        return addresses[first * stride : (first + want) * stride]
    return addresses[: over * stride] + addresses[first * stride :]


def share_of_leechers(leechers: i64, seeders: i64, want: i64, seeding: bool, random: Random) -> i64:
    """How many of `want` peers are to be leechers: as many as possible for a seeder, else a fair share.

    `want` is less than `leechers + seeders`. The fair share is rounded at random, so that every peer has exactly the
    same chance to be handed out.
    """
    if seeding:
        return leechers if leechers < want else want
    total = leechers + seeders
    fair, part = want * leechers // total, want * leechers % total
    if part != 0 and random.randrange(total) < part:
        fair += 1
    return fair


def choose(addresses: bytes, leechers: i64, want: i64, seeding: bool, stride: i64, random: Random) -> bytes:
    """`want` of the peers of a plane whose first `leechers` are leechers, leechers first again."""
    n: i64 = len(addresses) // stride
    if want >= n:
        return addresses
    few = share_of_leechers(leechers, n - leechers, want, seeding, random)
    border = leechers * stride
    return window(addresses[:border], few, stride, random) + window(
        addresses[border:], want - few, stride, random
    )


def share_of_family(want: i64, own: i64, other: i64) -> i64:
    """How many of `want` peers are to be of the asker's own family, where there are `own` and `other` to give.

    Each family gets up to a quarter, the rest in proportion to what each has left; a fraction goes to `own`.
    """
    if own + other <= want:
        return own
    quarter = want // 4
    sure_own = own if own < quarter else quarter
    sure_other = other if other < quarter else quarter
    left = want - sure_own - sure_other
    own -= sure_own
    other -= sure_other
    return sure_own + (left * own + own + other - 1) // (own + other)
