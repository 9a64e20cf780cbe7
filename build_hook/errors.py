"""What every complaint of a build names: the value, its origin, what is allowed."""

import sys
from collections.abc import Iterator
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
