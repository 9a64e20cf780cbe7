"""What options and config keys do: functions of the settings and of a value, which both share.

A value is text as the operator wrote it. A function changes the settings, or raises ValueError, whose text says what is
wrong and what was expected; whoever calls it adds the option, or the file, line and key.
"""

import logging
from pathlib import Path
from typing import Final

from opentracker._features import (
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_DYNAMIC_ACCESSLIST,
    WANT_FULLSCRAPE,
    WANT_IP_FROM_PROXY,
    WANT_RESTRICT_STATS,
    WANT_SYNC_LIVE,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.config.settings import Bind, Settings
from opentracker.protocol.addresses import DEFAULT_PORT, parse_endpoint, parse_ip, parse_network
from opentracker.swarm.policy.permissions import (
    EVERYTHING,
    MAY_FULLSCRAPE,
    MAY_LIVESYNC,
    MAY_PROXY,
    MAY_STAT,
)

HIGHEST_PORT: Final = 65535
LONGEST_SHOWN: Final = 160  # characters of an operator's text in an error
LONGEST_INTERFACE: Final = 15  # IFNAMSIZ with its final zero is 16
SYNC_PORT: Final = 9696  # of live sync, where none is given
OWN_PATHS: Final = ("announce", "scrape")
IN_A_PATH: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


def shown(text: str) -> str:
    """An operator's text as an error shows it: one line, what cannot be printed escaped, not too long."""
    if len(text) > LONGEST_SHOWN:
        text = f"{text[:LONGEST_SHOWN]}..."
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


# ---- Where to listen ---------------------------------------------------------------------------------------


def check_family(address: bytes) -> None:
    """Raise ValueError for an address of a family that this build leaves out."""
    if WANT_V4_ONLY and len(address) == 16:
        raise ValueError("this build serves IPv4 only (WANT_V4_ONLY)")
    if WANT_V6 and len(address) == 4:
        raise ValueError("this build serves IPv6 only (WANT_V6)")


def parse_port(value: str) -> int:
    """A port in decimal digits."""
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= HIGHEST_PORT):
        raise ValueError(f"expected a port, 0 to {HIGHEST_PORT}")
    return int(value)


def _endpoint(value: str) -> tuple[bytes, int]:
    address, port = parse_endpoint(value, DEFAULT_PORT)
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
    settings.binds.append(Bind(False, *_endpoint(value)))


def listen_udp(settings: Settings, value: str) -> None:
    """`listen.udp`."""
    settings.binds.append(Bind(True, *_endpoint(value)))


def listen_both(settings: Settings, value: str) -> None:
    """`listen.tcp_udp`."""
    listen_tcp(settings, value)
    listen_udp(settings, value)


def udp_workers(settings: Settings, value: str) -> None:
    """`listen.udp.workers`."""
    if not (value.isascii() and value.isdigit()):
        raise ValueError("expected a number, 0 or 1")
    if value.lstrip("0") not in ("", "1"):
        raise ValueError("expected 0 or 1: several processes are not supported yet")
    settings.udp_workers = int(value)


# ---- Who may do what ---------------------------------------------------------------------------------------


def bless(settings: Settings, value: str, rights: int) -> None:
    """Give rights to an address or a network."""
    settings.permissions.bless(*parse_network(value), rights)


def may_everything(settings: Settings, value: str) -> None:
    """`-A`."""
    bless(settings, value, EVERYTHING)


if WANT_RESTRICT_STATS:

    def may_stat(settings: Settings, value: str) -> None:
        """`access.stats`."""
        bless(settings, value, MAY_STAT)


if WANT_IP_FROM_PROXY:

    def may_proxy(settings: Settings, value: str) -> None:
        """`access.proxy`."""
        bless(settings, value, MAY_PROXY)


if WANT_FULLSCRAPE:

    def may_fullscrape(settings: Settings, value: str) -> None:
        """`access.fullscrape`: from now on only those who were given it."""
        bless(settings, value, MAY_FULLSCRAPE)
        settings.restricts_fullscrapes = True


if WANT_SYNC_LIVE:

    def may_livesync(settings: Settings, value: str) -> None:
        """`livesync.cluster.node_ip`."""
        bless(settings, value, MAY_LIVESYNC)


# ---- What to read and write --------------------------------------------------------------------------------


def parse_path(value: str) -> Path:
    """A path of a file or a directory."""
    if not value or "\0" in value:
        raise ValueError("expected a path")
    return Path(value)


if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:

    def accesslist(settings: Settings, value: str) -> None:
        """`-b`, `-w`, `access.blacklist`, `access.whitelist`."""
        settings.accesslist = parse_path(value)


if WANT_DYNAMIC_ACCESSLIST:

    def fifo_add(settings: Settings, value: str) -> None:
        """`access.fifo_add`."""
        settings.fifo_add = parse_path(value)

    def fifo_delete(settings: Settings, value: str) -> None:
        """`access.fifo_delete`."""
        settings.fifo_delete = parse_path(value)


if WANT_FULLSCRAPE:

    def state_to_load(settings: Settings, value: str) -> None:
        """`-l`: read before any directory is changed, so a relative path is meant from here."""
        settings.state_to_load = parse_path(value).absolute()

    def state_file(settings: Settings, value: str) -> None:
        """`tracker.state_file`."""
        settings.state_file = parse_path(value)


# ---- The cluster -------------------------------------------------------------------------------------------

if WANT_SYNC_LIVE:

    def parse_sync_endpoint(value: str) -> tuple[bytes, int, str]:
        """Address, port and interface (or empty) of what `parse_endpoint` takes, and of `[fe80::1%eth0]:9696`.

        Either family will do in any build: trackers of IPv6 alone may tell each other of it over IPv4.
        """
        host, zone_mark, rest = value.partition("%")
        interface, bracket, port = rest.partition("]")
        address, number = parse_endpoint(host + bracket + port, SYNC_PORT)
        if zone_mark:
            good = interface.isascii() and interface.isprintable() and not set(interface) & set(" /:%[")
            if not (good and 0 < len(interface) <= LONGEST_INTERFACE):
                raise ValueError(
                    f"expected the name of an interface behind '%', of up to {LONGEST_INTERFACE}"
                )
            if len(address) == 4:
                raise ValueError("expected an IPv6 address before '%' and an interface")
        return address, number, interface

    def sync_port(settings: Settings, value: str) -> None:
        """`-s`: on the latest `-i`; without one, on any address (of IPv4, where the build has it)."""
        address = settings.last_address
        if address is None:
            address = bytes(16 if WANT_V6 else 4)
        settings.sync_binds.append((address, parse_port(value), ""))

    def sync_listen(settings: Settings, value: str) -> None:
        """`livesync.cluster.listen`."""
        settings.sync_binds.append(parse_sync_endpoint(value))

    def sync_peer(settings: Settings, value: str) -> None:
        """`livesync.cluster.peer`."""
        settings.sync_peers.append(parse_sync_endpoint(value))


def no_effect(settings: Settings, value: str) -> None:
    """`batchsync.cluster.admin_ip`, of a way to sync that is no more: an address, for nothing."""
    parse_network(value)


# ---- How to run --------------------------------------------------------------------------------------------


def directory(settings: Settings, value: str) -> None:
    """`-d`, `tracker.rootdir`."""
    settings.directory = parse_path(value)


def user(settings: Settings, value: str) -> None:
    """`-u`, `tracker.user`; whether there is such a user shows when the tracker becomes it."""
    if not value or not value.isprintable() or " " in value or ":" in value:
        raise ValueError("expected the name of a user")
    settings.user = value


def quiet(settings: Settings, value: str) -> None:
    """`-q`, `--quiet`."""
    settings.log_level = logging.WARNING


def verbose(settings: Settings, value: str) -> None:
    """`--verbose`."""
    settings.log_level = logging.DEBUG


def redirect_url(settings: Settings, value: str) -> None:
    """`-r`, `tracker.redirect_url`."""
    if not value.isascii() or not value.isprintable() or " " in value or not value:
        raise ValueError("expected a URL of printable ASCII without spaces")
    settings.redirect_url = value


def stats_path(settings: Settings, value: str) -> None:
    """`access.stats_path`."""
    if not value or not IN_A_PATH.issuperset(value) or value in (".", ".."):
        raise ValueError("expected one component of a path: letters, digits and -._~, without slashes")
    if value in OWN_PATHS:
        raise ValueError("expected another path than those of announces and scrapes")
    settings.stats_path = value
