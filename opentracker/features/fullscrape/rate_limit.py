"""The rate limit of full scrapes: one for each address in OT_MODEST_PEER_TIMEOUT seconds, for IPv6 one for each /64."""

from collections.abc import Callable
from typing import Final

from opentracker._features import OT_MODEST_PEER_TIMEOUT
from opentracker.errors import HttpError
from opentracker.swarm.policy.slots import host_of

MOST: Final = 16384  # remembered addresses; beyond that the earliest is dropped too soon


class RateLimiter:
    """Remembers the addresses of recent full scrapes; the clock `seconds` never goes back."""

    def __init__(self, seconds: Callable[[], float], most: int = MOST) -> None:
        self.seconds = seconds
        self.most = most
        self.served: dict[bytes, float] = {}  # address -> time, the earliest first

    def ask(self, address: bytes, takes: bool) -> None:
        """Raise HttpError if it is too soon; else remember the address, unless the request is a HEAD (not `takes`)."""
        now = self.seconds()
        self.forget(now)
        host = host_of(address)
        if host in self.served:
            raise HttpError(402)
        if takes:
            if len(self.served) >= self.most:
                del self.served[next(iter(self.served))]
            self.served[host] = now

    def forget(self, now: float) -> None:
        """Drop the addresses that may ask again."""
        while self.served:
            earliest = next(iter(self.served))
            if now - self.served[earliest] < OT_MODEST_PEER_TIMEOUT:
                return
            del self.served[earliest]
