"""The files of a list at a site: the FIFOs of its trackers, and the list file that they read when they start."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from opentracker.bridge.lists import Kind, line_of

ATOMIC: Final = 4096  # bytes; a write of as many to a FIFO is taken whole or not at all (Linux's PIPE_BUF)
NOT_NOW: Final = (errno.ENXIO, errno.ENOENT, errno.EAGAIN, errno.EPIPE)  # nobody reads, or not fast enough


def write_lines(path: Path, lines: list[tuple[str, str]]) -> list[str]:
    """Write lines into a FIFO as far as its reader takes them; returns the entries of those that were taken.

    Nothing waits: without a reader, none is taken. Raises OSError for a file that is no FIFO, or may not be written.
    """
    taken: list[str] = []
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in NOT_NOW:
            return taken
        raise
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is not a FIFO")
        for entries, block in blocks(lines):
            os.write(fd, block)
            taken += entries
    except OSError as error:
        if error.errno not in NOT_NOW:
            raise
    finally:
        os.close(fd)
    return taken


def blocks(lines: list[tuple[str, str]]) -> list[tuple[list[str], bytes]]:
    """The lines in blocks of ATOMIC bytes at most, each with its entries."""
    found: list[tuple[list[str], bytes]] = []
    entries: list[str] = []
    block = b""
    for entry, line in lines:
        data = line.encode("utf-8")
        if len(block) + len(data) > ATOMIC:
            found.append((entries, block))
            entries, block = [], b""
        entries.append(entry)
        block += data
    if entries:
        found.append((entries, block))
    return found


def read_list(path: Path, kind: Kind) -> dict[str, str]:
    """The entries of a list file, each with the rest of its line; none if there is no file. Raises OSError."""
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                entry, _, rest = line.strip().partition(" ")
                try:
                    found[kind.parse(entry)] = kind.rest(rest)
                except ValueError:
                    continue
    except FileNotFoundError:
        pass
    return found


def write_list(path: Path, entries: dict[str, str]) -> None:
    """Replace a list file as a whole. Raises OSError."""
    coming = path.with_name(f"{path.name}.new")
    with coming.open("w", encoding="utf-8") as file:
        file.writelines([line_of(entry, rest) for entry, rest in entries.items()])
        file.flush()
        os.fsync(file.fileno())
    coming.replace(path)
