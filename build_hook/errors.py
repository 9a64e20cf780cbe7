"""What every complaint of a build names: the value, its origin, what is allowed."""

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class BuildError(Exception):
    """The build cannot be made as asked. One line: name, value, where it came from, what is allowed."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with a BuildError's one line, in place of a traceback through the build frontend."""
    try:
        yield
    except BuildError as error:
        sys.stderr.flush()
        raise SystemExit(f"error: {error}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a clause that names the known name most like this one, for the end of a message."""
    known = sorted(known)
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"the nearest known one is {match[0]}" if match else "there are none"
