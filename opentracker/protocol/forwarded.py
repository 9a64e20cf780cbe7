"""The header Forwarded (RFC 7239): the names of clients and proxies, in their order."""

import re
from typing import Final

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR: Final = re.compile(rb'[ \t]*(%b)=(%b|"(?:[^"\\]|\\.)*")[ \t]*([;,]|$)' % (_TOKEN, _TOKEN))
_GAP: Final = re.compile(rb"[ \t]*([;,]|$)")


def forwarded_names(value: bytes) -> list[bytes]:
    """The values of `for`, one for each element, without quotes; empty for an element without one.

    Raises ValueError for bytes that are no Forwarded.
    """
    names: list[bytes] = []
    name = b""
    at = 0
    while True:
        pair = _PAIR.match(value, at)
        if pair is not None:
            if pair[1].lower() == b"for":
                name = unquoted(pair[2])
            end = pair[3]
            at = pair.end()
        else:
            gap = _GAP.match(value, at)
            if gap is None:
                raise ValueError("not a Forwarded header")
            end = gap[1]
            at = gap.end()
        if end != b";":
            names.append(name)
            name = b""
        if not end:
            return names


def unquoted(text: bytes) -> bytes:
    """A token as it is, or a quoted string without its quotes and backslashes."""
    if not text.startswith(b'"'):
        return text
    return re.sub(rb"\\(.)", rb"\1", text[1:-1])
