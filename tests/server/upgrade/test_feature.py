"""The key `tracker.upgrade`."""

import pytest

from opentracker.config.settings import Settings
from opentracker.errors import ConfigError
from opentracker.features.feature import Feature
from opentracker.server.core import Core
from opentracker.server.upgrade.feature import UpgradeFeature, UpgradeSettings, refuse


class Alone(Feature[Core]):
    """A feature that cannot be in two processes."""

    in_upgrades = False


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


def test_a_feature_that_cannot_be_handed_over_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tracker\.upgrade does not go with Alone yet"):
        refuse([Alone(asked("yes"))], asked("yes"))
    refuse([Alone(asked("no"))], asked("no"))
    refuse([UpgradeFeature(asked("yes"))], asked("yes"))
