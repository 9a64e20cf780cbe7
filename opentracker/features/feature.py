"""A feature: a class that declares its options, keys, paths and counters, and takes part in a start of the tracker.

A feature that is not in a build is not in its wheel. `server/wiring.py` lists the features of a build, and runs one
loop for each phase:

    check    start, `-t`   refuse settings that contradict each other, or are incomplete
    open     start         open files and sockets that need root's rights, or that the root directory hides
    try_open       `-t`    find out whether `open` would fail, without creating or binding anything
             confine       the process gives up root's rights and most of the file system
    load     start         read and open the rest
    try_load       `-t`    find out whether `load` would fail, without creating anything
    join     start         become a part of the server; loading the state here is the last step that may fail
    begin    start         all features have joined, and no client is served yet
    renew    SIGHUP        the config files were read again
    end                    the tracker was told to end, and all features are still open
    close                  free all resources, after any end and after a start that failed in any phase

In a tracker of several workers the supervisor runs `check`, `open` and `oversee`, and each worker, a fork of it,
`inherit`, `divide`, and the phases from `load` on. A feature that is not `in_workers` refuses such a start.

A feature without a socket joins a Host, the part of a server that such a feature may use. A feature in `server/` joins
the server itself.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
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
    """The parts of the HTTP answers that a feature may change."""

    pages: dict[bytes, Page]  # by path
    watchers: list[Callable[[Request, bytes], None]]  # called with each request and its client's address
    # Returns the client's address, for a request and the address of its connection. Raises TrackerFailure.
    client_of: Callable[[Request, bytes], bytes]
    is_proxy: Callable[[bytes], bool]  # whether an address is that of a trusted proxy
    believes_plain: (
        bool  # whether an X-Forwarded-For of one IPv4 address, from a trusted proxy, names the client
    )
    needs_heads: bool  # whether `client_of` reads another header than X-Forwarded-For


class Inlet(Protocol):
    """A way of changes into the tracker that no client uses; an upgrade shuts it before another process reads on."""

    def shut(self) -> None:
        """Read no more."""

    def is_quiet(self) -> bool:
        """Whether all that was read has had its effect."""

    def last_words(self) -> list[bytes]:
        """Messages to hearers of the other process, each behind a name and a space; called when all is quiet."""

    def open(self) -> None:
        """Read on: the upgrade has failed."""


class Host(Protocol):
    """The parts of a server that a feature without a socket may use."""

    tracker: Tracker
    tracker_id: int
    streams: dict[str, Stream]  # statistics modes that write their whole answer themselves
    reloads: list[Action]  # called at SIGHUP
    dumps: list[Action]  # called at SIGUSR1
    complaints: list[Callable[[], str]]  # each returns a lasting fault, such as a failed reload, or ""
    scarcities: list[Callable[[], bool]]  # each returns whether slots of one kind are scarce
    sources: list[Callable[[StatsSnapshot], None]]  # each adds the values of its gauges to a snapshot
    weights: list[Callable[[], int]]  # each returns bytes of memory that have a limit of their own
    share: int  # bytes of memory for all slots of one kind; 0: not known
    hearers: dict[
        bytes, Callable[[bytes], None]
    ]  # by name: each takes messages of the tracker's other processes
    inlets: list[Inlet]

    @property
    def http_answers(self) -> Answers:
        """The answers to HTTP requests."""

    @property
    def stats_answers(self) -> Answers:
        """The answers at the address of the statistics; those of `http_answers`, if they have none of their own."""

    def minute(self) -> int:
        """The tracker's time."""

    def uptime(self) -> float:
        """Seconds since the start, as of this iteration of the loop."""

    def every(self, interval: float, action: Action) -> None:
        """Call `action` every `interval` seconds."""

    def start_work(self, work: Iterator[None]) -> None:
        """Start long work, which the loop advances in slices."""

    def complete(self, snapshot: StatsSnapshot) -> None:
        """Add the figures that only a server knows."""

    def part(self, kind: type[Part]) -> Part:
        """The part of this class, added by a feature that joined earlier."""

    def add_part(self, part: object) -> None:
        """Add an object that features that join later find by its class."""

    def keep(self, name: bytes, message: bytes) -> None:
        """Give a message to a hearer of the next version, if one takes over before the next reload."""


class Overseer(Protocol):
    """The parts of a supervisor that a feature may use."""

    reloads: list[Action]  # called at SIGHUP
    dumps: list[Action]  # called at SIGUSR1
    complaints: list[Callable[[], str]]  # each returns a lasting fault, or ""
    sources: list[Callable[[StatsSnapshot], None]]  # each adds the values of its gauges to a snapshot
    listening: list[str]  # sockets of features for the tracker's clients, in words
    beginnings: list[Action]  # called once, when all workers serve
    endings: list[Callable[[], Iterator[None]]]  # long work at a clean end; raises EndError
    inlets: list[Inlet]
    # By name: each takes messages of the version before; those to other names are told to all workers.
    hearers: dict[bytes, Callable[[bytes], None]]

    def minute(self) -> int:
        """The time of all workers."""

    def every(self, interval: float, action: Action) -> None:
        """Call `action` every `interval` seconds."""

    def start_work(self, work: Iterator[None]) -> None:
        """Start long work, which the loop advances in slices."""

    def gather(self, name: bytes) -> Generator[bytes, None, None]:
        """The pieces of a stream of all workers, one worker after the other."""

    def part(self, kind: type[Part]) -> Part:
        """The part of this class, such as the loop."""

    def tell(self, name: bytes, message: bytes) -> None:
        """Give a message to a hearer of all workers, and of their successors up to the next reload."""

    def keep(self, name: bytes, message: bytes) -> None:
        """Give a message to a hearer of the successors up to the next reload."""

    def ask(self, name: bytes, question: bytes, done: Callable[[list[bytes]], None]) -> None:
        """Call `done` with the answers of all workers, each of which is a stream of this name."""


Joined_contra = TypeVar("Joined_contra", contravariant=True)


@mypyc_attr(allow_interpreted_subclasses=True)
class Feature(Generic[Joined_contra]):
    """The class attributes declare the parts of a feature; an instance takes part in one start of the tracker."""

    options: ClassVar[tuple[Option, ...]] = ()
    keys: ClassVar[Mapping[str, Take]] = {}  # of config files, beside those of the paths
    paths: ClassVar[tuple[NamedPath, ...]] = ()
    counters: ClassVar[tuple[Metric, ...]] = ()  # rows of the statistics
    renewed: ClassVar[frozenset[str]] = frozenset()  # keys that a reload applies, by `renew` or as rights
    in_workers: ClassVar[bool] = False  # whether it can be in a tracker of several workers
    # Whether it does nothing unless one of its keys or options was given.
    is_asked_for: ClassVar[bool] = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def plan(self) -> Iterator[str]:
        """Lines of `-t`: the files and sockets that a start would open, load or write."""
        for path in self.paths:
            for given in path.all_of(self.settings):
                yield f"{path.words} {shown(str(given))}"

    def check(self) -> None:
        """Raises StartError and UsageError, as all phases up to `load` do."""

    def open(self) -> None:
        """Open files and sockets that cannot be opened once the process is confined."""

    def try_open(self) -> None:
        """Find out whether `open` would fail."""

    def load(self) -> None:
        """Read and open the other files."""

    def try_load(self) -> None:
        """Find out whether `load` would fail."""

    def oversee(self, overseer: Overseer) -> None:
        """Do the part that one process does for all workers, with the rights that are left. Raises as `load` does."""

    def inherit(self, proc: int, is_successor: bool) -> None:
        """Open files about this process again, in a new worker; `proc` is a descriptor of /proc, or -1.

        A successor takes the place of a worker that has died.
        """

    def divide(self, settings: Settings, worker: int) -> None:
        """Replace limits on the whole tracker by the share of this worker, in new settings."""

    def in_use(self) -> str:
        """A key or an option of this feature that was given, or its name if it is in use without one; empty: unused."""
        own = keys_of(type(self))
        given = [key for key, _ in self.settings.given if key in own]
        given += [f"-{option.letter}" for option in self.options if self.was_given(option.letter)]
        if not given and not self.is_asked_for:
            return type(self).__name__.removesuffix("Feature")
        return given[0] if given else ""

    def was_given(self, letter: str) -> bool:
        """Whether an option was given."""
        return any(text.split(" ")[0] == f"-{letter}" for text in self.settings.taken)

    def join(self, host: Joined_contra) -> None:
        """Become a part of a server, before it serves clients."""

    def begin(self, host: Joined_contra) -> None:
        """Called when all features have joined, before clients are served."""

    def renew(self, settings: Settings) -> None:
        """Apply settings from config files that were read again; the settings have passed `check`."""

    def end(self) -> None:
        """Called when the tracker was told to end, while all features are still open."""

    def close(self) -> None:
        """Free all resources; any phase may have been the last one before."""


def keys_of(feature: type[Feature[Joined_contra]]) -> dict[str, Take]:
    """The keys of config files that a feature brings, those of its paths among them."""
    return {**feature.keys, **{path.key: path.take for path in feature.paths if path.key}}
