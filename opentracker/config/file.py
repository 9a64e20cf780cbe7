"""Config files: `key value` a line, the C tracker's keys and a few of ours.

A file is read at the position of `-f` on the command line. A later line or option replaces a single value, and adds to
a list of values. A mistake ends the start before any socket is bound, and the error names the file, the line, its text
and the expected form: a typo in the key of an access list must not leave a closed tracker open.
"""

import difflib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from opentracker import build_info
from opentracker._features import KEY_FLAGS
from opentracker.config.settings import Settings, Take
from opentracker.config.values import shown
from opentracker.errors import ConfigError

log = logging.getLogger("opentracker")

# Characters of an unknown key for which a similar one is searched. The longest key has 31, so no key is similar to a
# longer word, and difflib would take seconds for a file of another kind that is one long word.
LONGEST_TYPO: Final = 72
LONGEST_FILE: Final = 16 << 20  # bytes: enough for half a million networks, and a limit on /dev/zero

MOST_MISTAKES: Final = 20  # reported for one file: in a file of another kind every line is a mistake
WITHOUT_EFFECT: Final = frozenset({"batchsync.cluster.admin_ip"})


class ConfigReader:
    """Reads config files; `keys` maps the keys of this build to their actions."""

    def __init__(self, keys: Mapping[str, Take]) -> None:
        self.keys = keys

    def load(self, settings: Settings, name: str) -> None:
        """`-f`: take every line of a file into the settings. Raises ConfigError."""
        try:
            with located(settings, name).open("rb") as file:
                text = file.read(LONGEST_FILE + 1)
        except OSError as error:
            raise ConfigError(f"cannot read the config file {shown(name)}: {error.strerror}") from error
        if len(text) > LONGEST_FILE:
            raise ConfigError(f"the config file {shown(name)} is larger than {LONGEST_FILE >> 20} MiB")
        self.take_text(settings, text, name)
        settings.config_files.append(name)

    def take_text(self, settings: Settings, text: bytes, name: str) -> None:
        """Take a config file's bytes into the settings.

        Raises ConfigError, which has a line for each mistake, with the file and the line.
        """
        name = shown(name)
        mistakes: list[str] = []
        for number, line in enumerate(text.split(b"\n"), 1):
            words = line.split(None, 1)  # on ASCII white space, the CR of a CRLF with it
            if not words or words[0].startswith(b"#"):
                continue
            # Decoded like the command line: a path may be any bytes, and opening it encodes them back.
            key, value = os.fsdecode(words[0]), os.fsdecode(words[1].rstrip()) if len(words) > 1 else ""
            try:
                self.action_of(key)(settings, value)
            except ValueError as error:
                mistakes.append(f"{name}:{number}: '{shown(os.fsdecode(line.strip()))}': {shown(str(error))}")
                continue
            settings.given.append((key, value))
            settings.taken.append(f"{name}:{number}: {key} {shown(value)}")
            if key in WITHOUT_EFFECT:
                log.warning("%s:%d: %s is accepted and has no effect", name, number, key)
        if mistakes:
            more = [f"{name}: {len(mistakes) - MOST_MISTAKES} more mistakes"] * (
                len(mistakes) > MOST_MISTAKES
            )
            raise ConfigError("\n".join(mistakes[:MOST_MISTAKES] + more))

    def action_of(self, key: str) -> Take:
        """The action of a key. Raises ValueError for one that is unknown, or not in this build."""
        if key in self.keys:
            return self.keys[key]
        if key in KEY_FLAGS:
            raise ValueError(build_info.lacking(KEY_FLAGS[key]))
        nearest = nearest_key(key)
        hint = f"did you mean {nearest}?" if nearest else "opentracker.conf(5) has them all"
        raise ValueError(f"unknown key; {hint}")


def located(settings: Settings, name: str) -> Path:
    """The path of a config file inside the root directory, if there is one. Raises ConfigError if it is outside."""
    path = settings.origin / name
    if settings.root is None:
        return path
    if not path.is_relative_to(settings.root):
        raise ConfigError(f"{shown(name)} is outside of the root directory: to read it again takes a restart")
    return Path("/", path.relative_to(settings.root))


def nearest_key(key: str) -> str:
    """The known key that is most similar to an unknown one; empty if none is similar."""
    if len(key) > LONGEST_TYPO:
        return ""
    return next(iter(difflib.get_close_matches(key.lower(), KEY_FLAGS, 1)), "")
