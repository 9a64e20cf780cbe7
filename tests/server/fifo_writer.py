"""A writer of FIFOs that a live tracker reads."""

import os
from pathlib import Path

from tests.server.live import Live


def write(live: Live, path: Path, text: bytes) -> None:
    """Be a writer who comes, writes and goes."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, text)
    os.close(fd)
    live.settle()
