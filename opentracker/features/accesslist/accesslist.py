"""Access lists: a blacklist of torrents to refuse, or a whitelist of the only ones to serve.

A line counts if it starts with 40 hex digits, in either case, followed by the line's end or anything that is not a hex
digit. Every other line is ignored, and a warning tells how many there were and which came first. Refused is a file that
ends within a line other than 40 hex digits, which counts as cut off, one that changes while it is read, one that has
lines and comments but not one hash, such as a web server's error page, and one with a line without an end in sight.
"""

import errno
import logging
import os
import stat
import time
from binascii import unhexlify
from collections.abc import Callable, Collection, Generator, Iterator
from pathlib import Path
from typing import Final

from opentracker._features import WANT_ACCESSLIST_WHITE, WANT_DYNAMIC_ACCESSLIST
from opentracker.errors import UsageError
from opentracker.features.accesslist.info_hash_set import InfoHashSet
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
BLOCK: Final = 8192  # bytes of a file read between two yields: 200 lines, two tenths of a millisecond
KEPT: Final = 64  # bytes of an unfinished line: nothing behind the 41st decides anything
LONGEST_LINE: Final = 1 << 16  # bytes; a sparse file is one line that a disk could not hold
LISTED: Final = 31  # bytes of memory that an info_hash of a file takes
CHANGED: Final = 120  # and one that was changed since


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
    """The torrents of a list; without one it is empty: a whitelist then closes the tracker, a blacklist opens it."""

    def __init__(self, info_hashes: Collection[bytes] = ()) -> None:
        self.info_hashes = InfoHashSet(len(info_hashes))
        for info_hash in info_hashes:
            self.info_hashes.add(info_hash)
        if WANT_DYNAMIC_ACCESSLIST:
            self.changes: dict[bytes, bool] = {}  # info_hash -> whether it is listed, whatever the file says

    def allows(self, info_hash: bytes) -> bool:
        """See Admission."""
        if WANT_DYNAMIC_ACCESSLIST:
            listed = self.changes.get(info_hash)
            if listed is not None:
                return listed is WANT_ACCESSLIST_WHITE
        return self.info_hashes.holds(info_hash) is WANT_ACCESSLIST_WHITE

    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        weight = self.info_hashes.size * LISTED
        if WANT_DYNAMIC_ACCESSLIST:
            weight += len(self.changes) * CHANGED
        return weight


class Lines:
    """Cuts blocks of bytes into lines, and keeps no more of an unfinished one than matters."""

    def __init__(self) -> None:
        self.rest = b""
        self.length = 0  # bytes of the unfinished line, those that are not kept included

    def cut(self, block: bytes) -> list[bytes]:
        """The lines that end in this block."""
        lines = (self.rest + block).split(b"\n")
        rest = lines.pop()
        self.length = len(rest) if lines else self.length + len(block)
        self.rest = rest[:KEPT]
        return lines


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
    """Fill an access list from a file, in slices; without one it stays empty. Warns, and raises UsageError."""
    if path is None:
        effect = "no torrent is served" if WANT_ACCESSLIST_WHITE else "no torrent is refused"
        log.warning("no access list was given: %s", effect)
        return
    began = time.monotonic()
    name = str(path)
    try:
        fd = open_list(path)
        try:
            before = os.fstat(fd)
            accesslist.info_hashes = InfoHashSet(before.st_size // (HEX_SIZE + 1) + 1)
            yield from fill(fd, accesslist.info_hashes, name)
            after = os.fstat(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise UsageError(f"cannot read the access list {name}: {error.strerror}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise UsageError(f"{name} was changed while it was read as the access list")
    seconds = time.monotonic() - began
    log.info("access list %s: %d torrents, read in %.2f s", name, accesslist.info_hashes.size, seconds)


def open_list(path: Path) -> int:
    """The descriptor of a file that can be read without waiting for anybody. Raises OSError and UsageError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode) or stat.S_ISCHR(mode):  # /dev/null is an empty list
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise UsageError(f"cannot read the access list {path}: it is not a regular file")


def fill(fd: int, info_hashes: InfoHashSet, name: str) -> Iterator[None]:
    """Put the info_hashes of an open file into a set, in slices. Warns, and raises UsageError if it was cut off."""
    lines = Lines()
    number = 0
    ignored = 0
    first: list[str] = []
    while True:
        block = os.read(fd, BLOCK)
        if not block:
            break
        for line in lines.cut(block):
            number += 1
            info_hash = parse_line(line)
            if info_hash is not None:
                info_hashes.add(info_hash)
            elif not is_idle(line):
                ignored += 1
                if ignored <= SHOWN_LINES:
                    first.append(str(number))
        if lines.length > LONGEST_LINE:
            raise UsageError(f"{name}:{number + 1}: a line of over {LONGEST_LINE} bytes: this is no list")
        yield
    if lines.rest:
        info_hash = parse_line(lines.rest) if len(lines.rest) == HEX_SIZE else None
        if info_hash is None:
            raise UsageError(
                f"{name}:{number + 1}: the last line has no line end and is not 40 hex digits: is it cut off?"
            )
        info_hashes.add(info_hash)
    if ignored and info_hashes.size == 0:
        raise UsageError(f"{name}: not one line starts with 40 hex digits: this is no list")
    if ignored:
        log.warning(
            "%s: %d lines do not start with 40 hex digits and are ignored, the first: %s",
            name,
            ignored,
            ", ".join(first),
        )


def load(path: Path | None) -> AccessList:
    """The access list in a file, or without one an empty list and a warning. Raises UsageError."""
    accesslist = AccessList()
    for _ in read(path, accesslist):
        pass
    return accesslist


class AccessListReloader:
    """Keeps the access list of a running tracker: replaces it as a whole, while announces go on being answered.

    `start` takes on long work, as Loop.start does.
    """

    def __init__(
        self, tracker: Tracker, accesslist: AccessList, start: Callable[[Iterator[None]], None]
    ) -> None:
        self.tracker = tracker
        self.start = start
        self.current = accesslist
        self.coming: AccessList | None = None  # what is being read
        self.held: list[AccessList] = [accesslist]  # these two, and those that are not all freed yet
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
        """About how many bytes of memory the list takes, the one that is being read and those that are being freed."""
        return sum([each.weight() for each in self.held])

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Tell a statistic of the list."""
        snapshot.tell(TORRENTS, self.current.info_hashes.size)
        if WANT_DYNAMIC_ACCESSLIST:
            snapshot.tell(CHANGES, len(self.current.changes))
        self.outcome.tell(snapshot)

    def reload(self, path: Path | None) -> None:
        """Read the file anew; what is being read already is given up for it. A failure leaves the list as it was."""
        coming = AccessList()
        self.coming = coming
        self.held.append(coming)
        self.start(self.replace(path, coming))

    def replace(self, path: Path | None, coming: AccessList) -> Iterator[None]:
        """Read a list and let it decide; what it is not needed for any more is freed, all in slices."""
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
