"""Changes of the access list while the tracker runs: lines in the format of the list, written into FIFOs.

An added info_hash is listed from then on, a deleted one is not; a change overrides the file, and a later change an
earlier one. Changes that differ from the file are kept beside its info_hashes, in some 120 bytes each, without a limit
on their number. A successful reload drops all changes from before it; changes that come while the file is being read
apply to the new list as well.
"""

from opentracker.features.accesslist.accesslist import HEX_LINES, AccessListReloader
from opentracker.features.list_lines import LineChanges


class Changes(LineChanges):
    """Applies the lines of one FIFO to the list: adds, or deletes. `name` is the FIFO's name in the log."""

    def __init__(self, keeper: AccessListReloader, name: str, listed: bool) -> None:
        super().__init__(name, HEX_LINES, self.change)
        self.keeper = keeper
        self.listed = listed

    def change(self, info_hash: bytes) -> None:
        """Apply an info_hash."""
        change(self.keeper, info_hash, self.listed)


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
