"""What a tracker gives up once its sockets are open: root's rights, the file system, the way to other programs.

As root: the directory becomes the root directory, the supplementary groups go, then the group, then the user, and it is
tried whether root can be had back. Others change to the directory. Nobody gains privileges from here on, and whoever
has Landlock goes into its sandbox.

What the new root directory hides has to be there before: whatever Python imports late, and the time zone.
"""

import ctypes
import importlib
import logging
import os
import pwd
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings
from opentracker.errors import StartError
from opentracker.server.system import sandbox

log = logging.getLogger("opentracker")

ROOT: Final = 0
PR_SET_NO_NEW_PRIVS: Final = 38  # Linux

# Modules that Python imports when it first needs them, for a traceback, a codec, a warning or an end; the standard
# library cannot be found from inside another root directory. A test listens for whatever is looked for in there.
NEEDED_LATER: Final = (
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "encodings.utf_8",
    "linecache",
    "stringprep",
    "tokenize",
    "traceback",
    "tracemalloc",
    "unicodedata",
    "warnings",
)


@dataclass(frozen=True)
class Account:
    """Whom a tracker that was started as root becomes."""

    name: str
    uid: int
    gid: int


def account_of(user: str) -> Account:
    """The account of a user that is not root. Raises StartError."""
    try:
        entry = pwd.getpwnam(user)
    except (KeyError, ValueError) as error:  # ValueError: a null byte
        raise StartError(f"there is no user {user!r} to become (-u, tracker.user)") from error
    if entry.pw_uid == ROOT:
        raise StartError(f"refuse to go on as root: the user {user} is root (-u, tracker.user)")
    return Account(user, entry.pw_uid, entry.pw_gid)


def is_root() -> bool:
    """Whether this process has root's rights."""
    return ROOT in (os.getuid(), os.geteuid())


def confine(settings: Settings, paths: Sequence[NamedPath]) -> None:
    """Give up what a tracker with open sockets no longer needs; `settings` then has `paths` as seen from inside.

    Raises StartError.
    """
    preload()
    if is_root():
        account = account_of(settings.user)
        root = settings.directory.absolute()
        change_root(root)
        see_from_inside(settings, paths, root)
        settings.root = root
        become(account)
        if not os.access("/", os.X_OK):
            raise StartError(
                f"the user {account.name} may not enter the directory {root} (-d, tracker.rootdir)"
            )
        log.info("running as %s, with the root directory %s", account.name, root)
    else:
        enter(settings.directory)
    gain_nothing()
    sandbox.restrict(settings, paths, sandbox.Kernel())


def preload() -> None:
    """Load what will be needed and cannot be found later."""
    for name in NEEDED_LATER:
        importlib.import_module(name)
    time.tzset()
    time.localtime()  # reads /etc/localtime


def enter(directory: Path) -> None:
    """Change directory. Raises StartError."""
    try:
        os.chdir(directory)
    except OSError as error:
        raise StartError(f"cannot change to the directory {directory}: {error.strerror}") from error
    log.debug("changed to the directory %s", directory)


def change_root(directory: Path) -> None:
    """Make a directory the root directory, and go there. Raises StartError."""
    enter(directory)  # which tells one that is not there from one that may not be made the root
    try:
        os.chroot(".")
        os.chdir("/")
    except OSError as error:
        raise StartError(f"cannot make {directory} the root directory: {error.strerror}") from error
    log.debug("changed the root directory to %s", directory)


def see_from_inside(settings: Settings, paths: Sequence[NamedPath], root: Path) -> None:
    """Shorten the paths that begin with the new root directory: that is how existing configurations write them."""
    for named in paths:
        path = named.of(settings)
        if named.inside and path is not None and path.is_relative_to(root):
            named.put(settings, Path("/", path.relative_to(root)))


def become(account: Account) -> None:
    """Become somebody who is not root, for good. Raises StartError."""
    try:
        os.setgroups([])
        if hasattr(os, "setresuid"):
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)
        else:
            os.setgid(account.gid)
            os.setuid(account.uid)
    except OSError as error:
        raise StartError(f"cannot become the user {account.name}: {error.strerror}") from error
    log.debug("became uid %d, gid %d, without supplementary groups", account.uid, account.gid)
    if is_root() or set(os.getgroups()) - {account.gid} or can_be_root_again():
        raise StartError(f"refuse to go on as root: having become {account.name}, its rights can be had back")


def can_be_root_again() -> bool:
    """Whether root's rights can be had back; whoever tries and succeeds has them."""
    for call in (os.setuid, os.seteuid):
        try:
            call(ROOT)
        except OSError:
            continue
        return True
    return False


def gain_nothing() -> None:
    """See to it that no program that is run from here, setuid or not, has more rights than this one (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise StartError(f"cannot set no-new-privileges: {os.strerror(ctypes.get_errno())}")
    log.debug("set no-new-privileges")
