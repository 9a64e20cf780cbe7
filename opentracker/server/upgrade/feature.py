"""`tracker.upgrade` as a feature: the key, and the parts of a tracker that cannot be handed over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from opentracker.config.settings import Settings, Take
from opentracker.errors import ConfigError
from opentracker.features.feature import Feature
from opentracker.server.core import Core

VALUES: Final = {"yes": True, "no": False}


@dataclass
class UpgradeSettings:
    """Whether SIGUSR2 upgrades the tracker."""

    is_asked_for: bool = False


def upgrade(settings: Settings, value: str) -> None:
    """`tracker.upgrade`."""
    if value not in VALUES:
        raise ValueError("expected yes or no")
    settings.of(UpgradeSettings).is_asked_for = VALUES[value]


def refuse(features: Sequence[Feature[Core]], settings: Settings) -> None:
    """Raise ConfigError for a feature in use that cannot be in two processes at a time."""
    if settings.of(UpgradeSettings).is_asked_for:
        for feature in features:
            named = "" if feature.in_upgrades else feature.in_use()
            if named:
                raise ConfigError(f"tracker.upgrade does not go with {named} yet")


class UpgradeFeature(Feature[Core]):
    """The key; `server.upgrade.succession` does the rest, before any feature is there."""

    in_workers: ClassVar[bool] = True
    is_asked_for: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"tracker.upgrade": upgrade}
