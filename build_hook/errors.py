"""Complaints of a build, one line each."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class BuildError(Exception):
    """The build cannot be made as asked. One line: name, value, its origin, the allowed values."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with a BuildError's one line, in place of a traceback through the build frontend."""
    try:
        yield
    except BuildError as error:
        sys.stderr.flush()
        raise SystemExit(f"error: {error}") from None
