"""Giving up rights once the sockets are open: root's rights, the file system, the rights of setuid programs.

A process with root's rights makes its directory the root directory, drops its supplementary groups, its group and its
user, and checks that root's rights cannot be regained. Another process changes to the directory. Both set
no-new-privileges, and enter a Landlock sandbox if the kernel has it.

Modules that Python imports late, and the time zone, are loaded before the root directory hides them.
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

# Modules that Python imports when it first needs them, for a traceback, a codec, a warning or the exit; the standard
# library is not visible from inside another root directory. A test watches for imports from there.
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
    """The user that a tracker started as root becomes."""

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
    """Give up rights that a tracker with open sockets no longer needs; `paths` in `settings` become those from inside.

    Raises StartError.
    """
    give_up(settings, paths)
    sandbox.restrict(settings, paths, sandbox.Kernel())


def give_up(settings: Settings, paths: Sequence[NamedPath]) -> None:
    """Do so without a sandbox. Raises StartError."""
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


def preload() -> None:
    """Load modules and the time zone, which cannot be found later."""
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
    enter(directory)  # its error differs from chroot's: the directory is missing, or root is refused
    try:
        os.chroot(".")
        os.chdir("/")
    except OSError as error:
        raise StartError(f"cannot make {directory} the root directory: {error.strerror}") from error
    log.debug("changed the root directory to %s", directory)


def see_from_inside(settings: Settings, paths: Sequence[NamedPath], root: Path) -> None:
    """Shorten paths that begin with the new root directory, as they do in existing configurations."""

    def shortened(path: Path) -> Path:
        return Path("/", path.relative_to(root)) if path.is_relative_to(root) else path

    for named in paths:
        if named.inside:
            named.change(settings, shortened)


def become(account: Account) -> None:
    """Become a user who is not root, irreversibly. Raises StartError."""
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
    """Whether root's rights can be regained; a True result means that the process has them again."""
    for call in (os.setuid, os.seteuid):
        try:
            call(ROOT)
        except OSError:
            continue
        return True
    return False


def gain_nothing() -> None:
    """Set no-new-privileges: no program run from here, setuid or not, gets more rights than this one (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise StartError(f"cannot set no-new-privileges: {os.strerror(ctypes.get_errno())}")
    log.debug("set no-new-privileges")
