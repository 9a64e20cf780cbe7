"""Bencoded answers (BEP 3, 23, 7 and 48; BEP 21, 24 and 31 in builds that have them), and a strict decoder.

The writers give canonical bencoding: keys sorted, each once. They are called only with values that the
tracker made itself, so they raise nothing. `decode` is for tests, tools and files: it raises ValueError, with a
text that names the offset, if the input is not the canonical form of one value, and no other exception.
"""

from typing import Final, TypeAlias

from opentracker._features import WANT_EXTENDED_ANSWERS
from opentracker.protocol.messages import EVENT_STOPPED, Announce

Value: TypeAlias = "int | bytes | list[Value] | dict[bytes, Value]"

MIN_INTERVAL: Final = 300  # the least time between two announces of libtorrent
ARIA2: Final = b"A2-"  # the beginning of aria2's peer ids (version 1.36: A2-1-36-0-)

_DEEPEST: Final = 32  # a scrape is 3 deep; well below Python's limit on recursion
_LONGEST_INTEGER: Final = 20  # digits of 2**64


def write_announce(announce: Announce) -> bytes:
    """The body of an announce answer, from the answer fields and `event`.

    `peers` is always present, `peers6` only if it is not empty; an announce with `stopped` gets no peers.
    """
    interval = announce.interval
    shortest = min_interval(announce)
    if announce.event == EVENT_STOPPED:
        return b"d8:completei%de10:incompletei%de8:intervali%de12:min intervali%de5:peers0:e" % (
            announce.complete,
            announce.incomplete,
            interval,
            shortest,
        )
    peers = announce.peers
    body = (
        b"d8:completei%de10:downloadedi%de%b10:incompletei%de8:intervali%de12:min intervali%de5:peers%d:%b"
        % (
            announce.complete,
            announce.downloaded,
            external_ip(announce),
            announce.incomplete,
            interval,
            shortest,
            len(peers),
            peers,
        )
    )
    peers6 = announce.peers6
    if peers6:
        return b"%b6:peers6%d:%be" % (body, len(peers6), peers6)
    return body + b"e"


def external_ip(announce: Announce) -> bytes:
    """The key and the value that tell a client its own address (BEP 24); empty in builds without."""
    if WANT_EXTENDED_ANSWERS:
        address = announce.peer[:-2]
        return b"11:external ip%d:%b" % (len(address), address)
    return b""


def min_interval(announce: Announce) -> int:
    """Seconds between an announce and the next one that the client's user may force; never more than `interval`.

    libtorrent, qBittorrent and Transmission delay a forced announce until then. aria2 announces whenever this time has
    passed, so for aria2 it equals `interval`.
    """
    if announce.interval < MIN_INTERVAL or announce.peer_id.startswith(ARIA2):
        return announce.interval
    return MIN_INTERVAL


def write_failure(reason: bytes, interval: int) -> bytes:
    """The body that turns a request down: text for the client's user, and when to try again, in seconds.

    BEP 31 has the same in minutes.
    """
    if WANT_EXTENDED_ANSWERS:
        return b"d14:failure reason%d:%b8:intervali%de8:retry ini%dee" % (
            len(reason),
            reason,
            interval,
            (interval + 59) // 60,
        )
    return b"d14:failure reason%d:%b8:intervali%dee" % (len(reason), reason, interval)


def write_scrape(entries: dict[bytes, tuple[int, int, int]], partial_seeds: dict[bytes, int]) -> bytes:
    """The body of a scrape answer: info_hash (20 bytes) to complete, downloaded, incomplete.

    `partial_seeds` has the leechers of each torrent that download nothing more; builds without BEP 21 need none.
    """
    parts = [b"d5:filesd"]
    for info_hash in sorted(entries):
        complete, downloaded, incomplete = entries[info_hash]
        parts.append(
            b"20:%bd8:completei%de10:downloadedi%de%b10:incompletei%dee"
            % (info_hash, complete, downloaded, downloaders(incomplete, partial_seeds, info_hash), incomplete)
        )
    parts.append(b"ee")
    return b"".join(parts)


def downloaders(incomplete: int, partial_seeds: dict[bytes, int], info_hash: bytes) -> bytes:
    """The key and the value that tell how many leechers download (BEP 21); empty in builds without."""
    if WANT_EXTENDED_ANSWERS:
        return b"11:downloadersi%de" % (incomplete - partial_seeds[info_hash])
    return b""


def decode(data: bytes) -> Value:
    """The one value that `data` holds.

    It refuses bytes after the value, keys that are unsorted or repeated, numbers with leading zeros, `-0`,
    integers of more than 20 digits and nesting of more than 32 levels.
    """
    reader = _Reader(data)
    value = reader.read_value(0)
    if reader.at != len(data):
        raise reader.error("bytes after the value")
    return value


class _Reader:
    """The input of `decode`, and the offset of the next byte to read."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def error(self, what: str) -> ValueError:
        return ValueError(f"bencoding: {what} at byte {self.at}")

    def read_value(self, depth: int) -> Value:
        if depth > _DEEPEST:
            raise self.error(f"nested deeper than {_DEEPEST}")
        first = self.data[self.at : self.at + 1]
        if first == b"i":
            self.at += 1
            return self.read_integer(b"e")
        if first == b"l":
            return self.read_list(depth)
        if first == b"d":
            return self.read_dict(depth)
        return self.read_string()

    def read_integer(self, end: bytes) -> int:
        stop = self.data.find(end, self.at, self.at + _LONGEST_INTEGER + 2)
        if stop < 0:
            raise self.error("an integer that is too long or does not end")
        text = self.data[self.at : stop]
        digits = text[1:] if text.startswith(b"-") else text
        if (
            not digits.isdigit()
            or len(digits) > _LONGEST_INTEGER
            or (digits.startswith(b"0") and text != b"0")
        ):
            raise self.error("not an integer")
        self.at = stop + 1
        return int(text)

    def read_string(self) -> bytes:
        start = self.data[self.at : self.at + 1]
        if not start.isdigit():
            raise self.error("no value")
        length = self.read_integer(b":")
        value = self.data[self.at : self.at + length]
        if len(value) != length:
            raise self.error("a string that is cut short")
        self.at += length
        return value

    def read_list(self, depth: int) -> list[Value]:
        values: list[Value] = []
        self.at += 1
        while self.data[self.at : self.at + 1] != b"e":
            values.append(self.read_value(depth + 1))
        self.at += 1
        return values

    def read_dict(self, depth: int) -> dict[bytes, Value]:
        values: dict[bytes, Value] = {}
        last: bytes | None = None
        self.at += 1
        while self.data[self.at : self.at + 1] != b"e":
            key = self.read_string()
            if last is not None and key <= last:
                raise self.error("a key out of order or there twice before the value")
            values[key] = self.read_value(depth + 1)
            last = key
        self.at += 1
        return values
