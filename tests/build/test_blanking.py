"""Blanking: what is off is gone, what is on stands as it stood, and no line moves."""

import ast
import io
import itertools
import textwrap
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_hook.blanking import blank_branches, blank_file, evaluate
from build_hook.errors import BuildError
from build_hook.resolution import resolve
from tests.build.workshop import ROOT

KNOWN = ("WANT_A", "WANT_B", "OT_X")
IMPORT = "from p._features import WANT_A, WANT_B\n"
PACKAGE = ROOT / "opentracker"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "_features.py")

Blank = Callable[..., str]


@pytest.fixture(scope="session")
def blank() -> Blank:
    """Blanking of a text for values of WANT_A and WANT_B."""

    def blank_text(source: str, a: bool = False, b: bool = False) -> str:
        flags = tuple((name, value) for name, value in (("WANT_A", a), ("WANT_B", b)) if name in source)
        blanked: bytes = blank_branches(source.encode(), flags, KNOWN, "p/m.py")
        return blanked.decode()

    return blank_text


EVALUATED: list[tuple[str, bool | None, bool]] = [
    ("WANT_A", True, True),
    ("not WANT_A", False, True),
    ("x", None, False),
    ("not x", None, False),
    ("f(WANT_A)", None, False),
    ("WANT_A and WANT_B", False, True),
    ("WANT_A or x", True, True),
    ("WANT_B or WANT_A or x", True, True),
    ("WANT_B or x", None, False),
    ("x or WANT_A", True, False),
    ("x and WANT_B", False, False),
    ("x or WANT_B", None, False),
    ("not (x or WANT_A)", False, False),
    ("(x and WANT_B) or WANT_A", True, False),
    ("(x and WANT_B) or WANT_B", False, False),
    ("(WANT_B and x) or WANT_B", False, True),
]


@pytest.mark.parametrize(("source", "value", "is_pure"), EVALUATED)
def test_an_expression_is_evaluated_as_far_as_flags_decide_it(
    source: str, value: bool | None, is_pure: bool
) -> None:
    node = ast.parse(source, mode="eval").body
    assert evaluate(node, {"WANT_A": True, "WANT_B": False}) == (value, is_pure)


def squeezed(line: str) -> str:
    """Return a line without spaces: how many there are is checked by its length."""
    return "".join(line.split())


# name: (source, result with both flags off, result with both flags on); `|` ends a line, so that all are one line long.
CASES = {
    "a statement": ("if WANT_A:|    aa()", "if False:|    pass", "if True:|    aa()"),
    "on one line": ("if WANT_A: aa(); bb()  # c", "if False: pass", "if True: aa(); bb()  # c"),
    "shorter than pass": ("if WANT_A: a", "if False: 0", "if True: a"),
    "else": ("if WANT_A:|    aa()|else:|    bb()", "if False:|    pass|else:|    bb()", "if True:|    aa()||"),
    "not": ("if not WANT_A:|    aa()|else:|    bb()", "if True:|    aa()||", "if False:|    pass|else:|    bb()"),
    "elif": (
        "if x:|    aa()|elif WANT_A:|    bb()|elif y:|    cc()|else:|    dd()",
        "if x:|    aa()|elif False:|    pass|elif y:|    cc()|else:|    dd()",
        "if x:|    aa()|elif True:|    bb()||||",
    ),
    "elif after a flag": (
        "if WANT_A:|    aa()|elif x:|    bb()|else:|    cc()",
        "if False:|    pass|elif x:|    bb()|else:|    cc()",
        "if True:|    aa()||||",
    ),
    "two flags, and": ("if WANT_A and WANT_B:|    aa()", "if False:|    pass", "if True:|    aa()"),
    "two flags, or": ("if WANT_A or WANT_B:|    aa()", "if False:|    pass", "if True:|    aa()"),
    "a flag first": ("if WANT_A and x():|    aa()", "if False:|    pass", "if True   and x():|    aa()"),
    "a flag last": ("if x() and WANT_A:|    aa()", "if x() and False:|    pass", "if x() and True:|    aa()"),
    "a flag between": (
        "if x() and WANT_A and y():|    aa()|else:|    bb()",
        "if x() and False  and 0:|    pass|else:|    bb()",
        "if x() and True   and y():|    aa()|else:|    bb()",
    ),
    "or, decided late": (
        "if x() or WANT_A or yes():|    aa()|else:|    bb()",
        "if x() or False  or yes():|    aa()|else:|    bb()",
        "if x() or True   or True :|    aa()||",
    ),
    "brackets": ("if(WANT_A)and(x()):|    aa()", "if False         :|    pass", "if(True  )and(x()):|    aa()"),
    "a test of several lines": (
        "if (|    WANT_A  # why|    and not WANT_B  # wherefore|):|    aa()",
        "if (|    False   # why|    and False       # wherefore|):|    pass",
        "if (|    True    # why|    and False       # wherefore|):|    pass",
    ),
    "while": ("while WANT_A and x():|    aa()", "while False         :|    pass", "while True   and x():|    aa()"),
    "an expression": ("y = a if WANT_A else b", "y = 0 if False  else b", "y = a if True   else 0"),
    "strings side by side": ('y = "a"if WANT_A else"b"', 'y = 0  if False  else"b"', 'y = "a"if True   else 0'),
    "longer expressions": (
        "f(aaaa(1, 2) if not WANT_A else bbbb[3])",
        "f(aaaa(1, 2) if True       else None   )",
        "f(None       if False      else bbbb[3])",
    ),
    "a string of several lines": (
        'y = """a|  b""" if WANT_A else 5',
        "y = (0  |     ) if False  else 5",
        'y = """a|  b""" if True   else 0',
    ),
    "a value": ("y = WANT_A", "y = False", "y = True"),
    "a comprehension": ("y = [x for x in z if WANT_A]", "y = [x for x in z if False ]", "y = [x for x in z if True  ]"),
    "not ASCII": ('if WANT_A:|    "é"; aa()|y = "ü" if WANT_A else "ö"', 'if False:|    pass|y = None if False  else "ö"', 'if True:|    "é"; aa()|y = "ü" if True   else None'),
    "after what is not ASCII": ('é = "ü" if x else WANT_A  # ñ', 'é = "ü" if x else False   # ñ', 'é = "ü" if x else True    # ñ'),
    "decorators": (
        "if WANT_A:|    @d(1)|    @ e|    def f(): pass|else:|    @g|    def f(): pass",
        "if False:|    pass|||else:|    @g|    def f(): pass",
        "if True:|    @d(1)|    @ e|    def f(): pass|||",
    ),
    "comments": (
        "if WANT_A:  # the test's|    # a's|    aa()  # a's|    # a's|# else's|else:  # else's|    # b's|    bb()  # b's|    # b's|# after",
        "if False:  # the test's||    pass||# else's|else:  # else's|    # b's|    bb()  # b's|    # b's|# after",
        "if True:  # the test's|    # a's|    aa()  # a's|    # a's||||||# after",
    ),
    "nested": (
        "def f():|    if x:|        if WANT_A:|            aa()|        else:|            if WANT_B:|                bb()|    return 1",
        "def f():|    if x:|        if False:|            pass|        else:|            if False:|                pass|    return 1",
        "def f():|    if x:|        if True:|            aa()||||    return 1",
    ),
    "the only yield": (
        "def f():|    if WANT_A:|        try:|            yield 1|        finally:|            aa()",
        "def f():|    if False:||            yield||",
        "def f():|    if True:|        try:|            yield 1|        finally:|            aa()",
    ),
    "tabs": ("if x:|\tif WANT_A:|\t\tcall()", "if x:|\tif False:|\t\tpass", "if x:|\tif True:|\t\tcall()"),
    "a line going on": ("if WANT_A:|    a = 1 + \\|        2", "if False:|    pass|", "if True:|    a = 1 + \\|        2"),
    "try and with": (
        "try:|    with x:|        if WANT_A: aa()|except E if WANT_A else F:|    pass",
        "try:|    with x:|        if False: pass|except 0 if False  else F:|    pass",
        "try:|    with x:|        if True: aa()|except E if True   else 0:|    pass",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("on", [False, True], ids=["off", "on"])
def test_case(blank: Blank, name: str, on: bool) -> None:
    source, off_result, on_result = (text.replace("|", "\n") for text in CASES[name])
    expected = on_result if on else off_result
    got = blank(IMPORT + source + "\n", on, on)
    assert [squeezed(line) for line in got.splitlines()[1:]] == [
        squeezed(line) for line in expected.split("\n")
    ]
    assert len(got.encode()) == len((IMPORT + source + "\n").encode())


@pytest.mark.parametrize("name", CASES)
def test_case_with_other_line_ends(blank: Blank, name: str) -> None:
    source = IMPORT + CASES[name][0].replace("|", "\n") + "\n"
    for on in (False, True):
        assert blank(source.replace("\n", "\r\n"), on, on).replace("\r\n", "\n") == blank(source, on, on)


@pytest.mark.parametrize("name", CASES)
def test_case_without_a_line_end_at_the_end(blank: Blank, name: str) -> None:
    source = IMPORT + CASES[name][0].replace("|", "\n")
    for on in (False, True):
        assert blank(source, on, on) + "\n" == blank(source + "\n", on, on)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f():|    if WANT_A: pass|    else:|        yield 1", "2: f() is a generator only by a branch"),
        ("if WANT_A|    x", "2: expected ':'"),
        ("if WANT_A:|    class C: pass", "3: class C under WANT_A"),
        ("def f():|    return''if not WANT_A else 1", "3: no room to blank what this build leaves out"),
    ],
)
def test_what_cannot_be_blanked_is_refused_with_file_and_line(
    blank: Blank, source: str, message: str
) -> None:
    with pytest.raises(BuildError) as caught:
        blank(IMPORT + source.replace("|", "\n") + "\n", True, True)
    assert str(caught.value).startswith(f"p/m.py:{message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "p/m.py:1: a source is UTF-8"),
        (b"\xef\xbb\xbfx = 1\n", "p/m.py:1: a source is UTF-8"),
        (b"x = 1\ry = 2\n", "p/m.py:1: a line ends in a carriage return alone"),
        (b"x = '\xff'\n", "p/m.py:"),
        (b"x = '\0'\n", "p/m.py"),
    ],
)
def test_what_is_no_utf8_source_is_refused(source: bytes, message: str) -> None:
    with pytest.raises(BuildError) as caught:
        blank_branches(source, (), KNOWN, "p/m.py")
    assert str(caught.value).startswith(message)


def comments(text: str) -> list[tuple[int, str]]:
    """Return the comments of a source with their lines."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


# Properties: programs are grown of statements that say in a list which of them ran.

TESTS = st.recursive(
    st.sampled_from(["WANT_A", "WANT_B", "t(0)", "t(1)"]),
    lambda inner: st.one_of(
        inner.map("not {}".format),
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda parts: f"({''.join(parts)})"),
        st.tuples(inner, inner, inner).map(lambda parts: "({} if {} else {})".format(*parts)),
        inner.map("(\n{}  # of a test\n)".format),
    ),
    max_leaves=5,
)
NUMBERS = itertools.count()


def suite(statements: list[str]) -> str:
    return textwrap.indent("\n".join(statements), "    ")


def branches(parts: tuple[str, list[str], list[tuple[str, list[str]]], list[str]]) -> str:
    test, body, elifs, orelse = parts
    text = f"if {test}:  # of the if\n{suite(body)}\n"
    for elif_test, elif_body in elifs:
        text += f"elif {elif_test}:\n{suite(elif_body)}\n"
    return text + (f"else:  # of the else\n{suite(orelse)}\n" if orelse else "") + "# after\n"


STATEMENTS = st.recursive(
    st.one_of(
        st.integers(0, 99).map("t({})".format),
        st.integers(0, 99).map("t({})  # é".format),
        st.integers(0, 99).map('t("""ü\n{}""")'.format),
        st.integers(0, 99).map("yield {}".format),
        TESTS.map("t({})".format),
        st.integers(0, 99).map("@t\ndef f(): return {}\nt(f)".format),
    ),
    lambda inner: st.tuples(
        TESTS,
        st.lists(inner, min_size=1, max_size=3),
        st.lists(st.tuples(TESTS, st.lists(inner, min_size=1, max_size=2)), max_size=2),
        st.lists(inner, max_size=2),
    ).map(branches),
    max_leaves=8,
)


def behaviour(source: str, a: bool, b: bool) -> tuple[list[object], list[object]]:
    """Run a program, and return what it did and what it yielded."""
    did: list[object] = []

    def t(value: object) -> object:
        did.append(getattr(value, "__name__", value))
        return value

    names: dict[str, Any] = {"t": t, "WANT_A": a, "WANT_B": b}
    exec(compile(source, "program", "exec", dont_inherit=True), names)
    return did, list(names["program"]())


@given(st.lists(STATEMENTS, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_a_blanked_program_does_the_same(blank: Blank, statements: list[str], a: bool, b: bool) -> None:
    # The last line makes it a generator whatever is blanked.
    source = f"def program():\n{suite(statements)}\n    yield 'end'\n"
    blanked = blank(source, a, b)
    assert behaviour(blanked, a, b) == behaviour(source, a, b)
    assert len(blanked.encode()) == len(source.encode())
    assert [len(line) for line in blanked.encode().split(b"\n")] == [
        len(line) for line in source.encode().split(b"\n")
    ]
    assert set(comments(blanked)) <= set(comments(source))
    assert "WANT_" not in blanked


@given(st.lists(STATEMENTS, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_blanking_twice_is_blanking_once(blank: Blank, statements: list[str], a: bool, b: bool) -> None:
    blanked = blank(f"def program():\n{suite(statements)}\n    yield 'end'\n", a, b)
    assert blank(blanked, a, b) == blanked


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_line_of_the_package_stays_where_it_is(path: Path) -> None:
    source = path.read_bytes()
    for environment in ({}, {"WANT_V6": "1", "WANT_ACCESSLIST_WHITE": "1", "WANT_KEEPALIVE": "1"}):
        build = resolve(ROOT, environment)
        blanked = blank_file(source, build, path.name)
        if b"WANT_" not in source:
            assert blanked == source
        for before, after in zip(source.split(b"\n"), blanked.split(b"\n"), strict=True):
            assert len(before) == len(after)
        live = {
            node.lineno: node.name
            for node in ast.walk(ast.parse(blanked))
            if isinstance(node, ast.FunctionDef)
        }
        there = {
            node.lineno: node.name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef)
        }
        assert live.items() <= there.items()


@given(
    st.lists(
        st.sampled_from([*"ab \n:#'\"()é=\\", "if ", "else", "WANT_A", "    ", "def f():"]), max_size=12
    ).map("".join)
)
def test_any_text_is_blanked_or_refused_in_one_line(blank: Blank, text: str) -> None:
    try:
        blanked = blank(text)
    except BuildError as error:
        assert str(error).startswith("p/m.py")  # noqa: PT017 - most texts are refused, some are not
    else:
        assert blanked.count("\n") == text.count("\n")
