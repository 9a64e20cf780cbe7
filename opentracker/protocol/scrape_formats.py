"""The five formats of a full scrape: the bytes before the torrents, for each torrent, and after the torrents."""

from binascii import hexlify
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

_UNESCAPED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789$/.=~-_")
_PERCENT: Final = [bytes([value]) if value in _UNESCAPED else b"%%%02X" % value for value in range(256)]


def raw(info_hash: bytes) -> bytes:
    """An info_hash as it is."""
    return info_hash


def upper_hex(info_hash: bytes) -> bytes:
    """An info_hash as 40 hex digits."""
    return hexlify(info_hash).upper()


def percent(info_hash: bytes) -> bytes:
    """An info_hash as it stands in a URL."""
    return b"".join([_PERCENT[value] for value in info_hash])


def bencoded(complete: i64, completed: i64, incomplete: i64) -> bytes:
    """The counts of a torrent in a scrape's answer."""
    return b"d8:completei%de10:downloadedi%de10:incompletei%dee" % (complete, completed, incomplete)


def binary(complete: i64, completed: i64, incomplete: i64) -> bytes:
    """Seeders and leechers, u32 each, big-endian."""
    seeders: int = complete  # Python integers: shifted by 32 bits, a compiled i64 could overflow
    leechers: int = incomplete
    packed = seeders << 32 | leechers
    return packed.to_bytes(8, "big")


def text(complete: i64, completed: i64, incomplete: i64) -> bytes:
    """Seeders and leechers, in a line."""
    return b":%d:%d\n" % (complete, incomplete)


def text_with_downloaded(complete: i64, completed: i64, incomplete: i64) -> bytes:
    """Seeders, leechers and how often `completed` was reported, in a line."""
    return b":%d:%d:%d\n" % (complete, incomplete, completed)


class Format:
    """A format. A torrent is `before`, then the info_hash written by `key` (None: raw), then `counts`."""

    def __init__(
        self,
        start: bytes,
        before: bytes,
        key: Callable[[bytes], bytes] | None,
        counts: Callable[[i64, i64, i64], bytes],
        end: bytes,
    ) -> None:
        self.start = start
        self.before = before
        self.key = key
        self.counts = counts
        self.end = end


FORMATS: Final = {
    b"ben": Format(b"d5:filesd", b"20:", None, bencoded, b"ee"),
    b"bin": Format(b"", b"", None, binary, b""),
    b"txt": Format(b"", b"", upper_hex, text, b""),
    b"txtp": Format(b"", b"", upper_hex, text_with_downloaded, b""),
    b"url": Format(b"", b"", percent, text, b""),
}
