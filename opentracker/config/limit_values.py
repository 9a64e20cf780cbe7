"""What the config keys `limits.*` do; see `values`."""

from collections.abc import Callable
from typing import Final

from opentracker._features import WANT_FULLSCRAPE, WANT_MAX_PEER
from opentracker.config.settings import Settings

MOST_DIGITS: Final = 15
UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_number(value: str, what: str) -> int:
    """A number in decimal digits, 0 or more; `what` tells in an error what was expected."""
    if not (value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS):
        raise ValueError(f"expected {what}")
    return int(value)


def number_in(field: str) -> Callable[[Settings, str], None]:
    """What takes a limit into this field of the settings."""

    def take(settings: Settings, value: str) -> None:
        setattr(settings, field, parse_number(value, "a number, or 0 for no limit"))

    return take


KEYS: Final[dict[str, Callable[[Settings, str], None]]] = {}
if WANT_FULLSCRAPE:
    KEYS["limits.full_scrapes"] = number_in("limit_full_scrapes")
    KEYS["limits.full_scrapes_per_address"] = number_in("limit_full_scrapes_per_address")
if WANT_MAX_PEER:

    def memory(settings: Settings, value: str) -> None:
        """`limits.memory`: bytes, with K, M, G or T behind in units of 1024, or a share of what may be used with %."""
        what = "bytes as in 512M (K, M, G, T), a share as in 40%, or 0 for no limit"
        if value.endswith("%"):
            share = parse_number(value[:-1], what)
            if share > 100:
                raise ValueError(f"expected {what}")
            settings.limit_memory, settings.limit_memory_share = None, share
            return
        unit = value[-1:].upper() if value[-1:].isalpha() else ""
        if unit not in UNITS:
            raise ValueError(f"expected {what}")
        settings.limit_memory = parse_number(value[: len(value) - len(unit)], what) * UNITS[unit]

    KEYS["limits.torrents"] = number_in("limit_torrents")
    KEYS["limits.peers"] = number_in("limit_peers")
    KEYS["limits.peers_per_torrent"] = number_in("limit_peers_per_torrent")
    KEYS["limits.ports_per_address"] = number_in("limit_ports_per_address")
    KEYS["limits.memory"] = memory
    KEYS["limits.connections"] = number_in("limit_connections")
    KEYS["limits.connections_per_address"] = number_in("limit_connections_per_address")
