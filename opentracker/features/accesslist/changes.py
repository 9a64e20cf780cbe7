"""Changes of the access list while the tracker runs: lines in the format of the list, written into FIFOs.

An added info_hash is listed from then on, a deleted one is not; a change overrides the file, and a later change an
earlier one. Changes that differ from the file are kept beside its info_hashes, in some 120 bytes each, without a limit
on their number. A successful reload drops all changes from before it; changes that come while the file is being read
apply to the new list as well.
"""

import logging
from typing import Final

from opentracker.features.accesslist.accesslist import (
    HEX_SIZE,
    AccessListReloader,
    is_idle,
    parse_line,
)
from opentracker.features.list_file import Lines

log = logging.getLogger("opentracker")

SHOWN: Final = 50  # bytes of a line that is ignored


class Changes:
    """Applies the lines of one FIFO to the list: adds, or deletes. `name` is the FIFO's name in the log."""

    def __init__(self, keeper: AccessListReloader, name: str, listed: bool) -> None:
        self.keeper = keeper
        self.name = name
        self.listed = listed
        self.lines = Lines()
        self.waiting = b""  # the unfinished line at the last `look`
        self.ignored = 0  # ignored lines since the last `look`

    def feed(self, block: bytes) -> None:
        """Apply the lines that end in a block; reads may cut lines at any byte."""
        for line in self.lines.cut(block):
            self.take(line)

    def take(self, line: bytes) -> None:
        """Apply one line."""
        info_hash = parse_line(line)
        if info_hash is not None:
            change(self.keeper, info_hash, self.listed)
        elif not is_idle(line):
            if self.ignored == 0:
                log.warning("%s: a line that does not start with 40 hex digits: %r", self.name, line[:SHOWN])
            self.ignored += 1

    def look(self) -> None:
        """Apply 40 hex digits that have waited for their line end since the last call, and log ignored lines.

        It is called about every second. `printf %s HASH` writes no line end, and the last line of a file may have
        none. The log gets the number of lines that were ignored since the last call, beside the first one.
        """
        if len(self.waiting) == HEX_SIZE and self.lines.rest == self.waiting:
            self.lines.rest = b""
            self.take(self.waiting)
        self.waiting = self.lines.rest
        if self.ignored > 1:
            log.warning("%s: %d more such lines", self.name, self.ignored - 1)
        self.ignored = 0


def change(keeper: AccessListReloader, info_hash: bytes, listed: bool) -> None:
    """Add an info_hash (20 bytes) to the list, or delete it; a torrent that is refused now is removed."""
    current = keeper.current
    if current.info_hashes.holds(info_hash) is listed:
        current.changes.pop(info_hash, None)
    else:
        current.changes[info_hash] = listed
    if keeper.coming is not None:
        keeper.coming.changes[info_hash] = listed
    if not current.allows(info_hash):
        keeper.tracker.remove(info_hash)
