"""The key `tracker.upgrade`."""

import pytest

from opentracker.config.settings import Settings
from opentracker.server.upgrade.feature import UpgradeFeature, UpgradeSettings


def asked(value: str) -> Settings:
    """Settings with this value of the key."""
    settings = Settings()
    UpgradeFeature.keys["tracker.upgrade"](settings, value)
    return settings


def test_it_is_no_by_default() -> None:
    assert not Settings().of(UpgradeSettings).is_asked_for
    assert asked("yes").of(UpgradeSettings).is_asked_for
    assert not asked("no").of(UpgradeSettings).is_asked_for


def test_another_value_is_refused() -> None:
    with pytest.raises(ValueError, match="expected yes or no"):
        asked("true")
