"""Positions in a source are offsets in bytes, also behind characters of several bytes."""

import ast

import pytest

from build_hook.source_text import Text

SOURCE = """\
é = "ü"  # ñ
@d(1)
@ e
def f(ö): return ö
if é:  # why
    a = 1  # a's
    # a's too
# after
else: b = ( 2 if é
  else 3)
"""


@pytest.fixture(scope="module", params=["\n", "\r\n"], ids=["LF", "CRLF"])
def text(request: pytest.FixtureRequest) -> Text:
    """The source above, with either end of lines."""
    return Text(SOURCE.replace("\n", request.param).encode())


def part(text: Text, start: int, end: int) -> str:
    return text.source[start:end].decode().replace("\r\n", "\n")


def test_spans_are_those_of_statements_and_functions_begin_with_their_decorators(text: Text) -> None:
    statements = ast.parse(text.source).body
    found = [part(text, *text.span(node)) for node in statements]
    assert found[0] == 'é = "ü"'
    assert found[1] == "@d(1)\n@ e\ndef f(ö): return ö"
    assert found[2] == SOURCE[SOURCE.index("if é") : -1]


def test_comments_and_keywords_are_found(text: Text) -> None:
    assert [part(text, *comment) for comment in text.comments] == [
        "# ñ",
        "# why",
        "# a's",
        "# a's too",
        "# after",
    ]
    assert [part(text, start, start + 4) for start in text.elses] == ["else", "else"]
    assert {part(text, colon, colon + 1) for colon in text.colons} == {":"}
    assert len(text.colons) == 3
    assert [text.alone(comment) for comment in text.comments] == [False, False, False, True, True]


def test_lines_and_columns(text: Text) -> None:
    offset = text.source.index(b"a = 1")
    assert text.column(offset) == 4
    assert part(text, text.line_start(offset), text.line_end(offset)) == "    a = 1  # a's"
    assert part(text, text.next_line(offset), text.next_line(offset) + 13) == "    # a's too"
    assert text.next_line(len(text.source) - 1) == len(text.source)


def test_a_suite_ends_with_the_comments_that_are_indented_like_it(text: Text) -> None:
    branches = ast.parse(text.source).body[2]
    assert isinstance(branches, ast.If)
    end = text.suite_end(branches.body[-1], text.column(text.span(branches)[0]))
    assert part(text, text.span(branches.body[0])[0], end) == "a = 1  # a's\n    # a's too"


def test_an_expression_may_have_many_lines(text: Text) -> None:
    branches = ast.parse(text.source).body[2]
    assert isinstance(branches, ast.If)
    (last,) = branches.orelse
    assert isinstance(last, ast.Assign)
    assert text.many_lines(last.value)
    assert not text.many_lines(branches.test)
