"""Networks that are not served: `access.deny`, and a file of them, which SIGHUP reads again.

A line of the file is a network, as in `access.deny`. Blank lines do not count, nor does anything behind `#` or `;`: the
lists of Spamhaus are read as they are. One wrong line refuses the file, and so does a last line without its end, since
a network that is cut off is a larger one.

At the start a refused file ends the tracker. At a reload the networks of the file before stay in force.
"""

import logging
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings, Take
from opentracker.config.values import shown
from opentracker.errors import UsageError
from opentracker.features.feature import Feature, Host
from opentracker.features.list_file import ListFile
from opentracker.features.outcome import Outcome
from opentracker.protocol.addresses import format_network, parse_network
from opentracker.swarm.counting.metric import MOST, Gauge, Metric
from opentracker.swarm.policy.denial import COUNTERS, Denial, NetworkTable
from opentracker.swarm.surveys.snapshot import StatsSnapshot

log = logging.getLogger("opentracker")

NETWORKS: Final = Gauge(
    "opentracker_denied_networks",
    "Networks that are not served.",
    MOST,
    people="Networks that are not served",
)
AT_ONCE: Final = 50  # lines of a file between two yields: a quarter of a millisecond


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


def read(path: Path | None, networks: NetworkTable) -> Generator[None, None, None]:
    """Add the networks of a file to a table, in slices. Raises UsageError for a file that is refused."""
    if path is None:
        return
    file = ListFile(path, "the networks that are not served")
    number = 0
    try:
        for lines in file.blocks():
            for line in lines:
                number += 1
                add_line(line, networks, f"{file.name}:{number}")
                if number % AT_ONCE == 0:
                    yield
        if file.rest:
            raise UsageError(f"{file.name}:{number + 1}: the last line has no line end: is it cut off?")
    finally:
        file.close()


def add_line(line: bytes, networks: NetworkTable, place: str) -> None:
    """Add the network of a line to a table. Raises UsageError, which begins with `place`."""
    text = line.partition(b"#")[0].partition(b";")[0].decode("latin-1").strip()
    if not text:
        return
    try:
        networks.add(*parse_network(text))
    except ValueError as error:
        raise UsageError(f"{place}: '{shown(text)}': {shown(str(error))}") from error


class DenialReloader:
    """Reads the file again while the tracker runs."""

    def __init__(self, host: Host, settings: Settings, of_file: NetworkTable) -> None:
        self.start = host.start_work
        self.settings = settings
        self.denial: Denial = host.tracker.denial
        self.coming: NetworkTable | None = None  # the table that is being read
        self.outcome = Outcome(
            "opentracker_denied_networks",
            "reload",
            "File of networks that are not served",
            "The networks that are not served could not be read again: those before are in force.",
            time.time,
        )
        self.outcome.succeeded()
        self.install(of_file)

    def install(self, of_file: NetworkTable) -> None:
        """Deny the networks of the config and of the file."""
        self.denial.deny(self.settings.of(DenialSettings).networks, of_file)

    def reload(self) -> None:
        """Deny the networks of the config at once, and start to read the file; a reload under way is abandoned."""
        self.install(self.denial.of_file)
        coming = self.coming = NetworkTable()
        self.start(self.replace(FILE.of(self.settings), coming))

    def replace(self, path: Path | None, coming: NetworkTable) -> Iterator[None]:
        """Read the file in slices, and install its networks; after a failure those before stay."""
        reading = read(path, coming)
        try:
            for _ in reading:
                yield
                if self.coming is not coming:
                    return
        except (UsageError, MemoryError) as error:
            self.outcome.failed(str(error) or "not enough memory for the networks that are not served")
            log.error("%s; the networks that are not served stay as they were", self.outcome.complaint)
            return
        finally:
            reading.close()
        if self.coming is coming:
            self.coming = None
            self.outcome.succeeded()
            self.install(coming)
            tell(path, coming)

    def complain(self) -> str:
        """The lasting fault of the last reload, or nothing."""
        return f"the last reload failed: {self.outcome.complaint}" if self.outcome.complaint else ""

    def complete(self, snapshot: StatsSnapshot) -> None:
        """Add the values of the gauges to a snapshot."""
        snapshot.tell(NETWORKS, self.denial.of_config.size() + self.denial.of_file.size())
        if FILE.of(self.settings) is not None or self.outcome.failures:
            self.outcome.tell(snapshot)


def tell(path: Path | None, networks: NetworkTable) -> None:
    """Log the number of networks in a file."""
    if path is not None:
        log.info("%s: %d networks that are not served", path, networks.size())


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
        path = FILE.of(self.settings)
        for _ in read(path, self.of_file):
            pass
        tell(path, self.of_file)

    def try_load(self) -> None:
        """As `load`, which only reads."""
        self.load()

    def renew(self, settings: Settings) -> None:
        """Set the networks and the file for the reload that follows."""
        FILE.put(self.settings, FILE.of(settings))
        self.settings.of(DenialSettings).networks = settings.of(DenialSettings).networks

    def join(self, host: Host) -> None:
        """Deny the networks, and read the file again at SIGHUP."""
        reloader = DenialReloader(host, self.settings, self.of_file)
        host.sources.append(reloader.complete)
        host.complaints.append(reloader.complain)
        host.reloads.append(reloader.reload)
