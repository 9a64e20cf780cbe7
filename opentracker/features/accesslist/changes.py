"""Changes of the access list as the tracker runs: lines of the list's own form, written into FIFOs.

A hash that is added is listed from then on, one that is deleted is not, whatever the file says; of several changes the
last counts. They are kept beside the file's info_hashes, in some 120 bytes each, unless the file says the same; how
many there are is up to the operator. A reload that succeeds forgets those from before it; those that come while the
file is being read hold for the new list as well.
"""

import logging
from typing import Final

from opentracker.features.accesslist.accesslist import (
    HEX_SIZE,
    AccessListReloader,
    Lines,
    is_idle,
    parse_line,
)

log = logging.getLogger("opentracker")

SHOWN: Final = 50  # bytes of a line that is ignored


class Changes:
    """What one FIFO does to the list: adds, or deletes. `name` is what it is called in the log."""

    def __init__(self, keeper: AccessListReloader, name: str, listed: bool) -> None:
        self.keeper = keeper
        self.name = name
        self.listed = listed
        self.lines = Lines()
        self.waiting = b""  # an unfinished line, as it was at the last look
        self.ignored = 0  # lines, since the last look

    def feed(self, block: bytes) -> None:
        """Carry out what was read, however it was cut into pieces."""
        for line in self.lines.cut(block):
            self.take(line)

    def take(self, line: bytes) -> None:
        """Carry out one line."""
        info_hash = parse_line(line)
        if info_hash is not None:
            change(self.keeper, info_hash, self.listed)
        elif not is_idle(line):
            if self.ignored == 0:
                log.warning("%s: a line that does not start with 40 hex digits: %r", self.name, line[:SHOWN])
            self.ignored += 1

    def look(self) -> None:
        """To be called every second or so: takes 40 hex digits for a line when their end does not come.

        `printf %s HASH` writes none, as the last line of a file may have none. Of further lines that were ignored
        since the last look it is told how many.
        """
        if len(self.waiting) == HEX_SIZE and self.lines.rest == self.waiting:
            self.lines.rest = b""
            self.take(self.waiting)
        self.waiting = self.lines.rest
        if self.ignored > 1:
            log.warning("%s: %d more such lines", self.name, self.ignored - 1)
        self.ignored = 0


def change(keeper: AccessListReloader, info_hash: bytes, listed: bool) -> None:
    """List an info_hash (20 bytes) or not; a torrent that is refused now is taken away."""
    current = keeper.current
    if current.info_hashes.holds(info_hash) is listed:
        current.changes.pop(info_hash, None)
    else:
        current.changes[info_hash] = listed
    if keeper.coming is not None:
        keeper.coming.changes[info_hash] = listed
    if not current.allows(info_hash):
        keeper.tracker.remove(info_hash)
