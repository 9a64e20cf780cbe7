"""The settings and their defaults; options and config files fill them in.

Settings of the tracker itself are fields of Settings. The settings of a feature are a section: a dataclass in the
feature's module, found by `settings.of(FullScrapeSettings)`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from opentracker.swarm.policy.permissions import Permissions

Section = TypeVar("Section")


@dataclass(frozen=True)
class Bind:
    """A socket to open: `udp` or TCP, packed address or None for the wildcard of every family, port (0: a free one)."""

    udp: bool
    address: bytes | None
    port: int


@dataclass
class Left:
    """The sockets and the clock that another tracker leaves to its successor; see server.upgrade."""

    takes_over: bool = False  # whether there is another tracker
    origin: float = 0.0  # its minute 0, by the machine's monotonic clock
    sockets: list[Any] = field(default_factory=list)  # bound ones, for binds of their addresses
    others: list[Any] = field(default_factory=list)  # those that features of this tracker have bound
    named: dict[str, Any] = field(
        default_factory=dict
    )  # those of features, by names that the features choose
    own: dict[str, Any] = field(default_factory=dict)  # those of features of this tracker, by the same names
    taken: list[str] = field(default_factory=list)  # names of `named` that this tracker serves
    passed_on: list[str] = field(default_factory=list)  # names of `own` that the next tracker serves
    lock: int = -1  # the descriptor of the state's lock file; also that of this tracker, for the next one

    def take(self, name: str) -> Any:
        """The socket that the other tracker has left under a name; None if there is none."""
        sock = self.named.pop(name, None)
        if sock is not None:
            sock.setblocking(False)
            self.taken.append(name)
        return sock


class Sections:
    """The settings of features, by their class. Two objects are equal if all their sections are."""

    def __init__(self, *sections: object) -> None:
        self.by_class: dict[type[Any], Any] = {type(section): section for section in sections}

    def of(self, kind: type[Section]) -> Section:
        """The section of this class; it has the defaults until an option or a key changes it."""
        if kind not in self.by_class:
            self.by_class[kind] = kind()
        section: Section = self.by_class[kind]
        return section

    def __eq__(self, other: object) -> bool:
        """Whether all sections are equal; a missing section has the defaults."""
        if not isinstance(other, Sections):
            return NotImplemented
        return all(self.of(kind) == other.of(kind) for kind in {*self.by_class, *other.by_class})

    __hash__ = None  # type: ignore[assignment] # sections change


def check_field(section: type[Any], name: str) -> None:
    """Raise AttributeError for a name that is no field of a section, when the program is imported."""
    if name not in {each.name for each in fields(section)}:
        raise AttributeError(f"{section.__name__} has no field {name}")


@dataclass
class Settings:
    """The settings of a tracker, from options and config files."""

    binds: list[Bind] = field(default_factory=list)  # none: TCP and UDP 6969 on `last_address`
    binds_elsewhere: bool = False  # whether a feature binds sockets for clients, so that `binds` may be empty
    last_address: bytes | None = None  # the latest `-i`
    redirect_url: str = ""  # the target of a redirect of `/`; empty: 404
    directory: Path = field(default_factory=Path)  # the working directory; for root also the root directory
    user: str = "nobody"  # the user to become, when started as root
    permissions: Permissions = field(default_factory=Permissions)
    workers: int = 1  # processes that serve the sockets
    config_files: list[str] = field(default_factory=list)  # the files that were read, by their given names
    # Keys in config files, with their values.
    given: list[tuple[str, str]] = field(default_factory=list, compare=False)
    # A reload reads the config files again: relative to `origin`, inside `root` if the root directory was changed, by
    # calling `reread` (None: nothing can be read again).
    origin: Path = field(default_factory=Path, compare=False)
    root: Path | None = field(default=None, compare=False)
    reread: "Callable[[], Settings] | None" = field(default=None, compare=False)
    log_level: int = logging.INFO  # the least serious that is logged: `-q`, `--verbose`, `log.level`
    log_format: str = "text"  # or logfmt, json
    # Options and keys as they were given, for the log.
    taken: list[str] = field(default_factory=list, compare=False)
    check_only: bool = False  # `-t`
    left: Left = field(default_factory=Left, compare=False)
    sections: Sections = field(default_factory=Sections)

    def of(self, kind: type[Section]) -> Section:
        """The settings of a feature."""
        return self.sections.of(kind)


# Takes the value of an option or of a key into the settings. Raises ValueError, whose text names the expected form.
Take = Callable[[Settings, str], None]
