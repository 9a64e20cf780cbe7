"""The actions of options and config keys: functions of the settings and of a value.

A value is text as the operator wrote it. A function changes the settings, or raises ValueError, whose text names the
mistake and the expected form; the caller adds the option, or the file, line and key.
"""

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from opentracker import build_info
from opentracker._features import WANT_V4_ONLY, WANT_V6, WANT_WORKERS
from opentracker.config.settings import Bind, Settings, Take, check_field
from opentracker.protocol.addresses import DEFAULT_PORT, HIGHEST_PORT, parse_endpoint, parse_ip, parse_network
from opentracker.swarm.policy.permissions import ADMINISTRATOR

MOST_WORKERS: Final = 64  # a worker has a channel to each of the others
OWN_PATHS: Final = ("announce", "scrape")
IN_A_PATH: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
LONGEST_SHOWN: Final = 160  # characters of an operator's text in an error
MOST_DIGITS: Final = 15  # of a number
UNITS_OF_TIME: Final = {"s": 1, "m": 60, "h": 3600}
LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
URL: Final = re.compile(r"https?://[^/ ?#]+([/?#][^ ]*)?", re.IGNORECASE)
LOG_FORMATS: Final = ("text", "logfmt", "json")


def shown(text: str) -> str:
    """An operator's text for an error message: cut to LONGEST_SHOWN characters, unprintable ones escaped."""
    if len(text) > LONGEST_SHOWN:
        text = f"{text[:LONGEST_SHOWN]}..."
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


# ---- Where to listen ---------------------------------------------------------------------------------------


def check_family(address: bytes) -> None:
    """Raise ValueError for an address of a family that this build does not serve."""
    if WANT_V4_ONLY and len(address) == 16:
        raise ValueError("this build serves IPv4 only (WANT_V4_ONLY)")
    if WANT_V6 and len(address) == 4:
        raise ValueError("this build serves IPv6 only (WANT_V6)")


def parse_port(value: str) -> int:
    """A port in decimal digits."""
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= HIGHEST_PORT):
        raise ValueError(f"expected a port, 0 to {HIGHEST_PORT}")
    return int(value)


def parse_listener(value: str, default_port: int = DEFAULT_PORT) -> tuple[bytes, int]:
    """An address to listen on and a port, of a family that this build serves."""
    address, port = parse_endpoint(value, default_port)
    check_family(address)
    return address, port


def listen_address(settings: Settings, value: str) -> None:
    """`-i`: the address for the ports that follow."""
    address = parse_ip(value)
    check_family(address)
    settings.last_address = address


def tcp_port(settings: Settings, value: str) -> None:
    """`-p`."""
    settings.binds.append(Bind(False, settings.last_address, parse_port(value)))


def udp_port(settings: Settings, value: str) -> None:
    """`-P`."""
    settings.binds.append(Bind(True, settings.last_address, parse_port(value)))


def listen_tcp(settings: Settings, value: str) -> None:
    """`listen.tcp`."""
    settings.binds.append(Bind(False, *parse_listener(value)))


def listen_udp(settings: Settings, value: str) -> None:
    """`listen.udp`."""
    settings.binds.append(Bind(True, *parse_listener(value)))


def listen_both(settings: Settings, value: str) -> None:
    """`listen.tcp_udp`."""
    listen_tcp(settings, value)
    listen_udp(settings, value)


def workers(settings: Settings, value: str) -> None:
    """`listen.workers`, and `listen.udp.workers`."""
    what = f"a number, 0 to {MOST_WORKERS}, or auto" if WANT_WORKERS else "0 or 1"
    if value == "auto" and WANT_WORKERS:
        settings.workers = min(len(os.sched_getaffinity(0)), MOST_WORKERS)
        return
    number = parse_number(value, what)
    if number > 1 and not WANT_WORKERS:
        raise ValueError(f"expected {what}: {build_info.lacking('WANT_WORKERS')}")
    if number > MOST_WORKERS:
        raise ValueError(f"expected {what}")
    settings.workers = max(number, 1)


# ---- Who may do what ---------------------------------------------------------------------------------------


def blessing(rights: int) -> Take:
    """The action of an option or a key that gives rights to an address or a network."""

    def take(settings: Settings, value: str) -> None:
        settings.permissions.bless(*parse_network(value), rights)

    return take


may_all_but_proxy = blessing(ADMINISTRATOR)  # `-A`


# ---- Paths and numbers -------------------------------------------------------------------------------------


def parse_path(value: str) -> Path:
    """A path of a file or a directory."""
    if not value or "\0" in value:
        raise ValueError("expected a path")
    return Path(value)


def parse_number(value: str, what: str) -> int:
    """A number in decimal digits, 0 or more; `what` names the expected form in an error."""
    if not (value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS):
        raise ValueError(f"expected {what}")
    return int(value)


def parse_seconds(value: str) -> int:
    """Seconds of a time with its unit, as in 90s, 10m or 2h; 0 needs no unit."""
    what = "a time as in 90s, 10m or 2h, or 0 for never"
    if value == "0":
        return 0
    if value[-1:] not in UNITS_OF_TIME:
        raise ValueError(f"expected {what}")
    return parse_number(value[:-1], what) * UNITS_OF_TIME[value[-1]]


def limit(section: type[Any], field: str) -> Take:
    """The action of a key for a limit: it sets this field of a feature's settings."""
    check_field(section, field)

    def take(settings: Settings, value: str) -> None:
        setattr(settings.of(section), field, parse_number(value, "a number, or 0 for no limit"))

    return take


def share_of(limit: int, worker: int, workers: int) -> int:
    """The share of a worker of a limit that is at least the number of workers; that of 0 (none) is 0."""
    return limit // workers + (1 if worker < limit % workers else 0)


def least_share_of(limit: int, workers: int) -> int:
    """The same for a limit that may be lower: each worker has a share of 1 then. That of 0 (none) is 0."""
    return max(limit // workers, 1) if limit else 0


# ---- How to run --------------------------------------------------------------------------------------------


def directory(settings: Settings, value: str) -> None:
    """`-d`, `tracker.rootdir`."""
    settings.directory = parse_path(value)


def user(settings: Settings, value: str) -> None:
    """`-u`, `tracker.user`; a user that does not exist is found when the tracker changes to it."""
    if not value or not value.isprintable() or " " in value or ":" in value:
        raise ValueError("expected the name of a user")
    settings.user = value


def quiet(settings: Settings, value: str) -> None:
    """`-q`, `--quiet`."""
    settings.log_level = logging.WARNING


def verbose(settings: Settings, value: str) -> None:
    """`--verbose`."""
    settings.log_level = logging.DEBUG


def log_level(settings: Settings, value: str) -> None:
    """`log.level`."""
    if value not in LEVELS:
        raise ValueError(f"expected {', '.join(LEVELS)}")
    settings.log_level = LEVELS[value]


def log_format(settings: Settings, value: str) -> None:
    """`log.format`."""
    if value not in LOG_FORMATS:
        raise ValueError(f"expected {', '.join(LOG_FORMATS)}")
    settings.log_format = value


def redirect_url(settings: Settings, value: str) -> None:
    """`-r`, `tracker.redirect_url`."""
    if not (value.isascii() and value.isprintable() and URL.fullmatch(value)):
        raise ValueError("expected a URL as in https://tracker.example/, of printable ASCII without spaces")
    settings.redirect_url = value


def no_effect(settings: Settings, value: str) -> None:
    """`batchsync.cluster.admin_ip`, of a sync protocol that no longer exists: an address, without effect."""
    parse_network(value)


# ---- The keys of config files that every build has -----------------------------------------------------------

KEYS: Final[Mapping[str, Take]] = {
    "listen.tcp_udp": listen_both,
    "listen.tcp": listen_tcp,
    "listen.udp": listen_udp,
    "listen.udp.workers": workers,
    "tracker.rootdir": directory,
    "tracker.user": user,
    "tracker.redirect_url": redirect_url,
    "log.level": log_level,
    "log.format": log_format,
    "batchsync.cluster.admin_ip": no_effect,
    **({"listen.workers": workers} if WANT_WORKERS else {}),
}


def page_path(value: str) -> str:
    """One component of a path, under which a page is. Raises ValueError."""
    if not value or not IN_A_PATH.issuperset(value) or value in (".", ".."):
        raise ValueError("expected one component of a path: letters, digits and -._~, without slashes")
    if value in OWN_PATHS:
        raise ValueError("expected another path than those of announces and scrapes")
    return value
