"""A feature: one class that names all that it brings, and takes part in a start of the tracker.

A feature that is not in a build is not in its wheel. `server/wiring.py` lists the features of a build, and runs one
loop for each phase:

    check    start, `-t`   the settings contradict themselves, or lack something
    open     start         open what root's rights are needed for, or what the root directory hides
    try_open       `-t`    the same, without making or binding anything
             confine       the process gives up root's rights and most of the file system
    load     start         read and open the rest: the last phase that may fail
    try_load       `-t`    the same, without making anything
    join     start         become a part of the server; loads the state, which may end the start
    begin    start         all features have joined and nobody is served yet
    renew    SIGHUP        the config files were read again
    end                    the tracker ends as it was told to; everything is still there
    close                  free what is open, after any end and after a start that failed in any phase

A feature without a socket joins a Host, the part of a server that such a feature may see. A feature in `server/` joins
the server itself.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Generic, Protocol, TypeVar

from mypy_extensions import mypyc_attr

from opentracker.config.options import Option
from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings, Take
from opentracker.config.values import shown
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Page, Stream
from opentracker.swarm.counting.metric import Metric
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from opentracker.swarm.tracker import Tracker

Action = Callable[[], None]
Part = TypeVar("Part")


class Answers(Protocol):
    """The answers to HTTP requests, as a feature may change them."""

    pages: dict[bytes, Page]  # by path
    watchers: list[Callable[[Request, bytes], None]]  # are told of each request and its client's address
    # From a request and the address of its connection to the address of the client. Raises TrackerFailure.
    client_of: Callable[[Request, bytes], bytes]


class Host(Protocol):
    """A server as a feature without a socket sees it."""

    tracker: Tracker
    tracker_id: int
    streams: dict[str, Stream]  # modes of the statistics with an answer of their own kind
    reloads: list[Action]  # to be done at SIGHUP
    dumps: list[Action]  # to be done at SIGUSR1
    complaints: list[Callable[[], str]]  # each tells a fault that lasts, such as a failed reload, or nothing
    scarcities: list[Callable[[], bool]]  # each tells whether slots of one kind are scarce
    sources: list[Callable[[StatsSnapshot], None]]  # tell a statistic the values of gauges
    weights: list[Callable[[], int]]  # bytes of memory that have limits of their own
    share: int  # bytes of memory for all slots of one kind; 0: not known

    @property
    def http_answers(self) -> Answers:
        """The answers to HTTP requests."""

    def minute(self) -> int:
        """The tracker's time."""

    def uptime(self) -> float:
        """Seconds since the start, as of this iteration of the loop."""

    def every(self, interval: float, action: Action) -> None:
        """Call `action` every `interval` seconds."""

    def start_work(self, work: Iterator[None]) -> None:
        """Take on long work, which the loop advances in slices."""

    def complete(self, snapshot: StatsSnapshot) -> None:
        """Add the figures that only a server knows."""

    def part(self, kind: type[Part]) -> Part:
        """The part of this class, which a feature that has joined before has added."""

    def add_part(self, part: object) -> None:
        """Let features that join later find this object by its class."""


Joined_contra = TypeVar("Joined_contra", contravariant=True)


@mypyc_attr(allow_interpreted_subclasses=True)
class Feature(Generic[Joined_contra]):
    """The class has all that a feature brings; an instance takes part in one start of the tracker."""

    options: ClassVar[tuple[Option, ...]] = ()
    keys: ClassVar[Mapping[str, Take]] = {}  # of config files, beside those of the paths
    paths: ClassVar[tuple[NamedPath, ...]] = ()
    counters: ClassVar[tuple[Metric, ...]] = ()  # rows of the statistics
    renewed: ClassVar[frozenset[str]] = frozenset()  # keys that `renew` takes over, and those of rights

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def plan(self) -> Iterator[str]:
        """Lines of `-t`: all that a start would open, load or write."""
        for path in self.paths:
            given = path.of(self.settings)
            if given is not None:
                yield f"{path.words} {shown(str(given))}"

    def check(self) -> None:
        """Raises StartError and UsageError, as all phases up to `load` do."""

    def open(self) -> None:
        """Open what cannot be opened once the process is confined."""

    def try_open(self) -> None:
        """Find out whether `open` would fail."""

    def load(self) -> None:
        """Read and open the rest."""

    def try_load(self) -> None:
        """Find out whether `load` would fail."""

    def join(self, host: Joined_contra) -> None:
        """Become a part of a server that serves nobody yet."""

    def begin(self, host: Joined_contra) -> None:
        """All features have joined, and nobody is served yet."""

    def renew(self, settings: Settings) -> None:
        """Take over what config files say that were read again; they are settings that passed `check`."""

    def end(self) -> None:
        """The tracker ends as it was told to, and everything is still there."""

    def close(self) -> None:
        """Free what is open; each phase before may have been the last."""


def keys_of(feature: type[Feature[Joined_contra]]) -> dict[str, Take]:
    """The keys of config files that a feature brings, those of its paths among them."""
    return {**feature.keys, **{path.key: path.take for path in feature.paths if path.key}}
