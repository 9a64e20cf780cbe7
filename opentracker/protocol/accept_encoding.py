"""Accept-Encoding (RFC 9110, 12.5.3), and the interface of a content encoder."""

from typing import Final

from mypy_extensions import mypyc_attr

from opentracker.protocol.http import Request, header_values

BLANKS: Final = b" \t"
ALIASES: Final[dict[bytes, bytes]] = {b"x-gzip": b"gzip"}
ANY: Final = b"*"
IDENTITY: Final = b"identity"
HIGHEST: Final = 1000  # thousandths
MOST_ELEMENTS: Final = 32  # list elements read from a request; a browser names five


@mypyc_attr(allow_interpreted_subclasses=True)  # encoders wrap packages that are not compiled
class Encoder:
    """Encodes one answer, slice by slice."""

    def feed(self, data: bytes) -> bytes:
        """Encode more bytes and return the output that is ready; often none."""
        raise NotImplementedError

    def end(self) -> bytes:
        """Return the rest of the output."""
        raise NotImplementedError

    def close(self) -> None:
        """Free the encoder's resources if the answer was broken off."""


def choose(request: Request, offered: tuple[bytes, ...]) -> bytes:
    """The first encoding that is offered and accepted; empty if there is none or the client prefers identity."""
    qualities = accepted(request)
    plain = qualities.get(IDENTITY, 0)
    for name in offered:
        quality = qualities.get(name, qualities.get(ANY, 0))
        if quality > 0 and quality >= plain:
            return name
    return b""


def accepted(request: Request) -> dict[bytes, int]:
    """The encodings that a client names, in lower case, with their weights in thousandths; 0 forbids an encoding.

    Malformed elements are skipped, and so are those after the first MOST_ELEMENTS. The first of two equal names counts.
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
