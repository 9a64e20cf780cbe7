"""The path of statistics, and the right to see them."""

import pytest

from opentracker._features import WANT_RESTRICT_STATS
from opentracker.config.settings import Settings
from opentracker.features.statistics.feature import StatisticsFeature, StatisticsSettings, stats_path
from opentracker.swarm.policy.permissions import MAY_STAT


@pytest.mark.parametrize("value", ["stats", "secret-3f_2.x~", "...", "announcements"])
def test_t09_the_path_of_statistics(value: str) -> None:
    settings = Settings()
    stats_path(settings, value)
    assert settings.of(StatisticsSettings).path == value


@pytest.mark.parametrize(
    "value", ["", "/stats", "a/b", "a b", "a?b", "a%20b", "a#b", "ä", "..", ".", "announce", "scrape"]
)
def test_t09_what_is_no_path_of_statistics(value: str) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match=r"expected (one component of a path|another path)"):
        stats_path(settings, value)
    assert settings == Settings()


def test_a_path_of_ones_own_is_told() -> None:
    settings = Settings()
    assert list(StatisticsFeature(settings).plan()) == []
    stats_path(settings, "secret")
    assert list(StatisticsFeature(settings).plan()) == ["would serve statistics at /secret"]


def test_a_right_is_given_where_it_is_asked_for() -> None:
    assert ("access.stats" in StatisticsFeature.keys) is WANT_RESTRICT_STATS
    if WANT_RESTRICT_STATS:
        settings = Settings()
        StatisticsFeature.keys["access.stats"](settings, "10.0.0.0/8")
        assert settings.permissions.rights(bytes([10, 0, 0, 1])) == MAY_STAT
