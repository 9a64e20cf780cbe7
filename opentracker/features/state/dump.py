"""State dumps: a line `HEXHASH:BASE:DOWNLOADED` for every torrent, BASE in minutes since 1970.

Loading a dump creates torrents without peers, last touched at BASE. A dump of the loaded torrents is the same again.
"""

import logging
from collections.abc import Generator, Iterable, Iterator
from typing import Final

from opentracker._features import OT_TORRENT_TIMEOUT_HOURS
from opentracker.errors import BrokenStateError
from opentracker.features.state.taking import take
from opentracker.features.state.tally import Tally
from opentracker.swarm.store.door import NOT_THERE, Contents
from opentracker.swarm.store.records import MOST_DOWNLOADED
from opentracker.swarm.tracker import Tracker

log = logging.getLogger("opentracker")

PIECE: Final = 128  # torrents in a piece, or lines in a step
HEX_SIZE: Final = 40
HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")
MOST_DIGITS: Final = 10  # of BASE and of DOWNLOADED
LONGEST_LINE: Final = 80  # bytes; a longer line is not from a dump
SHOWN_LINES: Final = 5
ALL_BROKEN: Final = "{}: none of its lines is one of a state dump"


def write_lines(tracker: Tracker, minute: int, epoch: int) -> Generator[bytes, None, None]:
    """A dump in pieces, at `minute` of the tracker's clock, whose minute 0 was `epoch` minutes after 1970."""
    for shard in range(tracker.store.shards):
        info_hashes = tracker.store.info_hashes(shard)
        for start in range(0, len(info_hashes), PIECE):
            lines = [write_line(tracker, each, minute, epoch) for each in info_hashes[start : start + PIECE]]
            yield b"".join(lines)


def write_line(tracker: Tracker, info_hash: bytes, minute: int, epoch: int) -> bytes:
    """The line of a torrent; empty if the torrent was removed or is refused."""
    count = tracker.store.downloads(info_hash)
    if count == NOT_THERE or not tracker.serves(info_hash):
        return b""
    touched = epoch + tracker.store.touched(info_hash, minute)
    return b"%b:%d:%d\n" % (info_hash.hex().upper().encode(), touched, count)


def read_line(line: bytes) -> tuple[bytes, int, int] | None:
    """Info_hash, BASE and DOWNLOADED of a line; None for one that is broken."""
    if len(line) > LONGEST_LINE:
        return None
    fields = line.rstrip(b"\r\n").split(b":")
    if len(fields) != 3:
        return None
    digits, base, count = fields
    if len(digits) != HEX_SIZE or not HEX_DIGITS.issuperset(digits):
        return None
    if not (base.isdigit() and count.isdigit() and len(base) <= MOST_DIGITS and len(count) <= MOST_DIGITS):
        return None
    return bytes.fromhex(digits.decode("ascii")), int(base), int(count)


class Loading:
    """Loads the lines of a dump, and counts the results."""

    def __init__(self, tracker: Tracker, minute: int, epoch: int) -> None:
        self.tracker = tracker
        self.minute = minute
        self.epoch = epoch
        self.tally = Tally()
        self.broken: list[int] = []  # line numbers, the first few
        self.broken_lines = 0

    def load(self, lines: Iterable[bytes]) -> Iterator[None]:
        """Load a dump in small steps."""
        for number, line in enumerate(lines, 1):
            found = read_line(line)
            if found is not None:
                self.take(*found)
            elif line.strip():
                self.broken_lines += 1
                if len(self.broken) < SHOWN_LINES:
                    self.broken.append(number)
            if number % PIECE == 0:
                yield

    def take(self, info_hash: bytes, base: int, count: int) -> None:
        """Store one torrent, or count why not."""
        age = max(0, self.epoch + self.minute - base)
        contents = Contents(min(count, MOST_DOWNLOADED), self.minute - age)
        take(self.tracker, info_hash, contents, age > OT_TORRENT_TIMEOUT_HOURS * 60, self.tally)

    def finish(self, name: str) -> int:
        """Log the results, and return the number of broken lines. Raises BrokenStateError if all lines are broken."""
        if self.broken_lines and self.tally.found() == 0:
            raise BrokenStateError(ALL_BROKEN.format(name))
        log.info("%s: %s", name, self.tally.in_words())
        if self.broken_lines:
            first = ", ".join(map(str, self.broken))
            log.warning("%s: %d broken lines are skipped, the first: %s", name, self.broken_lines, first)
        return self.broken_lines


def examine(lines: Iterable[bytes], name: str) -> None:
    """Raise BrokenStateError if a dump has lines, and none of them is valid."""
    is_empty = True
    for line in lines:
        if read_line(line) is not None:
            return
        is_empty = is_empty and not line.strip()
    if not is_empty:
        raise BrokenStateError(ALL_BROKEN.format(name))


def lines_of(read: Iterable[bytes]) -> Iterator[bytes]:
    """Cut blocks of any sizes into lines. A line over LONGEST_LINE is truncated, but stays too long to be valid."""
    rest = b""
    for block in read:
        lines = (rest + block).split(b"\n")
        rest = lines.pop()[: LONGEST_LINE + 1]
        yield from lines
    if rest:
        yield rest
