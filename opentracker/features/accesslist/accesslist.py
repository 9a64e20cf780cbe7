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
from opentracker.errors import UsageError
from opentracker.features.accesslist.info_hash_set import InfoHashSet
from opentracker.features.list_file import ListFile
from opentracker.features.outcome import Outcome
from opentracker.swarm.counting.metric import MOST, Gauge
from opentracker.swarm.policy.admission import Admission
from opentracker.swarm.purging import purge
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from opentracker.swarm.tracker import Tracker, admit_by

log = logging.getLogger("opentracker")

HEX_SIZE: Final = 40
HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")
SHOWN_LINES: Final = 5
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
        self.info_hashes = InfoHashSet(len(info_hashes))
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

    def weight(self) -> int:
        """Approximate bytes of memory of the list."""
        weight = self.info_hashes.size * LISTED
        if WANT_DYNAMIC_ACCESSLIST:
            weight += len(self.changes) * CHANGED
        return weight


def parse_line(line: bytes) -> bytes | None:
    """The info_hash (20 bytes) of a line, or None for one that does not count."""
    if len(line) != HEX_SIZE:
        if len(line) < HEX_SIZE or line[HEX_SIZE] in HEX_DIGITS:
            return None
        line = line[:HEX_SIZE]
    try:
        return unhexlify(line)
    except ValueError:
        return None


def is_idle(line: bytes) -> bool:
    """Whether a line is blank or a comment."""
    return line.startswith(b"#") or not line.strip()


def read(path: Path | None, accesslist: AccessList) -> Generator[None, None, None]:
    """Fill an access list from a file, in slices; without a path it stays empty. Raises UsageError."""
    if path is None:
        effect = "no torrent is served" if WANT_ACCESSLIST_WHITE else "no torrent is refused"
        log.warning("no access list was given: %s", effect)
        return
    began = time.monotonic()
    file = ListFile(path, "the access list")
    try:
        accesslist.info_hashes = InfoHashSet(file.size // (HEX_SIZE + 1) + 1)
        yield from fill(file, accesslist.info_hashes)
    finally:
        file.close()
    seconds = time.monotonic() - began
    log.info("access list %s: %d torrents, read in %.2f s", file.name, accesslist.info_hashes.size, seconds)


def fill(file: ListFile, info_hashes: InfoHashSet) -> Iterator[None]:
    """Put the info_hashes of a file into a set, in slices. Raises UsageError for a file that is refused."""
    number = 0
    ignored = 0
    first: list[str] = []
    for lines in file.blocks():
        for line in lines:
            number += 1
            info_hash = parse_line(line)
            if info_hash is not None:
                info_hashes.add(info_hash)
            elif not is_idle(line):
                ignored += 1
                if ignored <= SHOWN_LINES:
                    first.append(str(number))
        yield
    if file.rest:
        info_hash = parse_line(file.rest) if len(file.rest) == HEX_SIZE else None
        if info_hash is None:
            raise UsageError(
                f"{file.name}:{number + 1}: the last line has no line end and is not 40 hex digits: is it cut off?"
            )
        info_hashes.add(info_hash)
    if ignored and info_hashes.size == 0:
        raise UsageError(f"{file.name}: not one line starts with 40 hex digits: this is not a list")
    if ignored:
        log.warning(
            "%s: %d lines do not start with 40 hex digits and are ignored, the first: %s",
            file.name,
            ignored,
            ", ".join(first),
        )


def load(path: Path | None) -> AccessList:
    """Load the access list from a file; without a path it is empty, with a warning. Raises UsageError."""
    accesslist = AccessList()
    for _ in read(path, accesslist):
        pass
    return accesslist


class AccessListReloader:
    """Reloads the access list of a running tracker: it replaces the whole list, while announces are answered.

    `start` starts long work, as Loop.start does.
    """

    def __init__(
        self, tracker: Tracker, accesslist: AccessList, start: Callable[[Iterator[None]], None]
    ) -> None:
        self.tracker = tracker
        self.start = start
        self.current = accesslist
        self.coming: AccessList | None = None  # the list that is being read
        self.held: list[AccessList] = [accesslist]  # `current`, `coming`, and lists that are not freed yet
        self.outcome = Outcome(
            "opentracker_accesslist",
            "reload",
            "Access list loaded",
            "The access list could not be read again: the one before is in force.",
            time.time,
        )
        self.outcome.succeeded()
        admit_by(tracker, accesslist)

    def weight(self) -> int:
        """Approximate bytes of memory of the current list, the list being read and the lists being freed."""
        return sum([each.weight() for each in self.held])

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the values of the list's gauges to a snapshot."""
        snapshot.tell(TORRENTS, self.current.info_hashes.size)
        if WANT_DYNAMIC_ACCESSLIST:
            snapshot.tell(CHANGES, len(self.current.changes))
        self.outcome.tell(snapshot)

    def reload(self, path: Path | None) -> None:
        """Start to read the file again; a reload under way is abandoned. A failure leaves the list as it was."""
        coming = AccessList()
        self.coming = coming
        self.held.append(coming)
        self.start(self.replace(path, coming))

    def replace(self, path: Path | None, coming: AccessList) -> Iterator[None]:
        """Read the new list in slices, install it, and free the old one; after a failure free the new one."""
        is_whole = False
        reading = read(path, coming)
        try:
            for _ in reading:
                yield
                if self.coming is not coming:
                    break
            else:
                is_whole = self.coming is coming
        except (UsageError, MemoryError) as error:
            self.outcome.failed(str(error) or "not enough memory for the access list")
            log.error("%s; the access list stays as it was", self.outcome.complaint)
        finally:
            reading.close()
        unused = coming
        if is_whole:
            self.outcome.succeeded()
            unused = self.current
            self.current = coming
            admit_by(self.tracker, coming)
            self.start(purge(self.tracker))
        if self.coming is coming:
            self.coming = None
        yield from unused.info_hashes.dissolve()
        self.held.remove(unused)
