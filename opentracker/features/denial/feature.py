"""Networks that are not served, as a feature: `access.deny`, and a file of them, which SIGHUP reads again.

At the start a refused file ends the tracker. At a reload the networks of the file before stay in force.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings, Take
from opentracker.features.denial.network_list import DenialReloader, read
from opentracker.features.feature import Feature, Host
from opentracker.protocol.addresses import format_network, parse_network
from opentracker.swarm.counting.metric import Metric
from opentracker.swarm.policy.denial import COUNTERS, NetworkTable


@dataclass
class DenialSettings:
    """Networks that are not served, and the file with more of them."""

    networks: NetworkTable = field(default_factory=NetworkTable)
    path: Path | None = None


FILE: Final = NamedPath(
    DenialSettings, "path", "would load networks that are not served from", key="access.deny_file"
)


def deny(settings: Settings, value: str) -> None:
    """`access.deny`."""
    settings.of(DenialSettings).networks.add(*parse_network(value))


class DenialFeature(Feature[Host]):
    """The networks that are not served, as a feature."""

    in_workers: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"access.deny": deny}
    paths: ClassVar[tuple[NamedPath, ...]] = (FILE,)
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS
    renewed: ClassVar[frozenset[str]] = frozenset({"access.deny", "access.deny_file"})

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.of_file = NetworkTable()

    def plan(self) -> Iterator[str]:
        """See Feature."""
        yield from super().plan()
        for first, bits, _ in self.settings.of(DenialSettings).networks.blessed():
            yield f"would not serve {format_network(first, bits)}"

    def load(self) -> None:
        """Read the file. Raises UsageError."""
        for _ in read(FILE.of(self.settings), self.of_file):
            pass

    def try_load(self) -> None:
        """As `load`, which only reads."""
        self.load()

    def renew(self, settings: Settings) -> None:
        """Set the networks and the file for the reload that follows."""
        FILE.put(self.settings, FILE.of(settings))
        self.settings.of(DenialSettings).networks = settings.of(DenialSettings).networks

    def join(self, host: Host) -> None:
        """Deny the networks, and read the file again at SIGHUP."""
        reloader = DenialReloader(
            host.tracker.denial,
            self.of_file,
            lambda: self.settings.of(DenialSettings).networks,
            host.start_work,
            FILE.of(self.settings) is not None,
        )
        host.add_part(reloader)
        host.weights.append(reloader.weight)
        host.sources.append(reloader.tell)
        host.complaints.append(reloader.complain)
        host.reloads.append(lambda: reloader.reload(FILE.of(self.settings)))
