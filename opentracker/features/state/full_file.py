"""The format of state files that hold the peers too, and the check that a file is whole.

::

    magic[8], version in it · i64 minutes from 1970 to the writer's minute 0 · u64 the writer's minute
    for each torrent: info_hash[20] · u32 length · record      a small torrent, see swarm.store.records
                   or info_hash[20] · u32 LARGE + downloaded · four tables: IPv4 leechers and seeders, IPv6 likewise
                      a table: u32 blocks · for each one u32 length · block, see swarm.store.peers
    u64 torrents · blake2b[16] of all bytes before it

Numbers are big-endian. A file is read twice: first to verify its checksum, then to load it.
"""

from hashlib import blake2b
from io import FileIO
from typing import Final, Protocol

from mypy_extensions import i64

from opentracker.errors import BrokenStateError
from opentracker.features.state import kinds

MAGIC: Final = kinds.FULL + b"\x01"  # and the version of the format
DIGEST: Final = 16
HEADER: Final = 24
TRAILER: Final = 8 + DIGEST
BLOCK: Final = 1 << 16
# Two million years: more than any clock shows, and sums of a few such numbers do not overflow.
MOST_MINUTES: Final = 1 << 40


class Readable(Protocol):
    """A file, or another source of bytes."""

    def read(self, size: int, /) -> bytes | None:
        """The next bytes, at most as many; none at the end."""


class Input:
    """Reads the bytes of a file up to its trailer; fails for a read beyond that."""

    def __init__(self, file: Readable, size: int) -> None:
        self.file = file
        self.left = size
        self.block = b""
        self.at: i64 = 0

    def take(self, size: i64) -> bytes:
        """The next bytes. Raises BrokenStateError."""
        # Checked before memory is allocated for a wrong length.
        if self.at + size > len(self.block) + self.left:
            raise BrokenStateError("a torrent is truncated")
        while self.at + size > len(self.block):
            more = self.file.read(max(BLOCK, size)) if self.left else b""
            more = (more or b"")[: self.left]
            if not more:
                raise BrokenStateError("a torrent is truncated")
            self.left -= len(more)
            self.block = self.block[self.at :] + more
            self.at = 0
        self.at += size
        return self.block[self.at - size : self.at]

    def number(self) -> i64:
        """The next u32."""
        return int.from_bytes(self.take(4), "big")

    def is_at_end(self) -> bool:
        """Whether all bytes have been read."""
        return self.left == 0 and self.at == len(self.block)


def checked_size(file: FileIO) -> int:
    """The number of bytes before the trailer of a whole file, which is rewound. Raises BrokenStateError."""
    if file.read(len(MAGIC)) != MAGIC:
        raise BrokenStateError("it is of a version that this tracker does not know")
    size = file.seek(0, 2)
    file.seek(0)
    if size < HEADER + TRAILER:
        raise BrokenStateError(f"it is truncated: {size} bytes")
    hashed = blake2b(digest_size=DIGEST)
    left = size - DIGEST
    while left:
        block = file.read(min(BLOCK, left))
        if not block:
            raise BrokenStateError("it has become shorter")
        hashed.update(block)
        left -= len(block)
    if file.read(DIGEST) != hashed.digest():
        raise BrokenStateError("its checksum is wrong: it is truncated or corrupted")
    file.seek(0)
    return size - TRAILER


def examine(file: FileIO, name: str) -> None:
    """Raise BrokenStateError, which names the file, if it is not whole."""
    try:
        checked_size(file)
    except BrokenStateError as error:
        raise BrokenStateError(f"{name}: {error}") from error


def times_of(head: bytes) -> tuple[int, int]:
    """The writer's epoch and minute. Raises BrokenStateError for times that no clock shows."""
    epoch = int.from_bytes(head[8:16], "big", signed=True)
    minute = int.from_bytes(head[16:24], "big")
    if abs(epoch) > MOST_MINUTES or minute > MOST_MINUTES:
        raise BrokenStateError("the time in which it was written is wrong")
    return epoch, minute


def number_behind(file: FileIO, size: int) -> int:
    """The u64 behind the first `size` bytes of a file: the number of torrents."""
    file.seek(size)
    return int.from_bytes(file.read(8) or b"", "big")
