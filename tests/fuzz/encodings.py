"""`Accept-Encoding`: an encoding that was offered or none, as a slow and plain reading of the header has it."""

import re

from opentracker.errors import HttpError
from opentracker.protocol.accept_encoding import accepted, choose
from opentracker.protocol.http import header_values, parse_request

WORDS = [
    b"gzip",
    b"x-gzip",
    b"zstd",
    b"identity",
    b"*",
    b";q=",
    b"; q=0.5",
    b";q=0",
    b";q=1.000",
    b", ",
    b"br",
]
WORDS += [b"\r\nAccept-Encoding: ", b"0.", b"0.001"]
OFFERED = (b"zstd", b"gzip")
MOST = 32  # elements that are looked at
ELEMENT = re.compile(rb"([^;]+?)(?:[ \t]*;[ \t]*q[ \t]*=[ \t]*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?")


def wanted(values: list[bytes]) -> dict[bytes, float]:
    """Encodings and how much each is wanted, 0 to 1."""
    found: dict[bytes, float] = {}
    for element in b",".join(values).lower().split(b",")[:MOST]:
        match = ELEMENT.fullmatch(element.strip(b" \t"))
        if match:
            name = match[1].replace(b"x-gzip", b"gzip") if match[1] == b"x-gzip" else match[1]
            found.setdefault(name, 1.0 if match[2] is None else float(match[2]))
    return found


def check(headers: bytes) -> None:
    """A request with these headers."""
    try:
        request = parse_request(b"GET /scrape HTTP/1.1\r\nAccept-Encoding: " + headers + b"\r\n\r\n")
    except HttpError:
        return
    if request is None:
        return
    qualities = wanted(header_values(request, b"Accept-Encoding"))
    got = accepted(request)
    assert {name: quality / 1000 for name, quality in got.items()} == qualities
    chosen = choose(request, OFFERED)
    assert chosen in (b"", *OFFERED)
    if chosen:
        assert qualities.get(chosen, qualities.get(b"*", 0)) > 0
    else:
        least = qualities.get(b"identity", 0)
        for name in OFFERED:
            quality = qualities.get(name, qualities.get(b"*", 0))
            assert quality == 0 or quality < least
