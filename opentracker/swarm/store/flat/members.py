"""The peers of one family in a torrent's words, numbered from 0, leechers first, and the choice of peers for an answer.

Peer number 0 begins at `base`, the next one `step` words on: STEP4 = 1, or STEP6 = -3, since IPv6 peers fill the words
from the end backwards.
"""

from typing import Final

from librt.random import Random
from librt.strings import BytesWriter, write_i16_le, write_i32_le, write_i64_le
from librt.vecs import vec
from mypy_extensions import i16, i32, i64

from opentracker._features import WANT_COMPILED
from opentracker.swarm.store.flat.layout import HEAD, M16, M32, M48, ROOM_AT, ROOM_MASK
from opentracker.swarm.store.peers import share_of_leechers

STEP4: Final = 1
STEP6: Final = -3
TAIL6: Final = 2  # words from the first one of an IPv6 peer to the one with its port, flags and stamp


def base_of(words: vec[i64], at: i64, step: i64) -> i64:
    """The index of the word where the first peer of a family begins, or would begin."""
    if step == STEP4:
        return at + HEAD
    return at + HEAD + (words[at + 3] >> ROOM_AT & ROOM_MASK) + STEP6


def find(words: vec[i64], base: i64, step: i64, n: i64, p0: i64, p1: i64, p2: i64) -> i64:
    """The number of a peer, or -1; an IPv4 peer is `p0` alone."""
    at = base
    if step == STEP4:
        end = base + n
        while at < end:
            if (words[at] ^ p0) & M48 == 0:
                return at - base
            at += 1
        return -1
    end = base + step * n
    while at != end:
        if words[at + TAIL6] & M16 == p2 and words[at] == p0 and words[at + 1] == p1:
            return (at - base) // step
        at += step
    return -1


def copy_peer(words: vec[i64], base: i64, step: i64, number: i64, to: i64) -> None:
    """Copy peer `number` over peer `to`."""
    source, target = base + step * number, base + step * to
    words[target] = words[source]
    if step != STEP4:
        words[target + 1] = words[source + 1]
        words[target + TAIL6] = words[source + TAIL6]


def exchange(words: vec[i64], one: i64, two: i64, n: i64) -> None:
    """Exchange `n` words with `n` others."""
    while n > 0:
        n -= 1
        kept = words[one + n]
        words[one + n] = words[two + n]
        words[two + n] = kept


def write_peers(out: BytesWriter, words: vec[i64], base: i64, step: i64, first: i64, end: i64) -> None:
    """Append the addresses of the peers from `first` up to `end`."""
    if step != STEP4:
        while first < end:
            at = base + step * first
            write_i64_le(out, words[at])
            write_i64_le(out, words[at + 1])
            write_port(out, words[at + TAIL6] & M16)
            first += 1
        return
    i = base + first
    last = base + end
    if WANT_COMPILED:  # interpreted, the shifted words would be longer than 64 bits
        while last - i >= 4:
            p1 = words[i + 1] & M48
            p2 = words[i + 2] & M48
            write_i64_le(out, words[i] & M48 | p1 << 48)
            write_i64_le(out, p1 >> 16 | p2 << 32)
            write_i64_le(out, p2 >> 32 | (words[i + 3] & M48) << 16)
            i += 4
    while i < last:
        address = words[i] & M32
        if address > 0x7FFFFFFF:
            address -= 0x100000000
        write_i32_le(out, i32(address))
        write_port(out, words[i] >> 32 & M16)
        i += 1


def write_port(out: BytesWriter, port: i64) -> None:
    """Append the two bytes of a port in a word's byte order."""
    write_i16_le(out, i16(port - 0x10000 if port > 0x7FFF else port))


def write_others(
    out: BytesWriter, words: vec[i64], base: i64, step: i64, first: i64, end: i64, own: i64
) -> None:
    """As `write_peers`, but without peer `own`: `first` and `end` number the other peers only."""
    if own < 0 or end <= own:
        write_peers(out, words, base, step, first, end)
    elif first >= own:
        write_peers(out, words, base, step, first + 1, end + 1)
    else:
        write_peers(out, words, base, step, first, own)
        write_peers(out, words, base, step, own + 1, end + 1)


def write_window(
    out: BytesWriter,
    words: vec[i64],
    base: i64,
    step: i64,
    first: i64,
    n: i64,
    own: i64,
    want: i64,
    random: Random,
) -> None:
    """Append `want` neighbours of the ring of `n` other peers from `first` on; each has the same chance."""
    if want >= n:
        write_others(out, words, base, step, first, first + n, own)
        return
    if want <= 0:
        return
    start = random.randrange(n)
    over = start + want - n
    if over <= 0:
        write_others(out, words, base, step, first + start, first + start + want, own)
        return
    write_others(out, words, base, step, first, first + over, own)
    write_others(out, words, base, step, first + start, first + n, own)


def hand_out(
    out: BytesWriter,
    words: vec[i64],
    base: i64,
    step: i64,
    n: i64,
    leechers: i64,
    own: i64,
    want: i64,
    seeding: bool,
    random: Random,
) -> None:
    """Append the addresses of up to `want` of `n` peers, leechers first; `own` is the asking peer's number, or -1."""
    if own >= 0:
        n -= 1
        if own < leechers:
            leechers -= 1
    if n <= want:
        write_others(out, words, base, step, 0, n, own)
        return
    few = share_of_leechers(leechers, n - leechers, want, seeding, random)
    write_window(out, words, base, step, 0, leechers, own, few, random)
    write_window(out, words, base, step, leechers, n - leechers, own, want - few, random)
