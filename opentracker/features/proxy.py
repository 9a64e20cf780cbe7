"""The client behind a reverse proxy: trusted proxies name it in `X-Forwarded-For`.

A proxy appends the address that connected to it at the right end. So the addresses are read from the right: those of
trusted proxies are skipped, and the next one is the client's. Addresses further left may be the client's own invention,
and are ignored. If all addresses are trusted, the leftmost is the client, on one of the proxies' machines. A request
with a missing or invalid header is from an unknown client: to take the proxy for the client would list the proxy as a
peer, and give its rights to every client behind it.
"""

import logging
from collections.abc import Mapping
from typing import ClassVar, Final

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Take
from opentracker.config.values import blessing, shown
from opentracker.errors import TrackerFailure
from opentracker.features.feature import Feature, Host
from opentracker.protocol.addresses import format_ip, parse_endpoint
from opentracker.protocol.http import Request, header_values
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import CAUSE, Family, Metric
from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions

log = logging.getLogger("opentracker")

HEADER: Final = b"X-Forwarded-For"
MISSING: Final = b"no X-Forwarded-For from the proxy"
INVALID: Final = b"invalid X-Forwarded-For"
MOST_PROXIES: Final = 32  # one behind the other; a header of 8 KiB could name a thousand
LONGEST: Final = 64  # bytes of an address with brackets, port and blanks around it


COUNTERS: Final = (
    Metric(
        "proxy_invalid",
        Family("opentracker_proxy_invalid_total", "Requests with an X-Forwarded-For that is of no use."),
        *("", "Requests with an X-Forwarded-For that is of no use", CAUSE),
    ),
    Metric(
        "proxy_missing",
        Family(
            "opentracker_proxy_missing_total",
            "Requests of a trusted proxy without a name in X-Forwarded-For.",
        ),
        *("", "Requests of a trusted proxy without a name in X-Forwarded-For", CAUSE),
    ),
)


class Proxies:
    """Finds clients behind trusted proxies, which are the addresses with MAY_PROXY."""

    def __init__(self, permissions: Permissions, counters: Counters) -> None:
        self.permissions = permissions
        self.invalid, self.missing = [counters.count_of(row) for row in COUNTERS]

    def client(self, request: Request, address: bytes) -> bytes:
        """The address of the client, for a request from `address`; both have 4 or 16 bytes.

        It is `address` itself, unless that is a trusted proxy's. Raises TrackerFailure for an unknown client, which is
        counted, and logged; the log limits such lines per minute.
        """
        if not self.is_trusted(address):
            return address
        values = header_values(request, HEADER)
        try:
            return self.named_client(values)
        except TrackerFailure as failure:
            is_missing = failure.reason == MISSING
            (self.missing if is_missing else self.invalid).value += 1
            text = "missing or empty" if is_missing else shown(b",".join(values).decode("latin-1"))
            log.warning("the proxy %s names no client: X-Forwarded-For is %s", format_ip(address), text)
            raise

    def named_client(self, values: list[bytes]) -> bytes:
        """The client named by the values of a request's X-Forwarded-For headers. Raises TrackerFailure."""
        if not any(value.strip(b" \t") for value in values):
            raise TrackerFailure(MISSING)
        names = b",".join(values).rsplit(b",", MOST_PROXIES + 1)  # several headers are one (RFC 9110, 5.3)
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
    keys: ClassVar[Mapping[str, Take]] = {"access.proxy": blessing(MAY_PROXY)}
    renewed: ClassVar[frozenset[str]] = frozenset({"access.proxy"})
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS

    def join(self, host: Host) -> None:
        """Install the look-up of clients behind trusted proxies."""
        client_of = Proxies(self.settings.permissions, host.tracker.counters).client
        host.http_answers.client_of = host.stats_answers.client_of = client_of
