"""Files that an operator names: each is a field of a section, described once by a NamedPath.

A NamedPath gives the action of its option and its key, the line of `-t`, the path from inside the root directory, and
the directory that the sandbox leaves open. NamedPaths does so for several files of one kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentracker.config.settings import Settings, check_field
from opentracker.config.values import parse_path


@dataclass(frozen=True)
class NamedPath:
    """A file of a feature: the class and the field of its settings, which hold a Path or None.

    `words` begin the line of `-t`. A file that is not opened from `inside` the root directory is opened before the
    tracker changes its working directory, and a relative path starts there. A file is written by replacing it, so
    `writes` means the right to write to its directory.
    """

    section: type[Any]
    field: str
    words: str
    key: str = ""  # of config files; empty for an option alone
    writes: bool = False
    inside: bool = True

    def __post_init__(self) -> None:
        """Raises AttributeError for a field that does not exist."""
        check_field(self.section, self.field)

    def of(self, settings: Settings) -> Path | None:
        """The path that was given."""
        path: Path | None = getattr(settings.of(self.section), self.field)
        return path

    def put(self, settings: Settings, path: Path | None) -> None:
        """Set the path."""
        setattr(settings.of(self.section), self.field, path)

    def all_of(self, settings: Settings) -> list[Path]:
        """The path that was given, if there is one."""
        path = self.of(settings)
        return [] if path is None else [path]

    def change(self, settings: Settings, changed: Callable[[Path], Path]) -> None:
        """Put what `changed` returns in place of the path that was given."""
        for path in self.all_of(settings):
            self.put(settings, changed(path))

    def take(self, settings: Settings, value: str) -> None:
        """The action of the option and of the key."""
        path = parse_path(value)
        self.put(settings, path if self.inside else path.absolute())


class NamedPaths(NamedPath):
    """Files of one kind, of which each line of a config file names one: the field holds the list of their paths."""

    def all_of(self, settings: Settings) -> list[Path]:
        """The paths that were given, in their order."""
        paths: list[Path] = getattr(settings.of(self.section), self.field)
        return paths

    def change(self, settings: Settings, changed: Callable[[Path], Path]) -> None:
        """See NamedPath."""
        paths = self.all_of(settings)
        paths[:] = [changed(path) for path in paths]

    def take(self, settings: Settings, value: str) -> None:
        """The action of the key: one path more."""
        self.all_of(settings).append(parse_path(value))
