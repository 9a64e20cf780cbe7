"""State files with peers: one is taken in as a whole, to the counts that its copy has, or nothing of it is.

An input is put behind a head and before the number of torrents and the checksum, so that mutations get past those. Its
first byte chooses the number of torrents that the file says, and with its highest bit that the input brings the times
of the head.
"""

import os
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from io import FileIO

from librt.random import Random

from opentracker.errors import BrokenStateError
from opentracker.features.state import full as full_state
from opentracker.features.state.full import Loading, write
from opentracker.features.state.full_file import DIGEST, MAGIC
from opentracker.swarm.tracker import Tracker
from tests.fuzz.engine import memory_file, silence
from tests.fuzz.state_files import emptied
from tests.swarm.torrents import info_hashes

WORDS = [bytes([0, 0, 0, size]) for size in (0, 1, 2, 10, 18, 20, 22, 34)]
WORDS += [
    b"A" * 20,
    b"\x80\0\0\x05",
    b"\x80\0\0\0" + bytes(16),
    b"\x01\x02\x03\x04\x1a\xe1",
    b"\xff\xff\xff\xff",
]
LONGEST_INPUT = 1500  # bytes: a large torrent and a few small ones
EPOCH = 29_000_000
MINUTE = 60
HEADER_SIZE = MAGIC + EPOCH.to_bytes(8, "big", signed=True) + (MINUTE - 5).to_bytes(8, "big")

OWN_TIMES = 128
TIMES = 16  # bytes
file = FileIO(memory_file(), "r+", closefd=False)
tracker = Tracker(Random(1))


def load(text: bytes) -> Loading:
    """The result of loading a file; the tracker is always the same one, emptied before."""
    os.pwrite(file.fileno(), text, 0)
    file.truncate(len(text))  # after it: pages that are kept are quicker than new ones
    file.seek(0)
    emptied(tracker)
    loading = Loading(tracker, MINUTE, EPOCH)
    with suppress(BrokenStateError):
        loading.load(file, "fuzzed")
    return loading


def counts(tracker: Tracker) -> dict[bytes, tuple[int, int, int]]:
    """The counts of every torrent in a scrape."""
    return {info_hash: tracker.scrape(info_hash) for info_hash in info_hashes(tracker)}


def whole(first: int, rest: bytes) -> tuple[bytes, int]:
    """A file whose checksum is right, and the number of torrents that it says."""
    head, torrents = HEADER_SIZE, first % OWN_TIMES
    if first >= OWN_TIMES:
        head, rest = MAGIC + rest[:TIMES].ljust(TIMES, b"\0"), rest[TIMES:]
    text = head + rest + torrents.to_bytes(8, "big")
    return text + blake2b(text, digest_size=DIGEST).digest(), torrents


def hasten() -> None:
    """Make the same two tables once: one for the head above, one for that of what is written."""
    full_state.ages_now = lru_cache(full_state.ages_now)


def check(data: bytes) -> None:
    """One file, and what is written of it."""
    silence()
    if not data:
        return
    text, torrents = whole(data[0], data[1:])
    loading = load(text)
    before = counts(tracker)
    assert len(before) == loading.tally.loaded  # none where the file was refused
    assert loading.tally.loaded + loading.tally.skipped() in (0, torrents)
    for complete, downloaded, incomplete in before.values():
        assert min(complete, downloaded, incomplete) >= 0
    if not before:  # an empty tracker writes the same file each time
        return
    written = b"".join(write(tracker, MINUTE, EPOCH))
    load(written)
    after = counts(tracker)
    for info_hash, numbers in after.items():
        assert before[info_hash] == numbers
    assert {each for each, numbers in before.items() if any(numbers)} <= set(after)
