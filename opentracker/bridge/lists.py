"""The lists that all sites of a cluster share, and the copy of one list at a site. No I/O.

The name of an entry in the bucket is hexadecimal, since names there have few characters. The value of an entry is the
rest of its line: for a key its last day and a comment, for a torrent or a network a comment.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from opentracker.protocol.addresses import format_network, parse_network

TORRENT: Final = re.compile(r"[0-9A-Fa-f]{40}")
KEY: Final = re.compile(r"(?!announce|scrape)[\w.~-]{8,64}", re.ASCII)


@dataclass(frozen=True)
class Kind:
    """A kind of list.

    `parse` returns the form that an entry has in the list, and raises ValueError; `expected` describes the entries. The
    rest of a line begins with `mark` where the trackers read it as a comment for that reason alone.
    """

    name: str
    expected: str
    parse: Callable[[str], str]
    mark: str = ""

    def rest(self, text: str) -> str:
        """The rest of a line, made of text from elsewhere: one line, and behind `mark`."""
        line = one_line(text)
        return line if not line or line.startswith(self.mark) else f"{self.mark} {line}"


def parse_torrent(text: str) -> str:
    """An info_hash in lower case. Raises ValueError."""
    if not TORRENT.fullmatch(text):
        raise ValueError("no info_hash")
    return text.lower()


def parse_key(text: str) -> str:
    """A key as it is. Raises ValueError."""
    if not KEY.fullmatch(text):
        raise ValueError("no key")
    return text


def parse_denied(text: str) -> str:
    """A network in the one form that all spellings of it have. Raises ValueError."""
    return format_network(*parse_network(text))


TORRENTS: Final = Kind("torrents", "40 hex digits", parse_torrent)
KINDS: Final = {
    kind.name: kind
    for kind in (
        TORRENTS,
        Kind("keys", "a key of 8 to 64 characters", parse_key),
        Kind("networks", "an address or a network such as 192.0.2.0/24", parse_denied, "#"),
    )
}


def name_of(kind: Kind, entry: str) -> str:
    """The name of an entry in the bucket. Raises ValueError for one that is not of this kind."""
    try:
        form = kind.parse(entry)
    except ValueError as error:
        raise ValueError(f"expected {kind.expected}") from error
    return form if kind is TORRENTS else form.encode("ascii").hex()


def entry_of(kind: Kind, name: str) -> str:
    """The entry of a name in the bucket; empty for a name of something else."""
    try:
        return kind.parse(name if kind is TORRENTS else bytes.fromhex(name).decode("ascii"))
    except ValueError:
        return ""


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
