"""Statistics of a tracker with known content, asked for over HTTP."""

from collections.abc import Iterator

from opentracker.config.settings import Sections, Settings
from opentracker.features.statistics.feature import StatisticsSettings
from opentracker.swarm.tracker import Tracker
from tests.protocol.http_cases import get
from tests.server.live import HOME, Answer, Endpoint, Live, packed
from tests.swarm.crowd import known

HOME_PACKED = packed(HOME)
EVERYTHING = 7  # rights, but for that of a proxy


def blessed(*, stats_path: str = "stats", rights: int = EVERYTHING) -> Settings:
    """Settings that let the tests' clients do what an operator may allow."""
    settings = Settings(sections=Sections(StatisticsSettings(stats_path)))
    settings.permissions.bless(HOME_PACKED, 8 * len(HOME_PACKED), rights)
    return settings


def live_with(
    content: Tracker | None = None, settings: Settings | None = None, *, fast: bool = True
) -> tuple[Live, Endpoint]:
    """A tracker that knows what another does, 100 seconds after its start, and where it listens."""
    live = Live(settings or blessed(), fast=fast)
    live.server.tracker.store = (content or known()).store
    live.advance(97)
    live.until(lambda: not live.work, "what a minute brings")
    live.clock.seconds += 3
    return live, live.listen_tcp()


def stats(live: Live, to: Endpoint, query: str, method: bytes = b"GET", path: bytes = b"/stats") -> Answer:
    """The answer to a request for a statistic."""
    return live.ask(to, get(path + b"?" + query.encode()).replace(b"GET", method, 1))


def text(live: Live, to: Endpoint, query: str) -> str:
    """The body of a statistic that is there."""
    answer = stats(live, to, query)
    assert answer.status == 200
    return answer.body.decode()


def running(settings: Settings | None = None) -> Iterator[tuple[Live, Endpoint]]:
    """For a fixture."""
    live, to = live_with(None, settings)
    yield live, to
    live.close()
