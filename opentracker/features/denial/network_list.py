"""A list of networks that are not served: its file, reloads while the tracker runs, and changes through FIFOs.

A line of the file is a network, as in `access.deny`. Blank lines do not count, nor does anything behind `#` or `;`: the
lists of Spamhaus are read as they are. One wrong line refuses the file, and so does a last line without its end, since
a network that is cut off is a larger one.

A change adds a network, or deletes exactly this one, until the next reload. Changes that come while the file is being
read apply to the new list as well.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final

from opentracker.config.values import shown
from opentracker.errors import UsageError
from opentracker.features.list_file import ListFile
from opentracker.features.list_lines import LineChanges, LineFormat
from opentracker.features.list_reload import ListReloader
from opentracker.features.outcome import Outcome
from opentracker.protocol.addresses import parse_network
from opentracker.swarm.counting.metric import MOST, Gauge
from opentracker.swarm.policy.denial import Denial, NetworkTable
from opentracker.swarm.surveys.snapshot import StatsSnapshot

log = logging.getLogger("opentracker")

NETWORKS: Final = Gauge(
    "opentracker_denied_networks",
    "Networks that are not served.",
    MOST,
    people="Networks that are not served",
)
AT_ONCE: Final = 50  # lines of a file between two yields: a quarter of a millisecond
SLICE: Final = 1000  # networks freed between two yields
NETWORK: Final = 130  # bytes of memory of a network


class NetworkLines(LineFormat):
    """Lines of a network and maybe a comment; an entry is the prefix length in a byte, and the first address."""

    def __init__(self) -> None:
        super().__init__("a network", shown=50)

    def parse(self, line: bytes) -> bytes | None:
        """See LineFormat."""
        text = network_in(line)
        try:
            first, bits = parse_network(text)
        except ValueError:
            return None
        return bytes([bits]) + first


NETWORK_LINES: Final = NetworkLines()


def network_in(line: bytes) -> str:
    """The text of a line without its comment."""
    return line.partition(b"#")[0].partition(b";")[0].decode("latin-1").strip()


class NetworkList:
    """The networks of a file, and the changes since; `late` are those that came while the file was being read."""

    def __init__(self, table: NetworkTable) -> None:
        self.table = table
        self.late: list[tuple[bytes, bool]] = []  # an entry of NetworkLines, and whether it is denied

    def change(self, entry: bytes, denied: bool) -> None:
        """Add a network, or delete it."""
        if denied:
            self.table.add(entry[1:], entry[0])
        else:
            self.table.remove(entry[1:], entry[0])

    def weight(self) -> int:
        """See ReloadedList."""
        return self.table.size() * NETWORK

    def dissolve(self) -> Iterator[None]:
        """See ReloadedList."""
        for family in self.table.networks.values():
            for prefixes in family.values():
                while prefixes:
                    for _ in range(min(SLICE, len(prefixes))):
                        prefixes.popitem()
                    yield


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
    log.info("%s: %d networks that are not served", path, networks.size())


def add_line(line: bytes, networks: NetworkTable, place: str) -> None:
    """Add the network of a line to a table. Raises UsageError, which begins with `place`."""
    text = network_in(line)
    if not text:
        return
    try:
        networks.add(*parse_network(text))
    except ValueError as error:
        raise UsageError(f"{place}: '{shown(text)}': {shown(str(error))}") from error


class DenialReloader(ListReloader[NetworkList]):
    """Reloads the list; `of_config` returns the networks of the config, which are denied beside it."""

    def __init__(
        self,
        denial: Denial,
        of_file: NetworkTable,
        of_config: Callable[[], NetworkTable],
        start: Callable[[Iterator[None]], None],
        has_file: bool,
    ) -> None:
        outcome = Outcome(
            "opentracker_denied_networks",
            "reload",
            "File of networks that are not served",
            "The networks that are not served could not be read again: those before are in force.",
            time.time,
        )
        super().__init__(NetworkList(of_file), start, "the list of networks that are not served", outcome)
        self.denial = denial
        self.of_config = of_config
        self.has_file = has_file
        self.deny()

    def deny(self) -> None:
        """Deny the networks of the config and of the list."""
        self.denial.deny(self.of_config(), self.current.table)

    def reload(self, path: Path | None) -> None:
        """See ListReloader; the networks of the config are denied at once."""
        self.has_file = path is not None
        self.deny()
        super().reload(path)

    def make(self) -> NetworkList:
        """See ListReloader."""
        return NetworkList(NetworkTable())

    def read(self, path: Path | None, coming: NetworkList) -> Generator[None, None, None]:
        """See ListReloader."""
        return read(path, coming.table)

    def install(self, coming: NetworkList) -> None:
        """See ListReloader."""
        for entry, denied in coming.late:
            coming.change(entry, denied)
        coming.late.clear()
        self.deny()

    def change(self, entry: bytes, denied: bool) -> None:
        """Add a network to the list, or delete it."""
        self.current.change(entry, denied)
        if self.coming is not None:
            self.coming.late.append((entry, denied))
        self.deny()

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the values of the gauges to a snapshot; a tracker without a file has no reloads to tell of."""
        snapshot.tell(NETWORKS, self.denial.of_config.size() + self.denial.of_file.size())
        if self.has_file or self.outcome.failures:
            self.outcome.tell(snapshot)


class NetworkChanges(LineChanges):
    """Applies the lines of one FIFO to the list: adds, or deletes. `name` is the FIFO's name in the log."""

    def __init__(self, keeper: DenialReloader, name: str, denied: bool) -> None:
        super().__init__(name, NETWORK_LINES, self.change)
        self.keeper = keeper
        self.denied = denied

    def change(self, entry: bytes) -> None:
        """Apply an entry."""
        self.keeper.change(entry, self.denied)
