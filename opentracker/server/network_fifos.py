"""The FIFOs that change the networks that are not served."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.paths import NamedPath
from opentracker.features.denial.network_list import NETWORK_LINES, DenialReloader, NetworkChanges
from opentracker.features.list_lines import LineChanges, LineFormat
from opentracker.server.core import Core
from opentracker.server.fifos import FifoFeature


@dataclass
class NetworkFifoSettings:
    """The FIFOs for changes of the networks that are not served."""

    add: Path | None = None
    delete: Path | None = None


ADD: Final = NamedPath(
    NetworkFifoSettings, "add", "would read networks to deny from", key="access.deny_fifo_add", writes=True
)
DELETE: Final = NamedPath(
    NetworkFifoSettings,
    "delete",
    "would read networks to serve again from",
    key="access.deny_fifo_delete",
    writes=True,
)


class NetworkFifoFeature(FifoFeature):
    """FIFOs beside a file of networks that are not served."""

    paths: ClassVar[tuple[NamedPath, ...]] = (ADD, DELETE)
    add: ClassVar[NamedPath] = ADD
    delete: ClassVar[NamedPath] = DELETE

    def form(self) -> LineFormat:
        """See FifoFeature."""
        return NETWORK_LINES

    def changes(self, host: Core, name: str, listed: bool) -> LineChanges:
        """See FifoFeature."""
        return NetworkChanges(host.part(DenialReloader), name, listed)
