"""Words that several rooms of commands use: the answer, and the check for words that are too many."""

from typing import Any

from opentracker.config.values import shown
from opentracker.errors import ControlError

Answer = dict[str, Any]


def nothing_more(words: list[str]) -> None:
    """Raise ControlError if there are words behind a command that takes none."""
    if words:
        raise ControlError(f"unexpected: {shown(' '.join(words))!r}")
