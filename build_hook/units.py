"""Units of systemd in a wheel: without the options that the wheel's tracker does not have."""

import re

from build_hook.resolution import Build


def unit_for(build: Build, text: str) -> str:
    """Return a unit whose ExecStart= has no option that a build lacks; an option stands with its argument there."""
    lacking = "".join(letter for letter, flag in build.features.options.items() if not build.flags[flag])
    if not lacking:
        return text
    lines = [
        re.sub(rf" -[{lacking}] \S+", "", line) if line.startswith("ExecStart=") else line
        for line in text.splitlines(keepends=True)
    ]
    return "".join(lines)
