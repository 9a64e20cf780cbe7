"""The FIFOs that change the access list."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.paths import NamedPath
from opentracker.features.accesslist.accesslist import HEX_LINES, AccessListReloader
from opentracker.features.accesslist.changes import Changes
from opentracker.features.list_lines import LineChanges, LineFormat
from opentracker.server.core import Core
from opentracker.server.fifos import FifoFeature


@dataclass
class FifoSettings:
    """The FIFOs for changes of the access list."""

    add: Path | None = None
    delete: Path | None = None


ADD: Final = NamedPath(
    FifoSettings,
    "add",
    "would read torrents to add to the access list from",
    key="access.fifo_add",
    writes=True,
)
DELETE: Final = NamedPath(
    FifoSettings,
    "delete",
    "would read torrents to delete from the access list from",
    key="access.fifo_delete",
    writes=True,
)


class ListFifoFeature(FifoFeature):
    """FIFOs beside an access list."""

    paths: ClassVar[tuple[NamedPath, ...]] = (ADD, DELETE)
    add: ClassVar[NamedPath] = ADD
    delete: ClassVar[NamedPath] = DELETE

    def form(self) -> LineFormat:
        """See FifoFeature."""
        return HEX_LINES

    def changes(self, host: Core, name: str, listed: bool) -> LineChanges:
        """See FifoFeature."""
        return Changes(host.part(AccessListReloader), name, listed)
