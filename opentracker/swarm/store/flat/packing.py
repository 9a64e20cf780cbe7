"""Conversion of a shard's words to bytes: info_hashes, records for state files, planes of peers."""

from librt.strings import BytesWriter, write_i32_be, write_i32_le, write_i64_le
from librt.vecs import vec
from mypy_extensions import i32, i64, u8

from opentracker.swarm.store.door import Contents
from opentracker.swarm.store.flat.heads import (
    numbers_at,
)
from opentracker.swarm.store.flat.layout import (
    COUNTS_AT,
    DOWNLOADS,
    FLAGS_AT,
    M8,
    M24,
    M32,
    STAMP_AT,
    byte_of_flags,
)
from opentracker.swarm.store.flat.members import STEP4, STEP6, TAIL6, base_of, write_peers
from opentracker.swarm.store.flat.shard import Shard
from opentracker.swarm.store.peers import STRIDE4, STRIDE6, ports_in
from opentracker.swarm.store.records import NEGATIVE


def info_hash_at(s: Shard, at: i64) -> bytes:
    """The info_hash of the torrent at a place."""
    out = BytesWriter()
    write_info_hash(out, s.words, at)
    return out.getvalue()


def write_info_hash(out: BytesWriter, words: vec[i64], at: i64) -> None:
    """Append the info_hash of the torrent at a place."""
    write_i64_le(out, words[at])
    write_i64_le(out, words[at + 1])
    tail = words[at + 2] & M32
    write_i32_le(out, i32(tail - 0x100000000 if tail > 0x7FFFFFFF else tail))


def pack_small(s: Shard, at: i64) -> bytes:
    """The record of a small torrent."""
    words = s.words
    out = BytesWriter()
    write_i32_be(out, i32(words[at + 3] & DOWNLOADS))
    n4, leechers4, n6, leechers6 = numbers_at(words, at)
    packed = n4 << 16 | leechers4 << 8 | leechers6
    if n4 + n6 == 0:
        packed = words[at + 2] >> COUNTS_AT & M24
    out.append(u8(packed >> 16))
    out.append(u8(packed >> 8 & M8))
    out.append(u8(packed & M8))
    write_planes(out, words, at, STEP4, n4)
    write_planes(out, words, at, STEP6, n6)
    return out.getvalue()


def write_planes(out: BytesWriter, words: vec[i64], at: i64, step: i64, n: i64) -> None:
    """Append the planes of the peers of one family."""
    base = base_of(words, at, step)
    write_peers(out, words, base, step, 0, n)
    tail = base if step == STEP4 else base + TAIL6
    i: i64 = 0
    while i < n:
        out.append(u8(byte_of_flags(words[tail + step * i] >> FLAGS_AT)))
        i += 1
    i = 0
    while i < n:
        out.append(u8(words[tail + step * i] >> STAMP_AT & M8))
        i += 1


def contents_at(s: Shard, at: i64) -> Contents:
    """The whole state of a small torrent."""
    words = s.words
    n4, leechers4, n6, leechers6 = numbers_at(words, at)
    minute = words[at + 2] >> COUNTS_AT & M24
    contents = Contents(words[at + 3] & DOWNLOADS, minute if minute < NEGATIVE else minute - 2 * NEGATIVE)
    contents.leechers4, contents.leechers6 = leechers4, leechers6
    out = BytesWriter()
    write_planes(out, words, at, STEP4, n4)
    contents.planes4 = out.getvalue()
    out.truncate(0)
    write_planes(out, words, at, STEP6, n6)
    contents.planes6 = out.getvalue()
    return contents


def addresses_at(s: Shard, at: i64, v6: bool) -> bytes:
    """The addresses of a small torrent's peers of one family."""
    words = s.words
    n4, _leechers4, n6, _leechers6 = numbers_at(words, at)
    step: i64 = STEP6 if v6 else STEP4
    out = BytesWriter()
    write_peers(out, words, base_of(words, at, step), step, 0, n6 if v6 else n4)
    return out.getvalue()


def hosts_at(s: Shard, at: i64, peer: bytes) -> list[bytes]:
    """The peers of a small torrent with the host of `peer`."""
    v6 = len(peer) == STRIDE6
    addresses = addresses_at(s, at, v6)
    return ports_in(addresses, 0, len(addresses) // (STRIDE6 if v6 else STRIDE4), peer)


def least_age_at(s: Shard, at: i64, ages: bytes) -> i64:
    """The age of a small torrent's newest stamp in minutes, by a table of ages; 255 without peers."""
    words = s.words
    n4, _leechers4, n6, _leechers6 = numbers_at(words, at)
    least: i64 = 255
    base = base_of(words, at, STEP4)
    i: i64 = 0
    while i < n4:
        age: i64 = ages[words[base + i] >> STAMP_AT & M8]
        if age < least:
            least = age
        i += 1
    base = base_of(words, at, STEP6) + TAIL6
    i = 0
    while i < n6:
        age6: i64 = ages[words[base + STEP6 * i] >> STAMP_AT & M8]
        if age6 < least:
            least = age6
        i += 1
    return least
