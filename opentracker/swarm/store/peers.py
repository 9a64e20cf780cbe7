"""Packed peers: the planes that hold the peers of one address family, in small torrents and large swarms.

`n` peers are three planes, one after the other, with `stride` = 6 (IPv4) or 18 (IPv6)::

    addresses   n × stride bytes   address and port, as they stand in a compact answer
    flags       n bytes            COMPLETED, FROM_SYNC, PARTIAL
    stamps      n bytes            the minute of the peer's last announce, modulo 256

The planes begin at `start` of a `bytes` object, `data`: a large swarm's block holds nothing else, a small torrent's
record has a head in front and maybe the other family behind. Nothing is changed in place. A function that makes new
bytes takes the `prefix` that is to stand before the planes, and keeps the bytes that follow them.

Leechers and seeders differ by their position only; the caller chooses the index of an insertion.
"""

from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS, WANT_SYNC_LIVE

if WANT_EXTENDED_ANSWERS or WANT_SYNC_LIVE:
    from opentracker.protocol.messages import EVENT_PAUSED, Announce

STRIDE4: Final = 6
STRIDE6: Final = 18

HOST4: Final = 4  # bytes of a peer that identify its host: an IPv4 address
HOST6: Final = 8  # a /64 of IPv6, the smallest network that one customer gets

COMPLETED: Final = 0x40  # this peer's `completed` has been counted; the bit of the live sync format
FROM_SYNC: Final = 0x10  # the peer came by live sync, so it is not sent on
PARTIAL: Final = 0x08  # a leecher that downloads nothing more (BEP 21); the last announce has said so
PARTIAL_FLAGS: Final = bytes(flags for flags in range(256) if flags & PARTIAL)

BYTE: Final = [bytes([value]) for value in range(256)]  # one byte as bytes


if WANT_EXTENDED_ANSWERS:

    def partial_of(event: i64, seeding: bool) -> i64:
        """PARTIAL for an announce of a partial seed, else 0."""
        return PARTIAL if event == EVENT_PAUSED and not seeding else 0

    def partial_in(flags: bytes) -> i64:
        """The number of partial seeds in a plane of flags."""
        return len(flags) - len(flags.translate(None, PARTIAL_FLAGS))


if WANT_SYNC_LIVE:

    def flags_after(flags: i64, a: Announce, is_new: bool) -> i64:
        """The flags after an announce: FROM_SYNC for a new peer by live sync, until the peer announces itself."""
        if a.sync_age < 0:
            return flags & COMPLETED
        return flags | FROM_SYNC if is_new else flags


def find(data: bytes, start: i64, n: i64, stride: i64, peer: bytes) -> i64:
    """The index of `peer` (address and port, `stride` bytes) or -1."""
    end = start + n * stride
    # Without bounds, which would be a third of the cost; the first match is nearly always the peer.
    at: i64 = data.find(peer)
    if at >= 0 and (at < start or at >= end or (at - start) % stride != 0):
        at = find_next(data, start, end, stride, peer)
    return (at - start) // stride if at >= 0 else -1


def find_next(data: bytes, start: i64, end: i64, stride: i64, peer: bytes) -> i64:
    """The offset of `peer` in an address plane, or -1; skips matches that span two peers."""
    at: i64 = data.find(peer, start, end)
    while at >= 0 and (at - start) % stride != 0:
        at = data.find(peer, at + 1, end)
    return at


def ports_in(data: bytes, start: i64, n: i64, peer: bytes) -> list[bytes]:
    """The peers of an address plane with the host of `peer`."""
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
    """`prefix`, the planes of `data` with `peer` inserted as number `index`, and the bytes that follow them."""
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
    """`prefix`, the planes of `data` without peer `index`, and the bytes that follow them."""
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
    """`want` neighbours of a plane, from a random index on around the ring; each peer has the same chance."""
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
    """The number of leechers among `want` peers of an answer: as many as possible for a seeder, else a fair share.

    `want` is less than `leechers + seeders`. The fair share is rounded at random, so that every peer has exactly the
    same chance to be in the answer.
    """
    if seeding:
        return leechers if leechers < want else want
    total = leechers + seeders
    return (want * leechers + random.randrange(total)) // total


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
    """The number of peers of the asking peer's family among `want`, if there are `own` and `other` to choose from.

    Each family gets up to a quarter of `want`; the rest is divided in proportion to the peers that each has left, and
    a fraction goes to `own`.
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
