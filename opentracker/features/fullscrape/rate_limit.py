"""The rate limit of full scrapes: one for each address in OT_MODEST_PEER_TIMEOUT seconds, for IPv6 one for each /64."""

from collections.abc import Callable
from typing import Final

from opentracker._features import OT_MODEST_PEER_TIMEOUT
from opentracker.errors import HttpError
from opentracker.swarm.policy.slots import host_of

MOST: Final = 16384  # remembered addresses; beyond that the earliest is dropped too soon


def nobody(address: bytes) -> None:
    """Tell no other process of an address."""


class RateLimiter:
    """Remembers the addresses of recent full scrapes; the clock `seconds` never goes back."""

    def __init__(self, seconds: Callable[[], float], most: int = MOST) -> None:
        self.seconds = seconds
        self.most = most
        self.served: dict[bytes, float] = {}  # address -> time, the earliest first
        self.tell: Callable[[bytes], None] = nobody  # called with each address that was served

    def ask(self, address: bytes, takes: bool) -> None:
        """Raise HttpError if it is too soon; else remember the address, unless the request is a HEAD (not `takes`)."""
        now = self.seconds()
        self.forget(now)
        host = host_of(address)
        if host in self.served:
            raise HttpError(402)
        if takes:
            self.remember(address)
            self.tell(address)

    def remember(self, address: bytes) -> None:
        """Remember that an address is served now."""
        if len(self.served) >= self.most:
            del self.served[next(iter(self.served))]
        self.served[host_of(address)] = self.seconds()

    def forget(self, now: float) -> None:
        """Drop the addresses that may ask again."""
        while self.served:
            earliest = next(iter(self.served))
            if now - self.served[earliest] < OT_MODEST_PEER_TIMEOUT:
                return
            del self.served[earliest]
