"""`tracker.upgrade` as a feature: the key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from opentracker.config.settings import Settings, Take
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


class UpgradeFeature(Feature[Core]):
    """The key; `server.upgrade.succession` does the rest, before any feature is there."""

    in_workers: ClassVar[bool] = True
    is_asked_for: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"tracker.upgrade": upgrade}
