"""Access lists: a blacklist of torrents to refuse, or a whitelist of the only ones to serve.

A line counts if it starts with 40 hex digits, in either case, followed by the line's end or any character but a hex
digit. Every other line is ignored; a warning names the first of them and their number. A file is refused

- if its last line has no line end and is not 40 hex digits: it was probably cut off;
- if it has lines other than comments but no info_hash, such as a web server's error page;
- for the reasons of `list_file`.
"""

import logging
import time
from binascii import unhexlify
from collections.abc import Callable, Collection, Generator, Iterator
from pathlib import Path
from typing import Final

from opentracker._features import WANT_ACCESSLIST_WHITE, WANT_DYNAMIC_ACCESSLIST
from opentracker.features.list_file import ListFile
from opentracker.features.list_lines import LineFormat, fill
from opentracker.features.list_reload import ListReloader
from opentracker.features.outcome import Outcome
from opentracker.features.packed_set import PackedSet
from opentracker.swarm.counting.metric import MOST, Gauge
from opentracker.swarm.policy.admission import Admission
from opentracker.swarm.purging import purge
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from opentracker.swarm.tracker import Tracker, admit_by

log = logging.getLogger("opentracker")

HEX_SIZE: Final = 40
HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")
LISTED: Final = 31  # bytes of memory of an info_hash from a file
CHANGED: Final = 120  # bytes of memory of an info_hash that was added or deleted since


TORRENTS: Final = Gauge(
    "opentracker_accesslist_torrents",
    "Torrents in the file of the access list.",
    MOST,
    people="Torrents in the access list",
)
CHANGES: Final = Gauge(
    "opentracker_accesslist_changes", "Torrents added or deleted since the file was read.", MOST
)


class AccessList(Admission):
    """The torrents of a list. An empty whitelist closes the tracker, an empty blacklist opens it."""

    def __init__(self, info_hashes: Collection[bytes] = ()) -> None:
        self.info_hashes = PackedSet(len(info_hashes))
        for info_hash in info_hashes:
            self.info_hashes.add(info_hash)
        if WANT_DYNAMIC_ACCESSLIST:
            self.changes: dict[bytes, bool] = {}  # info_hash -> whether it is listed; overrides the file

    def allows(self, info_hash: bytes) -> bool:
        """See Admission."""
        if WANT_DYNAMIC_ACCESSLIST:
            listed = self.changes.get(info_hash)
            if listed is not None:
                return listed is WANT_ACCESSLIST_WHITE
        return self.info_hashes.holds(info_hash) is WANT_ACCESSLIST_WHITE

    def lists(self, info_hash: bytes) -> bool:
        """Whether a torrent is on the list."""
        return self.allows(info_hash) is WANT_ACCESSLIST_WHITE

    def dissolve(self) -> Iterator[None]:
        """See ReloadedList."""
        return self.info_hashes.dissolve()

    def weight(self) -> int:
        """See ReloadedList."""
        weight = self.info_hashes.size * LISTED
        if WANT_DYNAMIC_ACCESSLIST:
            weight += len(self.changes) * CHANGED
        return weight


class HexLines(LineFormat):
    """Lines that start with an info_hash, and have no further hex digit behind it."""

    def __init__(self) -> None:
        super().__init__("40 hex digits", "40 hex digits", 50)

    def parse(self, line: bytes) -> bytes | None:
        """See LineFormat: the info_hash (20 bytes)."""
        if len(line) != HEX_SIZE:
            if len(line) < HEX_SIZE or line[HEX_SIZE] in HEX_DIGITS:
                return None
            line = line[:HEX_SIZE]
        try:
            return unhexlify(line)
        except ValueError:
            return None

    def is_whole(self, rest: bytes) -> bool:
        """See LineFormat."""
        return len(rest) == HEX_SIZE


HEX_LINES: Final = HexLines()


def read(path: Path | None, accesslist: AccessList) -> Generator[None, None, None]:
    """Fill an access list from a file, in slices; without a path it stays empty. Raises UsageError."""
    if path is None:
        effect = "no torrent is served" if WANT_ACCESSLIST_WHITE else "no torrent is refused"
        log.warning("no access list was given: %s", effect)
        return
    began = time.monotonic()
    file = ListFile(path, "the access list")
    try:
        accesslist.info_hashes = PackedSet(file.size // (HEX_SIZE + 1) + 1)
        yield from fill(file, HEX_LINES, accesslist.info_hashes.add)
    finally:
        file.close()
    seconds = time.monotonic() - began
    log.info("access list %s: %d torrents, read in %.2f s", file.name, accesslist.info_hashes.size, seconds)


def load(path: Path | None) -> AccessList:
    """Load the access list from a file; without a path it is empty, with a warning. Raises UsageError."""
    accesslist = AccessList()
    for _ in read(path, accesslist):
        pass
    return accesslist


class AccessListReloader(ListReloader[AccessList]):
    """Reloads the access list, and removes the torrents that the new one refuses."""

    def __init__(
        self, tracker: Tracker, accesslist: AccessList, start: Callable[[Iterator[None]], None]
    ) -> None:
        outcome = Outcome(
            "opentracker_accesslist",
            "reload",
            "Access list loaded",
            "The access list could not be read again: the one before is in force.",
            time.time,
        )
        super().__init__(accesslist, start, "the access list", outcome)
        self.tracker = tracker
        admit_by(tracker, accesslist)

    def make(self) -> AccessList:
        """See ListReloader."""
        return AccessList()

    def read(self, path: Path | None, coming: AccessList) -> Generator[None, None, None]:
        """See ListReloader."""
        return read(path, coming)

    def install(self, coming: AccessList) -> None:
        """See ListReloader."""
        admit_by(self.tracker, coming)
        self.start(purge(self.tracker))

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the values of the list's gauges to a snapshot."""
        snapshot.tell(TORRENTS, self.current.info_hashes.size)
        if WANT_DYNAMIC_ACCESSLIST:
            snapshot.tell(CHANGES, len(self.current.changes))
        self.outcome.tell(snapshot)
