"""Full scrapes as a feature: permissions, and limits on simultaneous full scrapes."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from opentracker._features import OT_MAX_FULLSCRAPES, OT_MAX_FULLSCRAPES_PER_ADDRESS
from opentracker.config.settings import Settings, Take
from opentracker.config.values import blessing, least_share_of, limit, share_of
from opentracker.errors import ConfigError
from opentracker.features.feature import Feature, Host
from opentracker.features.fullscrape.page import COUNTERS, FullScrape, heaviest
from opentracker.features.state.state import State
from opentracker.swarm.counting.metric import Metric
from opentracker.swarm.policy.permissions import MAY_FULLSCRAPE
from opentracker.swarm.policy.slots import Slots

log = logging.getLogger("opentracker")


@dataclass
class FullScrapeSettings:
    """Limits on full scrapes and dumps; 0 is none."""

    restricted: bool = False  # to addresses with MAY_FULLSCRAPE, since the operator has named some
    most: int = OT_MAX_FULLSCRAPES
    most_per_address: int = OT_MAX_FULLSCRAPES_PER_ADDRESS


def may_fullscrape(settings: Settings, value: str) -> None:
    """`access.fullscrape`: give the right to a network, and restrict full scrapes to networks with the right."""
    blessing(MAY_FULLSCRAPE)(settings, value)
    settings.of(FullScrapeSettings).restricted = True


def within(most: int, share: int) -> int:
    """The limit on full scrapes: `most`, or fewer if `share` bytes of memory have no room for them.

    A limit of 0 (none) stays 0.
    """
    room = max(share // heaviest(), 1)
    if share == 0 or most <= room:
        return most
    log.info("%d full scrapes at a time, not %d: an eighth of the memory has room for no more", room, most)
    return room


class FullScrapeFeature(Feature[Host]):
    """`/scrape` without an info_hash, and the modes `tpbs` and `statedump`."""

    in_workers: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {
        "access.fullscrape": may_fullscrape,
        "limits.full_scrapes": limit(FullScrapeSettings, "most"),
        "limits.full_scrapes_per_address": limit(FullScrapeSettings, "most_per_address"),
    }
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS
    renewed: ClassVar[frozenset[str]] = frozenset(
        {"access.fullscrape", "limits.full_scrapes", "limits.full_scrapes_per_address"}
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.page: FullScrape | None = None
        self.share = 0

    def check(self) -> None:
        """Raises ConfigError."""
        if 0 < self.settings.of(FullScrapeSettings).most < self.settings.workers:
            raise ConfigError("limits.full_scrapes is less than one for each worker")

    def divide(self, settings: Settings, worker: int) -> None:
        """See Feature."""
        asked = settings.of(FullScrapeSettings)
        asked.most = share_of(asked.most, worker, settings.workers)
        asked.most_per_address = least_share_of(asked.most_per_address, settings.workers)

    def renew(self, settings: Settings) -> None:
        """Set other limits and permissions."""
        if self.page is not None:
            asked = settings.of(FullScrapeSettings)
            self.page.restricted = asked.restricted
            self.page.slots.limit(within(asked.most, self.share), asked.most_per_address)

    def join(self, host: Host) -> None:
        """Add the page and the streams."""
        self.share = host.share
        asked, permissions = self.settings.of(FullScrapeSettings), self.settings.permissions
        slots = Slots(within(asked.most, host.share), asked.most_per_address, permissions)
        page = self.page = FullScrape(
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
