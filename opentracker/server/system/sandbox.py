"""Landlock: a serving tracker can open files in configured directories only, and no TCP connection at all.

Linux's Landlock lets a process restrict itself, irreversibly and without special rights. A running tracker opens files
below the directories of its features' paths, such as an access list or a state file. The rules are for whole
directories, since such files are replaced by new ones. Without Landlock, or if it fails, the tracker serves all the
same, and logs it once.

The numbers are those of <linux/landlock.h>; each version of the interface (ABI) adds some.
"""

import ctypes
import errno
import logging
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from opentracker.config.file import located
from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings
from opentracker.errors import ConfigError

log = logging.getLogger("opentracker")

# System calls of every machine but Alpha.
CREATE_RULESET: Final = 444
ADD_RULE: Final = 445
RESTRICT_SELF: Final = 446
ASK_VERSION: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
PATH_BENEATH: Final = 1  # LANDLOCK_RULE_PATH_BENEATH

# Rights on files: bits of handled_access_fs and allowed_access.
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REMOVE_FILE: Final = 1 << 5
REMOVE_SOCKET: Final = 1 << 6
MAKE_REG: Final = 1 << 8
MAKE_FIFO: Final = 1 << 10
TRUNCATE: Final = 1 << 14
READ: Final = READ_FILE | READ_DIR
WRITE: Final = READ | WRITE_FILE | REMOVE_FILE | REMOVE_SOCKET | MAKE_REG | MAKE_FIFO | TRUNCATE

FILE_BITS: Final = {1: 13, 2: 14, 3: 15, 5: 16}  # first ABI -> number of rights on files
TCP_ABI: Final = 4  # the first one that can forbid binds (bit 0) and connects (bit 1)
TCP: Final = 3
# The first one that can forbid abstract Unix sockets (bit 0) and signals (bit 1) of others.
SCOPE_ABI: Final = 6
SCOPE: Final = 3


class Kernel:
    """The three system calls of Landlock. Raises OSError."""

    def create_ruleset(self, attributes: bytes) -> int:
        """Create a ruleset (a descriptor) from a struct landlock_ruleset_attr; for b"" return the ABI."""
        if not sys.platform.startswith("linux"):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        if not attributes:
            return self.call(CREATE_RULESET, 0, 0, ASK_VERSION)
        buffer = ctypes.create_string_buffer(attributes, len(attributes))
        return self.call(CREATE_RULESET, ctypes.addressof(buffer), len(attributes), 0)

    def add_rule(self, ruleset: int, rule: bytes) -> None:
        """Add a struct landlock_path_beneath_attr."""
        buffer = ctypes.create_string_buffer(rule, len(rule))
        self.call(ADD_RULE, ruleset, PATH_BENEATH, ctypes.addressof(buffer), 0)

    def restrict_self(self, ruleset: int) -> None:
        """Apply a ruleset to this process, and close its descriptor."""
        try:
            self.call(RESTRICT_SELF, ruleset, 0)
        finally:
            os.close(ruleset)

    def call(self, number: int, *arguments: int) -> int:
        """A system call with integer arguments."""
        syscall = ctypes.CDLL(None, use_errno=True).syscall
        syscall.restype = ctypes.c_long
        result: int = syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result


def handled_files(abi: int) -> int:
    """All rights on files that an ABI knows; rights that no rule gives are denied."""
    return (1 << max(bits for since, bits in FILE_BITS.items() if since <= abi)) - 1


def ruleset_attributes(abi: int) -> bytes:
    """The struct landlock_ruleset_attr with everything that an ABI can forbid: u64 files, network, scopes."""
    attributes = struct.pack("=Q", handled_files(abi))
    if abi >= TCP_ABI:
        attributes += struct.pack("=Q", TCP)
    if abi >= SCOPE_ABI:
        attributes += struct.pack("=Q", SCOPE)
    return attributes


def path_rule(rights: int, directory: int) -> bytes:
    """The struct landlock_path_beneath_attr, which is packed: u64 rights, s32 descriptor of a directory."""
    return struct.pack("=Qi", rights, directory)


def needed(settings: Settings, paths: Sequence[NamedPath]) -> dict[Path, int]:
    """The needed directories, and the rights on the files below each.

    For a symbolic link the directory of its target is needed as well.
    """
    wanted: dict[Path, int] = {}
    for named in paths:
        for path in named.all_of(settings) if named.inside else []:
            for directory in (path.parent, path.resolve().parent):
                wanted[directory] = wanted.get(directory, 0) | (WRITE if named.writes else READ)
    for name in settings.config_files:
        try:
            directory = located(settings, name).parent
        except ConfigError:  # it is outside of the root directory
            continue
        wanted[directory] = wanted.get(directory, 0) | READ
    return wanted


def restrict(settings: Settings, paths: Sequence[NamedPath], kernel: Kernel, readable: int = -1) -> None:
    """Restrict this process, as far as the kernel can; the kernel requires no-new-privileges, or root's rights.

    `readable` is an open directory with files to read, beside those of the settings; -1: none.
    """
    try:
        abi = kernel.create_ruleset(b"")
        ruleset = kernel.create_ruleset(ruleset_attributes(abi))
        for directory, rights in needed(settings, paths).items():
            allow(kernel, ruleset, directory, rights & handled_files(abi))
        if readable >= 0:
            kernel.add_rule(ruleset, path_rule(READ, readable))
        kernel.restrict_self(ruleset)
    except OSError as error:
        log.info("no Landlock sandbox: %s", error.strerror)
        return
    kinds = "files, TCP" if abi >= TCP_ABI else "files"
    log.info("in a Landlock sandbox (ABI %d: %s)", abi, kinds)


def allow(kernel: Kernel, ruleset: int, directory: Path, rights: int) -> None:
    """Allow a directory; a missing one is logged, and later opens of files in it fail."""
    try:
        descriptor = os.open(directory, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        log.warning("%s is not open to the sandbox: %s", directory, error.strerror)
        return
    try:
        kernel.add_rule(ruleset, path_rule(rights, descriptor))
    finally:
        os.close(descriptor)
    log.debug("sandbox: %s below %s", "reads and writes" if rights & WRITE_FILE else "reads", directory)
