"""Full scrapes only so often: one for each address in OT_MODEST_PEER_TIMEOUT seconds, for IPv6 one for each /64."""

from collections.abc import Callable
from typing import Final

from opentracker._features import OT_MODEST_PEER_TIMEOUT
from opentracker.errors import HttpError
from opentracker.swarm.policy.slots import host_of

MOST: Final = 16384  # addresses remembered; beyond that the earliest is forgotten before its time


class RateLimiter:
    """Who has had a full scrape of late; `seconds` never goes back."""

    def __init__(self, seconds: Callable[[], float], most: int = MOST) -> None:
        self.seconds = seconds
        self.most = most
        self.served: dict[bytes, float] = {}  # when, the earliest first

    def ask(self, address: bytes, takes: bool) -> None:
        """Raises HttpError if it is too soon; else the address is served now, if it `takes` what it asks for."""
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
        """Forget those who may come again."""
        while self.served:
            earliest = next(iter(self.served))
            if now - self.served[earliest] < OT_MODEST_PEER_TIMEOUT:
                return
            del self.served[earliest]
