"""Reloading the config files at SIGHUP: every key that can be reloaded is applied, or none.

A file with a mistake changes nothing. Changed keys that need a restart, such as sockets and the user, are logged. Names
of files are relative to the directory of the start; a file outside of the root directory cannot be read again.
"""

import logging
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Protocol

from opentracker.config.settings import Settings
from opentracker.errors import StartError, UsageError
from opentracker.server.core import Core
from opentracker.swarm.counting.core_gauges import CONFIG_FAILED, CONFIG_FAILURES
from opentracker.swarm.surveys.snapshot import StatsSnapshot

log = logging.getLogger("opentracker")

OWN_KEYS: Final = frozenset({"tracker.redirect_url", "log.level", "log.format"})
WITHOUT_MEANING: Final = frozenset({"batchsync.cluster.admin_ip"})


class Renewable(Protocol):
    """The part of a feature that a reload uses, see features.feature."""

    renewed: ClassVar[frozenset[str]]

    def renew(self, settings: Settings) -> None:
        """Apply settings that were read again."""


class ConfigReload:
    """Reloads the config of a running tracker; `settings` are the ones that its features use.

    `check` raises UsageError and StartError for settings that contradict each other.
    """

    def __init__(
        self,
        host: Core,
        settings: Settings,
        features: Sequence[Renewable],
        check: Callable[[Settings], None],
    ) -> None:
        self.host = host
        self.settings = settings
        self.features = features
        self.check = check
        self.keys = OWN_KEYS.union(*(feature.renewed for feature in features))
        self.failures = 0  # reloads that have failed
        self.complaint = ""  # the reason why the last reload failed; empty if it succeeded

    def reload(self) -> None:
        """Read the config files again, and apply them."""
        reread = self.settings.reread
        if reread is None:
            return
        try:
            new = reread()
            self.check(new)
        except (UsageError, StartError) as error:
            self.failures += 1
            self.complaint = f"the config was not read again: {error}"
            log.error("%s; the config stays as it was", error)
            return
        self.complaint = ""
        changed = changed_keys(self.settings, new)
        self.take_over(new)
        self.tell(changed)

    def complete(self, snapshot: StatsSnapshot) -> None:
        """Add the results of reloads to a snapshot."""
        snapshot.tell(CONFIG_FAILURES, self.failures)
        snapshot.tell(CONFIG_FAILED, int(self.complaint != ""))

    def take_over(self, new: Settings) -> None:
        """Apply the new settings that need no restart."""
        self.settings.permissions.take_over(new.permissions)
        self.settings.redirect_url = new.redirect_url
        self.settings.given = new.given
        self.host.http_answers.redirect_url = new.redirect_url.encode("ascii")
        for feature in self.features:
            feature.renew(new)
        for renew in self.host.renewals:
            renew(new)

    def tell(self, changed: set[str]) -> None:
        """Log the changed keys, and those that need a restart."""
        renewed, fixed = sorted(changed & self.keys), sorted(changed - self.keys - WITHOUT_MEANING)
        log.info("the config was read again; changed: %s", ", ".join(renewed) or "nothing")
        if fixed:
            log.warning("changed in the config, and without effect until a restart: %s", ", ".join(fixed))


def changed_keys(old: Settings, new: Settings) -> set[str]:
    """The keys whose values have changed."""
    before, after = by_key(old), by_key(new)
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


def by_key(settings: Settings) -> dict[str, list[str]]:
    """The values of each key, in order."""
    values: dict[str, list[str]] = {}
    for key, value in settings.given:
        values.setdefault(key, []).append(value)
    return values
