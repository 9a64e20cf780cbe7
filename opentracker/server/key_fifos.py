"""The FIFOs that change the keys of a private tracker."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.paths import NamedPath
from opentracker.features.keys.key_list import KeyChanges, KeyLines, KeyReloader
from opentracker.features.list_lines import LineChanges, LineFormat
from opentracker.server.core import Core
from opentracker.server.fifos import FifoFeature


@dataclass
class KeyFifoSettings:
    """The FIFOs for changes of the keys."""

    add: Path | None = None
    delete: Path | None = None


ADD: Final = NamedPath(
    KeyFifoSettings, "add", "would read keys to add from", key="access.keys_fifo_add", writes=True
)
DELETE: Final = NamedPath(
    KeyFifoSettings, "delete", "would read keys to delete from", key="access.keys_fifo_delete", writes=True
)


class KeyFifoFeature(FifoFeature):
    """FIFOs beside a file of keys."""

    paths: ClassVar[tuple[NamedPath, ...]] = (ADD, DELETE)
    add: ClassVar[NamedPath] = ADD
    delete: ClassVar[NamedPath] = DELETE

    def form(self) -> LineFormat:
        """See FifoFeature; each worker computes the digests of keys."""
        return KeyLines(b"")

    def changes(self, host: Core, name: str, listed: bool) -> LineChanges:
        """See FifoFeature."""
        return KeyChanges(host.part(KeyReloader), name, listed)
