"""Helpers for the tests of connections."""

import errno
import os
from typing import Any, Final

from opentracker._features import OT_CLIENT_TIMEOUT, OT_CLIENT_TIMEOUT_CHECKINTERVAL
from opentracker.server.selector import Selector
from tests.protocol.http_cases import ANN, get
from tests.server.live import Live

H_01: Final = get(b"/announce?" + ANN)
SWEPT: Final = (
    OT_CLIENT_TIMEOUT + OT_CLIENT_TIMEOUT_CHECKINTERVAL
)  # seconds after which an idle connection is gone


def open_connections(live: Live) -> int:
    return len(live.server.http.connections)


class FullSelector(Selector):
    """One of a user who watches as many descriptors as the kernel lets him."""

    def register(self, *arguments: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
