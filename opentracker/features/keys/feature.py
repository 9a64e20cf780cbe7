"""The keys of a private tracker as a feature: their file, and its reloads."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings
from opentracker.features.feature import Feature, Host
from opentracker.features.keys.key_list import COUNTERS, KeyLines, KeyList, KeyReloader, ListedKeys, read
from opentracker.swarm.counting.metric import Metric

SECRET: Final = 32  # bytes


@dataclass
class KeySettings:
    """The path of the keys; without one requests need no key."""

    path: Path | None = None


FILE: Final = NamedPath(KeySettings, "path", "would load the keys from", key="access.keys")


class KeysFeature(Feature[Host]):
    """Requests need a key of a file; SIGHUP reloads it."""

    in_workers: ClassVar[bool] = True
    paths: ClassVar[tuple[NamedPath, ...]] = (FILE,)
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS
    renewed: ClassVar[frozenset[str]] = frozenset({"access.keys"})

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.secret = os.urandom(SECRET)
        self.listed = KeyList()

    def load(self) -> None:
        """Read the keys. Raises UsageError."""
        for _ in read(FILE.of(self.settings), KeyLines(self.secret), self.listed):
            pass

    def try_load(self) -> None:
        """As `load`, which only reads."""
        self.load()

    def renew(self, settings: Settings) -> None:
        """Set the path of the keys for the reload that follows."""
        FILE.put(self.settings, FILE.of(settings))

    def join(self, host: Host) -> None:
        """Ask for keys, and reload them at SIGHUP."""
        keys = ListedKeys(self.secret, host.tracker.counters, time.time)
        keys.listed = self.listed
        host.tracker.keys = keys
        reloader = KeyReloader(keys, host.start_work, FILE.of(self.settings) is not None)
        host.add_part(reloader)
        host.weights.append(reloader.weight)
        host.sources.append(reloader.tell)
        host.complaints.append(reloader.complain)
        host.reloads.append(lambda: reloader.reload(FILE.of(self.settings)))
