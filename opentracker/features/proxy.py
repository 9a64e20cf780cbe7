"""The client behind a reverse proxy: trusted proxies name it in a header that `access.proxy_header` chooses.

The header is X-Forwarded-For, or Forwarded (RFC 7239); the one that was not chosen is ignored. A proxy appends the
address that connected to it at the right end. So the addresses are read from the right: those of trusted proxies are
skipped, and the next one is the client's. Addresses further left may be the client's own invention, and are ignored.
If all addresses are trusted, the leftmost is the client, on one of the proxies' machines. A request with a missing or
invalid header is from an unknown client: to take the proxy for the client would list the proxy as a peer, and give its
rights to every client behind it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from opentracker._features import WANT_PROXY_PROTOCOL, WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Settings, Take
from opentracker.config.values import blessing, shown
from opentracker.errors import TrackerFailure
from opentracker.features.feature import Feature, Host
from opentracker.protocol.addresses import format_ip, parse_endpoint
from opentracker.protocol.forwarded import forwarded_names
from opentracker.protocol.http import Request, header_values
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import CAUSE, Family, Metric
from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions

log = logging.getLogger("opentracker")

X_FORWARDED_FOR: Final = "x-forwarded-for"
FORWARDED: Final = "forwarded"
PROXY_PROTOCOL: Final = "proxy-protocol"
HEADERS: Final = {X_FORWARDED_FOR: b"X-Forwarded-For", FORWARDED: b"Forwarded"}
MISSING: Final = b"no client's name from the proxy"
INVALID: Final = b"invalid client's name from the proxy"
MOST_PROXIES: Final = 32  # one behind the other; a header of 8 KiB could name a thousand
LONGEST: Final = 64  # bytes of an address with brackets, port and blanks around it


COUNTERS: Final = (
    Metric(
        "proxy_invalid",
        Family(
            "opentracker_proxy_invalid_total",
            "Requests of a trusted proxy whose header names no usable client.",
        ),
        *("", "Requests of a trusted proxy whose header names no usable client", CAUSE),
    ),
    Metric(
        "proxy_missing",
        Family(
            "opentracker_proxy_missing_total",
            "Requests of a trusted proxy without the header that names the client.",
        ),
        *("", "Requests of a trusted proxy without the header that names the client", CAUSE),
    ),
)


@dataclass
class ProxySettings:
    """The header in which trusted proxies name the client: a key of HEADERS, or PROXY_PROTOCOL."""

    header: str = X_FORWARDED_FOR


def proxy_header(settings: Settings, value: str) -> None:
    """`access.proxy_header`."""
    known = [*HEADERS, PROXY_PROTOCOL] if WANT_PROXY_PROTOCOL else [*HEADERS]
    if value not in known:
        raise ValueError(f"expected one of {', '.join(known)}")
    settings.of(ProxySettings).header = value


class Proxies:
    """Finds clients behind trusted proxies, which are the addresses with MAY_PROXY; `header` is a key of HEADERS."""

    def __init__(self, permissions: Permissions, counters: Counters, header: str = X_FORWARDED_FOR) -> None:
        self.permissions = permissions
        self.header = HEADERS[header]
        self.names = forwarded_names if header == FORWARDED else listed_names
        self.invalid, self.missing = [counters.count_of(row) for row in COUNTERS]

    def client(self, request: Request, address: bytes) -> bytes:
        """The address of the client, for a request from `address`; both have 4 or 16 bytes.

        It is `address` itself, unless that is a trusted proxy's. Raises TrackerFailure for an unknown client, which is
        counted, and logged; the log limits such lines per minute.
        """
        if not self.is_trusted(address):
            return address
        values = header_values(request, self.header)
        try:
            return self.named_client(values)
        except TrackerFailure as failure:
            is_missing = failure.reason == MISSING
            (self.missing if is_missing else self.invalid).value += 1
            text = "missing or empty" if is_missing else shown(b",".join(values).decode("latin-1"))
            header = self.header.decode("ascii")
            log.warning("the proxy %s names no client: %s is %s", format_ip(address), header, text)
            raise

    def named_client(self, values: list[bytes]) -> bytes:
        """The client named by the values of a request's headers. Raises TrackerFailure."""
        if not any(value.strip(b" \t") for value in values):
            raise TrackerFailure(MISSING)
        try:
            names = self.names(b",".join(values))  # several headers are one (RFC 9110, 5.3)
        except ValueError as error:
            raise TrackerFailure(INVALID) from error
        named = b""
        for number, name in enumerate(reversed(names)):
            if number > MOST_PROXIES:
                raise TrackerFailure(INVALID)
            named = parse_name(name)
            if not self.is_trusted(named):
                break
        if (WANT_V4_ONLY and len(named) != 4) or (WANT_V6 and len(named) != 16):
            raise TrackerFailure(INVALID)
        return named

    def is_trusted(self, address: bytes) -> bool:
        """Whether this is the address of a trusted proxy."""
        return self.permissions.rights(address) & MAY_PROXY != 0


def listed_names(value: bytes) -> list[bytes]:
    """The names of X-Forwarded-For; of more than MOST_PROXIES + 1 the first ones are left together."""
    return value.rsplit(b",", MOST_PROXIES + 1)


def parse_name(name: bytes) -> bytes:
    """Packed form of an address in a form that proxies use: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`."""
    if len(name) > LONGEST:
        raise TrackerFailure(INVALID)
    try:
        return parse_endpoint(name.strip(b" \t").decode("ascii"))[0]
    except ValueError as error:  # not ASCII, or no address
        raise TrackerFailure(INVALID) from error


class ProxyFeature(Feature[Host]):
    """Trusted proxies, as a feature."""

    in_workers: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {
        "access.proxy": blessing(MAY_PROXY),
        "access.proxy_header": proxy_header,
    }
    renewed: ClassVar[frozenset[str]] = frozenset({"access.proxy"})
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS

    def join(self, host: Host) -> None:
        """Install the look-up of clients behind trusted proxies, if they name the client in a header."""
        header = self.settings.of(ProxySettings).header
        if header in HEADERS:
            proxies = Proxies(self.settings.permissions, host.tracker.counters, header)
            for answers in (host.http_answers, host.stats_answers):
                answers.client_of = proxies.client
                answers.is_proxy = proxies.is_trusted
                answers.believes_plain = header == X_FORWARDED_FOR and not WANT_V6
                answers.needs_heads = header != X_FORWARDED_FOR
