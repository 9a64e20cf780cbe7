"""Accept-Encoding (RFC 9110, 12.5.3), and what a content encoding has to be able to do."""

from typing import Final

from mypy_extensions import mypyc_attr

from opentracker.protocol.http import Request, header_values

BLANKS: Final = b" \t"
ALIASES: Final[dict[bytes, bytes]] = {b"x-gzip": b"gzip"}
ANY: Final = b"*"
IDENTITY: Final = b"identity"
HIGHEST: Final = 1000  # thousandths
MOST_ELEMENTS: Final = 32  # that are looked at; a browser names five


@mypyc_attr(allow_interpreted_subclasses=True)  # of packages that are not compiled
class Encoder:
    """Encodes one answer, slice by slice."""

    def feed(self, data: bytes) -> bytes:
        """What can be sent after some bytes more; often nothing."""
        raise NotImplementedError

    def end(self) -> bytes:
        """What is left to be sent."""
        raise NotImplementedError

    def close(self) -> None:
        """Free what an answer that was broken off has left behind."""


def choose(request: Request, offered: tuple[bytes, ...]) -> bytes:
    """The first encoding that is offered and accepted; empty for none, or where the client would rather have none."""
    qualities = accepted(request)
    plain = qualities.get(IDENTITY, 0)
    for name in offered:
        quality = qualities.get(name, qualities.get(ANY, 0))
        if quality > 0 and quality >= plain:
            return name
    return b""


def accepted(request: Request) -> dict[bytes, int]:
    """The encodings that a client names, in lower case, and how much it wants each, in thousandths; 0 is not at all.

    What is malformed is passed over, and so is what comes after some dozens. Of what is named twice the first counts.
    """
    found: dict[bytes, int] = {}
    elements = b",".join(header_values(request, b"Accept-Encoding")).lower().split(b",", MOST_ELEMENTS)
    for element in elements[:MOST_ELEMENTS]:
        name, *parameters = [part.strip(BLANKS) for part in element.split(b";", 2)]
        quality = quality_of(parameters)
        if name and quality >= 0:
            found.setdefault(ALIASES.get(name, name), quality)
    return found


def quality_of(parameters: list[bytes]) -> int:
    """A weight in thousandths; -1 for one that is malformed."""
    if not parameters:
        return HIGHEST
    name, _, digits = parameters[0].partition(b"=")
    if len(parameters) > 1 or name.strip(BLANKS) != b"q":
        return -1
    whole, _, part = digits.strip(BLANKS).partition(b".")
    if whole not in (b"0", b"1") or len(part) > 3 or (part and not part.isdigit()):
        return -1
    if whole == b"1":
        return -1 if part.strip(b"0") else HIGHEST
    return int((part + b"000")[:3])
