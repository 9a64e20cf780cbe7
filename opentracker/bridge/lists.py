"""The lists that all sites of a cluster share, and the copy of one list at a site. No I/O.

The name of an entry in the bucket is hexadecimal, since names there have few characters. The value of an entry is the
rest of its line: for a key its last day and a comment, for a torrent a comment.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """A kind of list; `pattern` matches its entries, `form` describes them."""

    name: str
    pattern: re.Pattern[str]
    form: str


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("torrents", re.compile(r"[0-9A-Fa-f]{40}"), "40 hex digits"),
        Kind(
            "keys", re.compile(r"(?!announce|scrape)[\w.~-]{8,64}", re.ASCII), "a key of 8 to 64 characters"
        ),
    )
}


def name_of(kind: Kind, entry: str) -> str:
    """The name of an entry in the bucket. Raises ValueError for one that is not of this kind."""
    if not kind.pattern.fullmatch(entry):
        raise ValueError(f"expected {kind.form}")
    return entry.lower() if kind.name == "torrents" else entry.encode("ascii").hex()


def entry_of(kind: Kind, name: str) -> str:
    """The entry of a name in the bucket; empty for a name of something else."""
    entry = name
    if kind.name != "torrents":
        try:
            entry = bytes.fromhex(name).decode("ascii")
        except ValueError:
            return ""
    return entry if kind.pattern.fullmatch(entry) else ""


def one_line(text: str) -> str:
    """The rest of a line as it may be written: without line ends and other control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in text).strip()


def line_of(entry: str, rest: str) -> str:
    """The line of an entry, with its line end."""
    return f"{entry} {rest}\n" if rest else f"{entry}\n"


class Outlet:
    """The lines that one FIFO still lacks, by entry: additions, or deletions."""

    def __init__(self, adds: bool) -> None:
        self.adds = adds
        self.lines: dict[str, str] = {}

    def note(self, entry: str, rest: str | None) -> None:
        """Note a change: the rest of an entry's line, or None for a deleted entry."""
        if (rest is not None) is self.adds:
            self.lines[entry] = line_of(entry, rest or "")
        else:
            self.lines.pop(entry, None)

    def sent(self, entries: list[str]) -> None:
        """The reader has the lines of these entries."""
        for entry in entries:
            del self.lines[entry]


class ListCopy:
    """The copy of a list at a site, with the changes that the site's trackers and its file still lack.

    A change is the rest of an entry's line, or None for a deleted entry.
    """

    def __init__(self, entries: dict[str, str], outlets: list[Outlet]) -> None:
        self.entries = entries
        self.outlets = outlets
        self.unsaved: dict[str, str | None] = {}

    def change(self, entry: str, rest: str | None) -> None:
        """Apply a change from the bucket, which may have been applied already."""
        if self.entries.get(entry) == rest:
            return
        if rest is None:
            del self.entries[entry]
        else:
            self.entries[entry] = rest
        self.unsaved[entry] = rest
        for outlet in self.outlets:
            outlet.note(entry, rest)

    def saved(self) -> None:
        """The file has all changes.

        They are sent once more. A tracker that started meanwhile has read the file before; and one that has both FIFOs
        to read takes them in any order, so an entry that was added and deleted at once may have stayed.
        """
        for entry, rest in self.unsaved.items():
            for outlet in self.outlets:
                outlet.note(entry, rest)
        self.unsaved = {}
