"""Statistics as a feature that every build has: their path, the right to see them, and the modes as text.

Other formats and modes are features that join later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from opentracker import build_info
from opentracker._features import WANT_LOG_NETWORKS, WANT_RESTRICT_STATS
from opentracker.config.settings import Settings, Take
from opentracker.config.values import blessing, page_path
from opentracker.features.feature import Feature, Host
from opentracker.features.statistics import text
from opentracker.features.statistics.page import Sources, Statistics
from opentracker.protocol.pages import Page
from opentracker.swarm.policy.permissions import MAY_STAT


@dataclass
class StatisticsSettings:
    """The page of statistics."""

    path: str = "stats"  # without slashes


def stats_path(settings: Settings, value: str) -> None:
    """`access.stats_path`."""
    settings.of(StatisticsSettings).path = page_path(value)


KEYS: Final[dict[str, Take]] = {"access.stats_path": stats_path}
if WANT_RESTRICT_STATS:
    KEYS["access.stats"] = blessing(MAY_STAT)


def path_of(settings: Settings) -> bytes:
    """The path of the statistics, as in a request."""
    return b"/" + settings.of(StatisticsSettings).path.encode("ascii")


class StatisticsFeature(Feature[Host]):
    """`/stats`."""

    in_workers: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = KEYS
    renewed: ClassVar[frozenset[str]] = frozenset(KEYS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.pages: dict[bytes, Page] = {}

    def plan(self) -> Iterator[str]:
        """See Feature."""
        path = self.settings.of(StatisticsSettings).path
        if path != StatisticsSettings().path:
            yield f"would serve statistics at /{path}"

    def renew(self, settings: Settings) -> None:
        """Answer at another path."""
        page = self.pages.pop(path_of(self.settings))
        self.settings.of(StatisticsSettings).path = settings.of(StatisticsSettings).path
        self.pages[path_of(self.settings)] = page

    def join(self, host: Host) -> None:
        """Add the page with the text modes."""
        sources = Sources(host.tracker, host.uptime, build_info.one_line(), host.tracker_id, host.complete)
        statistics = Statistics(sources, self.settings.permissions, host.streams)
        host.add_part(statistics)
        statistics.renderings[""] = dict(text.MODES)
        if WANT_LOG_NETWORKS:
            sources.rank("busy", host.tracker.busy.counts)
        self.pages = host.stats_answers.pages
        self.pages[path_of(self.settings)] = statistics
