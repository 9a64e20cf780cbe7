"""The client behind a reverse proxy: the one that the trusted proxies' `X-Forwarded-For` names.

A proxy adds the address that connected to it at the right end. So the addresses are read from the right: those of
trusted proxies are passed over, and the next one is the client's. Everything to the left of it is what the client
itself may have sent, and is not looked at. What has no place here makes the header useless, and the request fails: to
go on with another address would be to announce somebody else.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Take
from opentracker.config.values import blessing
from opentracker.errors import TrackerFailure
from opentracker.features.feature import Feature, Host
from opentracker.protocol.addresses import parse_endpoint
from opentracker.protocol.http import Request, header_values
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import CAUSE, Family, Metric
from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions

HEADER: Final = b"X-Forwarded-For"
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
        Family("opentracker_proxy_missing_total", "Requests of a trusted proxy without an X-Forwarded-For."),
        *("", "Requests of a trusted proxy without an X-Forwarded-For", CAUSE),
    ),
)


class Proxies:
    """Knows the proxies that are trusted: the addresses with MAY_PROXY."""

    def __init__(self, permissions: Permissions, counters: Counters) -> None:
        self.permissions = permissions
        self.invalid, self.missing = [counters.count_of(row) for row in COUNTERS]

    def client(self, request: Request, address: bytes) -> bytes:
        """Whom a request from `address` (4 or 16 bytes) is from, in the same form. Raises TrackerFailure.

        That is the address itself, unless it is a trusted proxy's and the request has the header.
        """
        if not self.is_trusted(address):
            return address
        values = header_values(request, HEADER)
        if not values:
            self.missing.value += 1
            return address
        try:
            return self.named(values)
        except TrackerFailure:
            self.invalid.value += 1
            raise

    def named(self, values: list[bytes]) -> bytes:
        """The client that headers name. Raises TrackerFailure."""
        names = b",".join(values).rsplit(b",", MOST_PROXIES + 1)  # several headers are one (RFC 9110, 5.3)
        names.reverse()
        for name in names[: MOST_PROXIES + 1]:
            named = parse_name(name)
            if not self.is_trusted(named):
                if (WANT_V4_ONLY and len(named) != 4) or (WANT_V6 and len(named) != 16):
                    raise TrackerFailure(INVALID)
                return named
        raise TrackerFailure(INVALID)

    def is_trusted(self, address: bytes) -> bool:
        """Whether this is a proxy whose header is believed."""
        return self.permissions.rights(address) & MAY_PROXY != 0


def parse_name(name: bytes) -> bytes:
    """Packed form of an address as proxies write it: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`."""
    if len(name) > LONGEST:
        raise TrackerFailure(INVALID)
    try:
        return parse_endpoint(name.strip(b" \t").decode("ascii"))[0]
    except ValueError as error:  # not ASCII, or no address
        raise TrackerFailure(INVALID) from error


class ProxyFeature(Feature[Host]):
    """Trusted proxies, as a feature."""

    keys: ClassVar[Mapping[str, Take]] = {"access.proxy": blessing(MAY_PROXY)}
    renewed: ClassVar[frozenset[str]] = frozenset({"access.proxy"})
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS

    def join(self, host: Host) -> None:
        """Let a trusted proxy name the client of a request."""
        host.http_answers.client_of = Proxies(self.settings.permissions, host.tracker.counters).client
