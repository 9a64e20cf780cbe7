"""The state file's directory: checked at the start, locked for one tracker; unreadable states are kept.

Beside a state file `state` there may be::

    state.lock          the lock file of the tracker that uses the state, with its process id and host; never removed
    state.new-1a2b3c4d  a state that is being written; the next start removes the leftover of a killed tracker
    state.bad-TIME      a state that could not be read, named after its time of modification (UTC)
"""

import fcntl
import logging
import os
import secrets
import stat
import time
from itertools import count
from pathlib import Path
from typing import Final

from opentracker.errors import StartError, UsageError

log = logging.getLogger("opentracker")

NEW: Final = ".new-"
LOCK: Final = ".lock"
BAD: Final = ".bad-"
DIGITS: Final = 8  # random hex digits of a new file's name, so that two trackers use different names
LONGEST_NOTE: Final = 200  # bytes read of a lock


def new_name(path: Path) -> Path:
    """A name for a new file, in the directory of the file that it will replace."""
    return path.with_name(f"{path.name}{NEW}{secrets.token_hex(DIGITS // 2)}")


def create(path: Path) -> int:
    """Create a file that must not exist, and return its descriptor. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def check(path: Path) -> None:
    """Find out whether a state can be written to `path`. Raises UsageError and StartError."""
    if path.name in ("", ".."):
        raise UsageError(f"tracker.state_file {path} is not the name of a file")
    try:
        there = os.stat(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StartError(f"cannot write the state to {path}: {error.strerror}") from error
    else:
        check_file(path, there)
    new = new_name(path)
    try:
        os.close(create(new))
        new.unlink()
    except OSError as error:
        raise StartError(f"cannot write the state to {path}: {error.strerror}") from error


def check_file(path: Path, there: os.stat_result) -> None:
    """Check that an existing file can be read now and replaced later. Raises UsageError and StartError."""
    if not stat.S_ISREG(there.st_mode):
        raise UsageError(f"tracker.state_file {path} is not a regular file: it is left as it is")
    if not os.access(path, os.R_OK):
        raise StartError(f"cannot read the state in {path}: Permission denied")
    folder = os.stat(path.parent)
    if folder.st_mode & stat.S_ISVTX and os.geteuid() not in (0, there.st_uid, folder.st_uid):
        raise StartError(f"cannot write the state to {path}: it is another user's, in a sticky directory")


class Lock:
    """Keeps other trackers from a state file until this process ends. Raises StartError if another one holds it.

    `left` is the descriptor of a lock file that another tracker has locked and handed over, or -1.
    """

    def __init__(self, path: Path, left: int = -1) -> None:
        lock = path.with_name(path.name + LOCK)
        if left >= 0 and is_file(left, lock):
            self.fd = left
        else:
            self.fd = self.locked(path, lock)
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)

    def locked(self, path: Path, lock: Path) -> int:
        """Open and lock the lock file of a state."""
        try:
            fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StartError(f"cannot lock the state in {path}: {lock}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(fd, LONGEST_NOTE).decode("ascii", "replace").strip()
            os.close(fd)
            raise StartError(f"the state in {path} is another tracker's, {holder or 'unknown'}") from error
        except OSError as error:  # a file system without locks
            log.warning("cannot lock the state in %s: %s", path, error.strerror)
        return fd

    def close(self) -> None:
        """Unlock the state."""
        os.close(self.fd)


def is_file(fd: int, path: Path) -> bool:
    """Whether a descriptor is that of the file at a path."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path, follow_symlinks=False))
    except OSError:
        return False


def sweep(path: Path) -> None:
    """Remove unfinished files of killed trackers; the caller holds the lock."""
    start = path.name + NEW
    try:
        names = os.listdir(path.parent)
    except OSError:  # not to be read, or gone
        return
    for name in names:
        if name.startswith(start) and len(name) == len(start) + DIGITS:
            log.info("%s was not finished, and is removed", path.with_name(name))
            path.with_name(name).unlink(missing_ok=True)


def keep_aside(path: Path, stays: bool) -> Path:
    """Give a file another, unused name; with `stays` it keeps its own name too. Raises StartError."""
    written = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(path.stat().st_mtime))
    for number in count():
        kept = path.with_name(f"{path.name}{BAD}{written}{f'-{number}' if number else ''}")
        try:
            if os.path.lexists(kept):
                continue
            if stays:
                os.link(path, kept)
            else:
                path.rename(kept)
        except OSError as error:
            raise StartError(f"cannot keep {path} aside as {kept}: {error.strerror}") from error
        return kept
    raise AssertionError
