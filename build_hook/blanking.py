"""Blanking: a source without the branches that are off, no line moved.

The standard library's ast gives the positions. Spaces overwrite the dead branches in the text itself, so no line
moves, tracebacks of every variant point into the same source, and live code keeps its comments.
"""

import ast
import bisect
import functools
import io
import re
import tokenize
from collections.abc import Iterable, Mapping
from typing import Final

from build_hook.errors import BuildError
from build_hook.flag_rules import FlagRules
from build_hook.resolution import Build
from build_hook.source_text import Text

FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def blank_file(source: bytes, build: Build, name: str) -> bytes:
    """Return the source with the dead branches of this build blanked; `name` is for messages."""
    # Only the flags in the file matter, so that most variants of a file are made once (see blank_branches).
    used = tuple((flag, value) for flag, value in build.flags.items() if flag.encode() in source)
    return blank_branches(source, used, tuple(build.features.names()), name)


@functools.cache
def blank_branches(
    source: bytes, flags: tuple[tuple[str, bool], ...], known: tuple[str, ...], name: str
) -> bytes:
    """Blank a file for these values of the flags in it; `known` are all names in _features.py."""
    try:
        if tokenize.detect_encoding(io.BytesIO(source).readline)[0] != "utf-8":
            raise BuildError(f"{name}:1: a source is UTF-8 without a byte order mark")
        if b"\r" in source.replace(b"\r\n", b""):
            raise BuildError(f"{name}:1: a line ends in a carriage return alone")
        tree = ast.parse(source, name)
        FlagRules(name, known).visit(tree)
        if not flags:
            return source
        blanked = Blanker(source, dict(flags)).blank(tree)
        after = ast.parse(blanked, name)
        compile(after, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise BuildError(f"{name}:{error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise BuildError(f"{name}: {error}") from None
    check_generators(tree, after, name)
    return blanked


def check_generators(before: ast.Module, after: ast.Module, name: str) -> None:
    """Refuse a function that is a generator in the tree and a plain one in the wheel."""
    generators = [
        {
            node.lineno: node.name
            for node in ast.walk(tree)
            if isinstance(node, FUNCTIONS[:2]) and find_yield(node.body)
        }
        for tree in (before, after)
    ]
    standing = {node.lineno for node in ast.walk(after) if isinstance(node, FUNCTIONS[:2])}
    for line, function in generators[0].items():
        if line in standing and line not in generators[1]:
            raise BuildError(
                f"{name}:{line}: {function}() is a generator only by a branch that this build leaves out"
            )


def find_yield(nodes: Iterable[ast.AST]) -> ast.expr | None:
    """Return a yield of these nodes, not counting functions inside them."""
    for node in nodes:
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return node
        if not isinstance(node, FUNCTIONS) and (found := find_yield(ast.iter_child_nodes(node))):
            return found
    return None


def evaluate(node: ast.expr, flags: Mapping[str, bool]) -> tuple[bool | None, bool]:
    """Return an expression's truth if the flags alone decide it, and whether nothing but flags would run.

    `x() or WANT_A` is true if WANT_A is, but x() runs: (True, False). An undecided expression is (None, False).
    """
    if isinstance(node, ast.Name) and node.id in flags:
        return flags[node.id], True
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        value, is_pure = evaluate(node.operand, flags)
        return None if value is None else not value, is_pure
    if not isinstance(node, ast.BoolOp):
        return None, False
    deciding = isinstance(node.op, ast.Or)
    result: bool | None = not deciding
    all_pure = True
    for operand in node.values:
        value, is_pure = evaluate(operand, flags)
        all_pure = all_pure and is_pure
        if value is deciding:
            return deciding, all_pure
        if value is None:
            result = None
    return result, all_pure


class Blanker:
    """Overwrites the dead branches of one file."""

    def __init__(self, source: bytes, flags: dict[str, bool]) -> None:
        """Take the source and the value of every flag in it."""
        self.text = Text(source)
        self.flags = flags
        self.out = bytearray(source)

    def blank(self, tree: ast.Module) -> bytes:
        """Return the blanked source."""
        self.visit(tree)
        return bytes(self.out)

    # The walk: a dead branch is overwritten and not entered.

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, (ast.If, ast.While)):
            self.visit_branches(node)
        elif isinstance(node, ast.IfExp):
            taken = self.visit_test(node.test)
            for arm, dead in ((node.body, taken is False), (node.orelse, taken is True)):
                if dead:
                    self.put_value(arm, "None", "0")
                else:
                    self.visit(arm)
        elif isinstance(node, ast.BoolOp) or (isinstance(node, ast.expr) and self.is_decided(node)):
            self.visit_test(node)
        else:
            for child in ast.iter_child_nodes(node):
                self.visit(child)

    def visit_test(self, node: ast.expr) -> bool | None:
        """Put values in place of the parts that flags decide; return the truth of the test, or None if it is open."""
        value, is_pure = evaluate(node, self.flags)
        if value is not None and is_pure and not self.text.many_lines(node):
            self.put_value(node, str(value), str(int(value)))
        elif isinstance(node, ast.BoolOp):
            deciding, decided = isinstance(node.op, ast.Or), False
            for operand in node.values:
                if decided:
                    self.put_value(operand, str(deciding), str(int(deciding)))
                else:
                    decided = self.visit_test(operand) is deciding
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.visit_test(node.operand)
        else:
            self.visit(node)
        return value

    def visit_branches(self, node: ast.If | ast.While) -> None:
        taken = self.visit_test(node.test)
        if taken is False:
            self.blank_body(node)
        else:
            for statement in node.body:
                self.visit(statement)
        if taken is True and node.orelse:
            self.blank_else(node)
        else:
            for statement in node.orelse:
                self.visit(statement)

    def is_decided(self, node: ast.expr) -> bool:
        """Tell whether flags alone decide an expression."""
        return evaluate(node, self.flags)[0] is not None

    # Overwriting.

    def blank_body(self, node: ast.If | ast.While) -> None:
        """Leave `pass` of a body, or `yield` if the body has one: its function stays a generator."""
        text = self.text
        keyword = text.span(node)[0]
        colon = next(colon for colon in text.colons if colon >= text.span(node.test)[1])
        first = text.span(node.body[0])[0]
        end = text.suite_end(node.body[-1], text.column(keyword))
        # The comment behind the colon stays, those between it and the first statement are the body's.
        self.overwrite(min(first, text.next_line(colon)), end)
        if statement := find_yield(node.body):
            self.put(*text.span(statement), "yield")
        else:
            self.put(first, end, "pass", "0")

    def blank_else(self, node: ast.If | ast.While) -> None:
        """Blank an `else` or `elif`, with the comments above it at the same indentation."""
        text = self.text
        column = text.column(text.span(node)[0])
        body_end = text.span(node.body[-1])[1]
        first = text.span(node.orelse[0])[0]
        # An `elif` is an If whose own span starts with that keyword; the `else` stands before its suite.
        keyword = next((start for start in text.elses if body_end <= start < first), first)
        for comment in text.comments:
            if body_end <= comment[0] < keyword and text.alone(comment) and text.column(comment[0]) <= column:
                self.overwrite(*comment)
        self.overwrite(keyword, text.suite_end(node.orelse[-1], column))

    def put_value(self, node: ast.expr, *literals: str) -> None:
        """Put the first literal that fits in place of an expression."""
        start, end = self.text.span(node)
        if self.text.many_lines(node):
            # Brackets of its own let it end lines wherever it stands; empty ones are a value too.
            self.put(start, end, *(f"({literal}" for literal in (*literals, "")))
            self.out[end - 1 : end] = b")"
            return
        # `else"a"if` is three words: spaces keep them apart when the quotes are gone.
        around = (self.text.source[start - 1 : start], self.text.source[end : end + 1])
        before, behind = (" " if byte.isalnum() else "" for byte in around)
        self.put(start, end, *(before + literal + behind for literal in literals))

    def put(self, start: int, end: int, *choices: str) -> None:
        """Put the first choice that fits on the first line, and spaces over the rest."""
        room = min(self.text.line_end(start), end) - start
        choice = next((choice for choice in choices if len(choice) <= room), None)
        if choice is None:
            line = bisect.bisect_right(self.text.starts, start)
            raise SyntaxError("no room to blank what this build leaves out", ("", line, 0, ""))
        self.overwrite(start, end)
        self.out[start : start + len(choice)] = choice.encode()

    def overwrite(self, start: int, end: int) -> None:
        """Put spaces over all but white space."""
        self.out[start:end] = re.sub(rb"[^\s]", b" ", self.out[start:end])
