"""Branches on flags in statements, tests and expressions; every text in capitals names the flag it belongs to."""

from collections.abc import Iterator

from minitracker._features import (
    OT_INTERVAL,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_DYNAMIC,
    WANT_GREETING,
    WANT_V4_ONLY,
    WANT_V6,
)

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:  # one comment that stays
    # and one that is the list's own: SECRET GUEST COMMENT
    from minitracker.features import accesslist

if WANT_V6:
    FAMILIES = (6,)
elif WANT_V4_ONLY:
    FAMILIES = (4,)
else:
    FAMILIES = (4, 6)

GREETING = "GREETING: Grüße" if WANT_GREETING else ""


class Tracker:
    """A class, so that mypyc has one."""

    def __init__(self, listed: set[bytes]) -> None:
        """Take the access list."""
        self.listed = listed
        self.refused = 0

    def announce(self, info_hash: bytes) -> str:
        """Return the answer as text."""
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if not accesslist.allowed(info_hash, self.listed, WANT_ACCESSLIST_WHITE):
                self.refused += 1
                return accesslist.REFUSED + ": SECRET GUEST TEXT"
        return GREETING + str(OT_INTERVAL)

    def jobs(self) -> Iterator[str]:
        """Yield what is to be done; the only yield is of a feature."""
        if WANT_DYNAMIC:
            try:
                yield "SECRET DYNAMIC JOB"
            finally:
                self.refused = 0


def describe() -> list[str]:
    """Return every flag's own text."""
    return [
        "V6" if WANT_V6 else "V4" if WANT_V4_ONLY else "V4 and V6",
        """SECRET
        DYNAMIC"""
        if WANT_DYNAMIC
        else "static",
    ]
