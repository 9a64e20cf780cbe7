"""Full scrapes as a feature: their keys."""

import pytest

from opentracker.config.settings import Sections, Settings
from opentracker.features.fullscrape.feature import FullScrapeFeature, FullScrapeSettings
from opentracker.swarm.policy.permissions import MAY_FULLSCRAPE


def test_an_address_that_is_named_closes_full_scrapes_to_the_others() -> None:
    settings = Settings()
    FullScrapeFeature.keys["access.fullscrape"](settings, "10.0.0.1")
    assert settings.of(FullScrapeSettings).restricted
    assert settings.permissions.rights(bytes([10, 0, 0, 1])) == MAY_FULLSCRAPE


def test_an_error_closes_nothing() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="not an IPv4"):
        FullScrapeFeature.keys["access.fullscrape"](settings, "x")
    assert settings == Settings()


def test_limits() -> None:
    settings = Settings()
    FullScrapeFeature.keys["limits.full_scrapes"](settings, "3")
    FullScrapeFeature.keys["limits.full_scrapes_per_address"](settings, "2")
    assert settings == Settings(sections=Sections(FullScrapeSettings(most=3, most_per_address=2)))
