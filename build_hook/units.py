"""Files of a service manager in a wheel: those of one manager, and without the options that the tracker lacks."""

import re
from pathlib import PurePosixPath
from typing import Final

from build_hook.resolution import SERVICES, Build

COMMANDS: Final = ("ExecStart=", "command_args=")  # how a line with the tracker's options begins


def is_wanted(build: Build, source: str) -> bool:
    """Tell whether a file is of the chosen service manager, whose name its folder has, or of none."""
    folder = PurePosixPath(source).parent.name
    return folder == build.service or folder not in SERVICES


def unit_for(build: Build, text: str) -> str:
    """Return a unit or script whose command has no option that a build lacks; an option stands with its argument."""
    lacking = "".join(letter for letter, flag in build.features.options.items() if not build.flags[flag])
    if not lacking:
        return text
    lines = [
        re.sub(rf" -[{lacking}] \S+", "", line) if line.startswith(COMMANDS) else line
        for line in text.splitlines(keepends=True)
    ]
    return "".join(lines)
