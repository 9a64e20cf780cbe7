"""The commands about the keys of a private tracker. Neither their answers nor the log repeat a key."""

import re
from collections.abc import Callable
from datetime import date
from typing import Final

from opentracker._features import WANT_AUTH_KEYS
from opentracker.errors import ControlError
from opentracker.features.control.words import Answer, nothing_more
from opentracker.features.feature import Host

if WANT_AUTH_KEYS:
    from opentracker.features.keys.key_list import DIGEST, EPOCH, NEVER, UNKNOWN, KeyReloader

DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
NO_KEYS: Final = "this build has no keys (WANT_AUTH_KEYS)"
NO_FILE: Final = "requests need no key: there is no access.keys"
EXPECTED: Final = (
    "expected keys of 8 to 64 characters, each with its last day behind it, as 2030-12-31, if it has one"
)


def keys_add(host: Host, words: list[str]) -> Answer:
    """Add keys, or give them another last day, until the next reload, as through the FIFO."""
    return keys_changed(host, words, True)


def keys_remove(host: Host, words: list[str]) -> Answer:
    """Delete keys until the next reload, as through the FIFO."""
    return keys_changed(host, words, False)


def keys_changed(host: Host, words: list[str], listed: bool) -> Answer:
    """Change the keys; the answer has the number of keys for which that made a difference."""
    if WANT_AUTH_KEYS:
        keeper = keeper_of(host)
        changed: set[bytes] = set()
        for record in records_of(keeper, words):
            digest = record[:DIGEST]
            last_day = int.from_bytes(record[DIGEST:], "big") if listed else UNKNOWN
            if keeper.current.last_day(digest) != last_day:
                changed.add(digest)
            keeper.change(digest, last_day)
        return {"changed": len(changed)}
    raise ControlError(NO_KEYS)


def keys_contain(host: Host, words: list[str]) -> Answer:
    """Whether each key is known, in the order of the question, and its last day if it has one."""
    if WANT_AUTH_KEYS:
        keeper = keeper_of(host)
        days = [keeper.current.last_day(record[:DIGEST]) for record in records_of(keeper, words)]
        return {"keys": [{"known": day != UNKNOWN, "last_day": in_words(day)} for day in days]}
    raise ControlError(NO_KEYS)


def keys_count(host: Host, words: list[str]) -> Answer:
    """The keys of the file, and the changes since."""
    nothing_more(words)
    if WANT_AUTH_KEYS:
        current = keeper_of(host).current
        return {"keys": int(current.of_file.size), "changes": len(current.changes)}
    raise ControlError(NO_KEYS)


TABLE: Final[dict[str, Callable[[Host, list[str]], Answer]]] = {
    "keys add": keys_add,
    "keys remove": keys_remove,
    "keys contains": keys_contain,
    "keys count": keys_count,
}


if WANT_AUTH_KEYS:

    def keeper_of(host: Host) -> KeyReloader:
        """The keys of a tracker. Raises ControlError if requests need none."""
        keeper = host.part(KeyReloader)
        if not keeper.keys.in_force:
            raise ControlError(NO_FILE)
        return keeper

    def records_of(keeper: KeyReloader, words: list[str]) -> list[bytes]:
        """The records of keys, one at least; a date belongs to the key before it. Raises ControlError."""
        lines: list[str] = []
        for word in words:
            if lines and " " not in lines[-1] and DATE.fullmatch(word):
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        records = [keeper.keys.form.parse(line.encode("ascii")) for line in lines]
        found = [record for record in records if record is not None]
        if not records or len(found) < len(records):
            raise ControlError(EXPECTED)
        return found

    def in_words(day: int) -> str | None:
        """The last day of a key; None for one that does not expire, or is not known."""
        return None if day in (NEVER, UNKNOWN) else date.fromordinal(EPOCH + day).isoformat()
