"""The keys of a private tracker: their file, the look-up of a key, and reloads while the tracker runs.

A line is a key of 8 to 64 characters (letters, digits, and `.`, `_`, `~`, `-`), then, if the key expires, its last day
as `2030-12-31` in UTC, then any comment that does not begin with a digit. Blank lines and comments behind `#` are
skipped, other lines are ignored, with a warning that names their numbers. A file without a line end at its end is
refused, since its last key or date may be cut off.

Keys are kept and looked up as BLAKE2b digests under a secret that is new in each process. So neither the time that a
look-up takes nor a copy of the memory tells anything about a key, and nobody can aim keys at one bucket.
"""

import logging
import re
import time
from collections.abc import Callable, Generator, Iterator
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Final

from opentracker.errors import TrackerFailure
from opentracker.features.list_file import ListFile
from opentracker.features.list_lines import LineChanges, LineFormat, fill
from opentracker.features.list_reload import ListReloader
from opentracker.features.outcome import Outcome
from opentracker.features.packed_set import PackedSet
from opentracker.protocol.keyed_urls import LONGEST_KEY
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import CAUSE, MOST, Family, Gauge, Metric
from opentracker.swarm.policy.keys import Keys
from opentracker.swarm.surveys.snapshot import StatsSnapshot

log = logging.getLogger("opentracker")

NO_KEY: Final = b"This tracker serves its members alone: use the announce URL of your account."
UNKNOWN_KEY: Final = b"The key in the announce URL is unknown: use the announce URL of your account."
EXPIRED_KEY: Final = b"The key in the announce URL has expired: renew your account."
CROWDED_KEY: Final = (
    b"The key in the announce URL is in use from as many addresses as your account allows: stop a client elsewhere, "
    b"and wait an hour."
)

DIGEST: Final = 16  # bytes; the last day of a key stands behind its digest in a record
NEVER: Final = 0xFFFFFFFF  # in place of the day of a key that does not expire
UNKNOWN: Final = -1  # in place of the day of a key that is not known
DAY: Final = 86400  # seconds
EPOCH: Final = date(1970, 1, 1).toordinal()
SHORTEST_LINE: Final = 33  # bytes of the lines of most sites: 32 hex digits
LISTED: Final = 31  # bytes of memory of a key from a file
CHANGED: Final = 130  # bytes of memory of a key that was added or deleted since
# The text behind a key ends within the bytes that are kept of an unfinished line, see list_file.KEPT.
LINE: Final = re.compile(
    rb"(?!announce|scrape)([\w.~-]{8,64})"
    rb"(?:[ \t]{1,16}(\d{4}-\d\d-\d\d)(?=[ \t\r]|$)|[ \t]{1,16}[^\d\s]|[ \t\r]{0,16}$)"
)

KINDS: Final = {
    "missing": "no key",
    "unknown": "an unknown key",
    "expired": "an expired key",
    "addresses": "a key that is in use from too many addresses",
}
REFUSED: Final = Family("opentracker_keys_refused_total", "Requests refused for their key, by the reason.")
COUNTERS: Final = tuple(
    [
        Metric(f"refused_key_{kind}", REFUSED, f'kind="{kind}"', f"Requests with {text}", CAUSE)
        for kind, text in KINDS.items()
    ]
)
KEYS: Final = Gauge("opentracker_keys", "Keys in the file of keys.", MOST, people="Keys")
CHANGES: Final = Gauge("opentracker_keys_changes", "Keys added or deleted since the file was read.", MOST)


class KeyLines(LineFormat):
    """Lines that start with a key; an entry is the digest of the key and its last day."""

    def __init__(self, secret: bytes) -> None:
        super().__init__("a key")
        self.secret = secret

    def parse(self, line: bytes) -> bytes | None:
        """See LineFormat."""
        match = LINE.match(line)
        if match is None:
            return None
        day = NEVER
        if match[2] is not None:
            try:
                day = date.fromisoformat(match[2].decode("ascii")).toordinal() - EPOCH
            except ValueError:
                return None
        return self.digest(match[1]) + max(day, 0).to_bytes(4, "big")

    def digest(self, key: bytes) -> bytes:
        """The name of a key's record."""
        return blake2b(key, digest_size=DIGEST, key=self.secret).digest()


class KeyList:
    """The keys of a file, and the changes since: digest -> last day, or UNKNOWN for a key that was deleted."""

    def __init__(self, expected: int = 0) -> None:
        self.of_file = PackedSet(expected, DIGEST)
        self.changes: dict[bytes, int] = {}

    def last_day(self, digest: bytes) -> int:
        """The last day of a key, in days since 1970; NEVER or UNKNOWN."""
        changed = self.changes.get(digest)
        if changed is not None:
            return changed
        record = self.of_file.find(digest)
        return int.from_bytes(record[DIGEST:], "big") if record else UNKNOWN

    def weight(self) -> int:
        """See ReloadedList."""
        return self.of_file.size * LISTED + len(self.changes) * CHANGED

    def dissolve(self) -> Iterator[None]:
        """See ReloadedList."""
        return self.of_file.dissolve()


class ListedKeys(Keys):
    """Serves requests with a key of the list. `wall_clock` returns seconds since 1970."""

    def __init__(self, secret: bytes, counters: Counters, wall_clock: Callable[[], float]) -> None:
        super().__init__()
        self.form = KeyLines(secret)
        self.listed = KeyList()
        self.wall_clock = wall_clock
        self.missing, self.unknown, self.expired, self.crowded = [counters.count_of(row) for row in COUNTERS]
        self.admits: Callable[[bytes, bytes], bool] | None = None  # of a digest and an address, see addresses

    def check(self, key: bytes, address: bytes) -> None:
        """See Keys."""
        if not key:
            self.missing.value += 1
            raise TrackerFailure(NO_KEY)
        digest = self.form.digest(key[: LONGEST_KEY + 1])
        last_day = self.listed.last_day(digest)
        if last_day == UNKNOWN:
            self.unknown.value += 1
            raise TrackerFailure(UNKNOWN_KEY)
        if last_day != NEVER and int(self.wall_clock()) // DAY > last_day:
            self.expired.value += 1
            raise TrackerFailure(EXPIRED_KEY)
        if self.admits is not None and not self.admits(digest, address):
            self.crowded.value += 1
            raise TrackerFailure(CROWDED_KEY)


def read(path: Path | None, form: KeyLines, keys: KeyList) -> Generator[None, None, None]:
    """Fill a list from a file, in slices; without a path it stays empty. Raises UsageError."""
    if path is None:
        return
    began = time.monotonic()
    file = ListFile(path, "the keys")
    try:
        keys.of_file = PackedSet(file.size // SHORTEST_LINE + 1, DIGEST)
        yield from fill(file, form, keys.of_file.add)
    finally:
        file.close()
    log.info("%s: %d keys, read in %.2f s", file.name, keys.of_file.size, time.monotonic() - began)


class KeyReloader(ListReloader[KeyList]):
    """Reloads the keys. With a path requests need a key from that moment on, even if the file cannot be read."""

    def __init__(self, keys: ListedKeys, start: Callable[[Iterator[None]], None], has_path: bool) -> None:
        outcome = Outcome(
            "opentracker_keys",
            "reload",
            "Keys loaded",
            "The keys could not be read again: those before are in force.",
            keys.wall_clock,
        )
        super().__init__(keys.listed, start, "the list of keys", outcome)
        self.keys = keys
        keys.in_force = has_path

    def reload(self, path: Path | None) -> None:
        """See ListReloader."""
        self.keys.in_force = path is not None
        super().reload(path)

    def make(self) -> KeyList:
        """See ListReloader."""
        return KeyList()

    def read(self, path: Path | None, coming: KeyList) -> Generator[None, None, None]:
        """See ListReloader."""
        return read(path, self.keys.form, coming)

    def install(self, coming: KeyList) -> None:
        """See ListReloader."""
        self.keys.listed = coming

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the values of the gauges to a snapshot."""
        snapshot.tell(KEYS, self.current.of_file.size)
        snapshot.tell(CHANGES, len(self.current.changes))
        self.outcome.tell(snapshot)

    def change(self, digest: bytes, last_day: int) -> None:
        """Add a key with its last day, or delete it; the next reload drops the change, unless it is under way.

        Changes to the state of the file take no memory.
        """
        record = self.current.of_file.find(digest)
        if last_day == (int.from_bytes(record[DIGEST:], "big") if record else UNKNOWN):
            self.current.changes.pop(digest, None)
        else:
            self.current.changes[digest] = last_day
        if self.coming is not None:
            self.coming.changes[digest] = last_day


class KeyChanges(LineChanges):
    """Applies the lines of one FIFO to the keys: adds, or deletes. `name` is the FIFO's name in the log."""

    def __init__(self, keeper: KeyReloader, name: str, listed: bool) -> None:
        super().__init__(name, keeper.keys.form, self.change)
        self.keeper = keeper
        self.adds = listed

    def change(self, record: bytes) -> None:
        """Apply an entry."""
        last_day = int.from_bytes(record[DIGEST:], "big") if self.adds else UNKNOWN
        self.keeper.change(record[:DIGEST], last_day)
