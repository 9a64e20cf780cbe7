"""A feature's files, as tests of those that take paths from features name them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from opentracker.config.paths import NamedPath, NamedPaths
from opentracker.config.settings import Sections, Settings


@dataclass
class Files:
    """Files of every kind."""

    read: Path | None = None
    written: Path | None = None
    before: Path | None = None
    several: list[Path] = field(default_factory=list)


READ: Final = NamedPath(Files, "read", "would read", key="some.list")
WRITTEN: Final = NamedPath(Files, "written", "would write", key="some.state", writes=True)
BEFORE: Final = NamedPath(Files, "before", "would begin with", inside=False)
SEVERAL: Final = NamedPaths(Files, "several", "would read each", key="some.files")
PATHS: Final = (READ, WRITTEN, BEFORE)


def naming(read: Path | None = None, written: Path | None = None, before: Path | None = None) -> Settings:
    """Settings that name these files."""
    return Settings(sections=Sections(Files(read, written, before)))
