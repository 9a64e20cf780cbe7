"""The URL of a tracker's announces, and the parts that a check needs."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

PORTS: Final = {"udp": None, "http": 80, "https": 443}  # by scheme; a udp:// URL has to name its port


@dataclass(frozen=True)
class Target:
    """A tracker: `path` includes a query that the URL may have, such as a passkey."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def scrape_path(self) -> str | None:
        """The path of scrapes (BEP 48); None if the last component does not begin with `announce`."""
        path, mark, query = self.path.partition("?")
        folder, _, last = path.rpartition("/")
        if not last.startswith("announce"):
            return None
        return f"{folder}/scrape{last.removeprefix('announce')}{mark}{query}"


def parse_target(text: str) -> Target:
    """A target from its URL. Raises ValueError, whose text names the expected form."""
    expected = f"{text!r}: expected udp://HOST:PORT/announce, or the URL of an announce over http or https"
    try:
        parts = urlsplit(text)
        port = parts.port or PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise ValueError(expected) from None
    if not parts.hostname or not port or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(expected)
    path = (parts.path or "/announce") + (f"?{parts.query}" if parts.query else "")
    return Target(text, parts.scheme, parts.hostname, port, path)
