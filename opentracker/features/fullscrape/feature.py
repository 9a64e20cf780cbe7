"""Full scrapes as a feature: who gets them, and how many at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from opentracker._features import OT_MAX_FULLSCRAPES, OT_MAX_FULLSCRAPES_PER_ADDRESS
from opentracker.config.settings import Settings, Take
from opentracker.config.values import blessing, limit
from opentracker.features.feature import Feature, Host
from opentracker.features.fullscrape.page import COUNTERS, FullScrape
from opentracker.features.state.state import State
from opentracker.swarm.counting.metric import Metric
from opentracker.swarm.policy.permissions import MAY_FULLSCRAPE
from opentracker.swarm.policy.slots import Slots


@dataclass
class FullScrapeSettings:
    """Limits on full scrapes and dumps; 0 is none."""

    restricted: bool = False  # to those who may: some were named, beside those who may everything
    most: int = OT_MAX_FULLSCRAPES
    most_per_address: int = OT_MAX_FULLSCRAPES_PER_ADDRESS


def may_fullscrape(settings: Settings, value: str) -> None:
    """`access.fullscrape`: from now on only those who were given it."""
    blessing(MAY_FULLSCRAPE)(settings, value)
    settings.of(FullScrapeSettings).restricted = True


class FullScrapeFeature(Feature[Host]):
    """`/scrape` without an info_hash, and the modes `tpbs` and `statedump`."""

    keys: ClassVar[Mapping[str, Take]] = {
        "access.fullscrape": may_fullscrape,
        "limits.full_scrapes": limit(FullScrapeSettings, "most"),
        "limits.full_scrapes_per_address": limit(FullScrapeSettings, "most_per_address"),
    }
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS

    def join(self, host: Host) -> None:
        """Answer with full scrapes."""
        asked, permissions = self.settings.of(FullScrapeSettings), self.settings.permissions
        slots = Slots(asked.most, asked.most_per_address, permissions)
        page = FullScrape(
            host.tracker,
            host.tracker.counters,
            permissions,
            asked.restricted,
            host.part(State),
            host.uptime,
            slots,
        )
        host.add_part(page)
        host.http_answers.pages[b"/scrape"] = page
        host.streams["tpbs"] = page.answer_as
        host.streams["statedump"] = page.dump_as
        host.scarcities.append(slots.is_crowded)
        host.weights.append(page.weight)
