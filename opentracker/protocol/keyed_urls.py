"""Keys in announce URLs: `/KEY/announce`, `/announce/KEY` and `/announce?passkey=KEY`, and the same for scrapes.

Over UDP the URL data of BEP 41 holds the same path and query. A key in the path counts before one in the query. An
escape that is broken is no key.
"""

import re
from typing import Final

from opentracker.errors import TrackerFailure
from opentracker.protocol.query import fields_of, unquote

SHORTEST_KEY: Final = 8
LONGEST_KEY: Final = 64
PASSKEY: Final = b"passkey"
ACTIONS: Final = (b"announce", b"scrape")  # the beginnings of a segment that names the action
HIDDEN: Final = b"KEY"

_LONG_WORD: Final = re.compile(rb"[^/?# ]{%d,}" % SHORTEST_KEY)


def split_path(path: bytes) -> tuple[bytes, bytes]:
    """The path without its key, and the key; the key is empty if there is none. `path` is decoded."""
    segments = path.split(b"/", 3)
    if len(segments) != 3 or segments[0]:
        return path, b""
    _, first, second = segments
    if second.startswith(ACTIONS):
        return b"/" + second, first
    if first.startswith(ACTIONS):
        return b"/" + first, second
    return path, b""


def key_of_query(query: bytes) -> bytes:
    """The value of the last `passkey`; empty without one. Raises TrackerFailure as `query.parse_announce` does."""
    found = b""
    for field in fields_of(query):
        name, _, value = field.partition(b"=")
        if unquote(name) == PASSKEY:
            found = unquote(value)
    return found


def key_of_url_data(url_data: bytes) -> bytes:
    """The key in the URL data of a datagram; empty without one."""
    path, _, query = url_data.partition(b"?")
    try:
        return split_path(unquote(path))[1] or key_of_query(query)
    except TrackerFailure:
        return b""


def without_key(head: bytes) -> bytes:
    """A request line, and the bytes behind it, with all words of the line hidden that may be a key."""
    line, end, rest = head.partition(b"\n")
    path, mark, query = line.partition(b"?")
    fields = [_without_value(field) for field in query.split(b"&")]
    return _LONG_WORD.sub(_hide, path) + mark + b"&".join(fields) + end + rest


def _hide(word: re.Match[bytes]) -> bytes:
    return word[0] if word[0].startswith(ACTIONS) else HIDDEN


def _without_value(field: bytes) -> bytes:
    """A field of a query; its value is hidden if its name is `passkey`, or cannot be read."""
    name, equals, _ = field.partition(b"=")
    try:
        is_open = unquote(name) != PASSKEY
    except TrackerFailure:
        is_open = False
    return field if is_open else name + equals + HIDDEN
