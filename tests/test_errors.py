"""The tree of errors, and what each carries to whoever answers for it."""

import ast
import re
from pathlib import Path

import pytest

from opentracker import errors
from opentracker.errors import (
    EXIT_FAULT,
    EXIT_START,
    EXIT_USAGE,
    ConfigError,
    HttpError,
    OpentrackerError,
    ProtocolError,
    StartError,
    TrackerFailure,
    UsageError,
)

SOURCE = Path(__file__).parents[1] / "opentracker" / "errors.py"  # a compiled module has no docstring
CLASSES = [
    thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, BaseException)
]


def drawn() -> list[tuple[str, int]]:
    """The names in the docstring's tree, in order, with how deep they stand."""
    docstring = ast.get_docstring(ast.parse(SOURCE.read_text()), clean=False)
    tree = re.findall(r"^( {4}.*?)(\w+(?:Error|Failure))\b", docstring or "", re.MULTILINE)
    return [(name, len(before) // 4) for before, name in tree]


def inherited(root: type[BaseException], depth: int = 1) -> list[tuple[str, int]]:
    """The same of the classes that there are."""
    below = [line for cls in CLASSES if cls.__bases__ == (root,) for line in inherited(cls, depth + 1)]
    return [(root.__name__, depth), *below]


def test_the_docstring_draws_the_tree_that_there_is() -> None:
    assert drawn() == inherited(OpentrackerError)


def test_every_error_is_in_the_tree() -> None:
    assert all(issubclass(cls, OpentrackerError) for cls in CLASSES)
    assert OpentrackerError.__bases__ == (Exception,)
    assert len(inherited(OpentrackerError)) == len(CLASSES)


def test_protocol_errors_carry_what_to_answer() -> None:
    assert HttpError(404).status == 404
    assert TrackerFailure(b"reason").reason == b"reason"
    for error in (HttpError(404), TrackerFailure(b"reason")):
        assert isinstance(error, ProtocolError)
        assert len(error.args) == 1


@pytest.mark.parametrize("cls", [UsageError, ConfigError, StartError])
def test_errors_for_the_operator_are_their_one_line(cls: type[OpentrackerError]) -> None:
    assert str(cls("file:3: what was expected")) == "file:3: what was expected"
    assert not issubclass(cls, ProtocolError)


def test_exit_statuses_are_the_documented_ones() -> None:
    assert (EXIT_USAGE, EXIT_FAULT, EXIT_START) == (1, 70, 111)
