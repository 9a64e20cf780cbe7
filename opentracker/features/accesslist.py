"""Access lists: a blacklist of torrents to refuse, or a whitelist of the only ones to serve.

A line counts if it starts with 40 hex digits, in either case, followed by the line's end or anything that is not a hex
digit. Every other line is ignored, and a warning tells how many there were and which came first. A file that ends
within a line other than 40 hex digits counts as cut off, and is refused.
"""

import logging
from pathlib import Path
from typing import Final

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.errors import UsageError
from opentracker.swarm.admission import Admission

log = logging.getLogger("opentracker")

HEX_SIZE: Final = 40
HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")
SHOWN_LINES: Final = 5


class AccessList(Admission):
    """The torrents of a list; without one it is empty: a whitelist then closes the tracker, a blacklist opens it."""

    def __init__(self, info_hashes: frozenset[bytes]) -> None:
        self.info_hashes = info_hashes

    def allows(self, info_hash: bytes) -> bool:
        """See Admission."""
        if WANT_ACCESSLIST_WHITE:
            return info_hash in self.info_hashes
        return info_hash not in self.info_hashes


def parse_line(line: bytes) -> bytes | None:
    """The info_hash (20 bytes) of a line, or None for one that does not count."""
    digits = line[:HEX_SIZE]
    if len(digits) < HEX_SIZE or not HEX_DIGITS.issuperset(digits):
        return None
    if len(line) > HEX_SIZE and line[HEX_SIZE] in HEX_DIGITS:
        return None
    return bytes.fromhex(digits.decode("ascii"))


def parse_list(text: bytes, name: str) -> frozenset[bytes]:
    """The info_hashes of a list file's bytes. Raises UsageError for a file that was cut off."""
    lines = text.split(b"\n")
    if len(lines[-1]) not in (0, HEX_SIZE) or (lines[-1] and parse_line(lines[-1]) is None):
        raise UsageError(
            f"{name}:{len(lines)}: the last line has no line end and is not 40 hex digits: is it cut off?"
        )
    info_hashes = set()
    ignored = []
    for number, line in enumerate(lines, 1):
        info_hash = parse_line(line)
        if info_hash is not None:
            info_hashes.add(info_hash)
        elif line.strip() and not line.startswith(b"#"):
            ignored.append(number)
    if ignored:
        first = ", ".join(map(str, ignored[:SHOWN_LINES]))
        log.warning(
            "%s: %d lines do not start with 40 hex digits and are ignored, the first: %s",
            name,
            len(ignored),
            first,
        )
    return frozenset(info_hashes)


def load(path: Path | None) -> AccessList:
    """The access list in a file, or without one an empty list and a warning. Raises UsageError."""
    if path is None:
        effect = "no torrent is served" if WANT_ACCESSLIST_WHITE else "no torrent is refused"
        log.warning("no access list was given: %s", effect)
        return AccessList(frozenset())
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the access list {path}: {error.strerror}") from error
    return AccessList(parse_list(text, str(path)))
