"""`/health`: the health of the tracker in one line, for load balancers, containers and monitoring.

The status is 200, or 503 with the reason while the tracker loads, ends, or cannot keep up. Every client may ask, also
in builds with restricted statistics, since the page reveals nothing about clients and torrents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from opentracker.config.settings import Settings, Take
from opentracker.config.values import page_path
from opentracker.errors import HttpError
from opentracker.features.feature import Feature, Host
from opentracker.protocol.http import Request, write_ok
from opentracker.protocol.pages import Page, Pieces
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import SERVED, Family, Metric

LOOK_SECONDS: Final = 10.0
LATE_SECONDS: Final = 2.0  # delay of a look beyond its interval that means an overloaded loop
MOST_DROPPED: Final = 1  # percent of the datagrams between two looks

CHECKS: Final = Metric(
    "health_checks",
    Family("opentracker_health_checks_total", "Answers of the health check that the tracker is well."),
    *("", "Health checks", SERVED, "tcp_connections"),
)


class Health:
    """The health of the tracker; `trouble` is the reason why it is not well, or empty."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self.trouble = b"loading"
        self.is_ending = False
        self.looked_at = 0.0  # seconds of the loop's clock
        self.dropped = 0
        self.received = 0

    def begin(self, seconds: float) -> None:
        """Called when all files are loaded."""
        self.looked_at = seconds
        self.trouble = b""

    def end(self) -> None:
        """Called when the tracker ends."""
        self.is_ending = True

    def look(self, seconds: float) -> None:
        """Judge the time since the last look; called every LOOK_SECONDS."""
        late = seconds - self.looked_at - LOOK_SECONDS
        dropped = self.counters.udp_dropped - self.dropped
        received = self.counters.udp_datagrams - self.received
        self.looked_at = seconds
        self.dropped += dropped
        self.received += received
        self.trouble = b""
        if 100 * dropped > MOST_DROPPED * (dropped + received):
            self.trouble = b"unable to keep up: the kernel drops datagrams"
        elif late > LATE_SECONDS:
            self.trouble = b"unable to keep up: the loop is late"

    def reason(self) -> bytes:
        """The reason why the tracker is not well; empty if it is well."""
        return b"ending" if self.is_ending else self.trouble


class HealthPage(Page):
    """Answers with the state of the tracker."""

    def __init__(self, health: Health, counters: Counters) -> None:
        self.health = health
        self.checks = counters.count_of(CHECKS)

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        """See Page. Raises HttpError, with the reason."""
        reason = self.health.reason()
        if reason:
            raise HttpError(503, reason)
        self.checks.value += 1
        return well(request)


def well(request: Request) -> Pieces:
    """The answer of a tracker that is well."""
    yield write_ok(b"ok\n", request.keep_alive, request.method == b"HEAD")


@dataclass
class HealthSettings:
    """The page of health."""

    path: str = "health"  # without slashes


def health_path(settings: Settings, value: str) -> None:
    """`access.health_path`."""
    settings.of(HealthSettings).path = page_path(value)


class HealthFeature(Feature[Host]):
    """`/health`, which every build has."""

    in_workers: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"access.health_path": health_path}
    counters: ClassVar[tuple[Metric, ...]] = (CHECKS,)

    def join(self, host: Host) -> None:
        """Answer with the state of the tracker, unless the operator has given the path to the statistics."""
        counters, uptime = host.tracker.counters, host.uptime
        health = self.health = Health(counters)
        host.add_part(health)
        path = b"/" + self.settings.of(HealthSettings).path.encode("ascii")
        page = HealthPage(health, counters)
        for answers in (host.http_answers, host.stats_answers):
            answers.pages.setdefault(path, page)
        host.every(LOOK_SECONDS, lambda: health.look(uptime()))

    def begin(self, host: Host) -> None:
        """See Feature."""
        self.health.begin(host.uptime())

    def end(self) -> None:
        """See Feature."""
        self.health.end()
