"""The access list as a feature: its file, and the reloads while the tracker runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.config.options import SERVING, Option
from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings
from opentracker.features.accesslist.accesslist import AccessList, AccessListReloader, load
from opentracker.features.feature import Feature, Host
from opentracker.swarm.counting.metric import Metric
from opentracker.swarm.policy.admission import REFUSED


@dataclass
class AccessListSettings:
    """The path of the list; the build decides whether it is a blacklist or a whitelist."""

    path: Path | None = None


KEY: Final = "access.whitelist" if WANT_ACCESSLIST_WHITE else "access.blacklist"
LIST: Final = NamedPath(AccessListSettings, "path", "would load the access list", key=KEY)


def option() -> Option:
    """The option for the kind of list that this build has."""
    if WANT_ACCESSLIST_WHITE:
        return Option(SERVING, "w", "file", LIST.take, "serve only the torrents listed in this file")
    return Option(SERVING, "b", "file", LIST.take, "refuse the torrents listed in this file")


class AccessListFeature(Feature[Host]):
    """A list of torrents to serve, or to refuse; SIGHUP reloads it."""

    in_workers: ClassVar[bool] = True
    options: ClassVar[tuple[Option, ...]] = (option(),)
    paths: ClassVar[tuple[NamedPath, ...]] = (LIST,)
    counters: ClassVar[tuple[Metric, ...]] = (REFUSED,)
    renewed: ClassVar[frozenset[str]] = frozenset({KEY})

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.torrents = AccessList()

    def load(self) -> None:
        """Read the list. Raises UsageError."""
        self.torrents = load(LIST.of(self.settings))

    def try_load(self) -> None:
        """As `load`, which only reads."""
        self.load()

    def renew(self, settings: Settings) -> None:
        """Set the path of the list for the reload that follows."""
        LIST.put(self.settings, LIST.of(settings))

    def join(self, host: Host) -> None:
        """Install the list, and reload it at SIGHUP."""
        reloader = AccessListReloader(host.tracker, self.torrents, host.start_work)
        host.add_part(reloader)
        host.weights.append(reloader.weight)
        host.sources.append(reloader.tell)
        host.reloads.append(lambda: reloader.reload(LIST.of(self.settings)))
        host.complaints.append(reloader.complain)
