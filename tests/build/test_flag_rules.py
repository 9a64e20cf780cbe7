"""Uses of a flag that are refused, each with file and line."""

import ast

import pytest

from build_hook.errors import BuildError
from build_hook.flag_rules import FlagRules

KNOWN = ("WANT_A", "WANT_B", "OT_X")
IMPORT = "from p._features import WANT_A, WANT_B\n"

REFUSED = {
    "a class under a flag": ("if WANT_A:|    class C: pass", 3, "class C under WANT_A"),
    "a class in the else": ("if WANT_A:|    pass|else:|    class C: pass", 5, "class C under WANT_A"),
    "a class deep under a flag": ("if WANT_A:|    def f():|        class C: pass", 4, "class C under WANT_A"),
    "an if in a class body": ("class C:|    if WANT_A:|        x = 1", 3, "WANT_A in a class body"),
    "a value in a class body": ("class C:|    x = 1 if WANT_A else 2", 3, "WANT_A in a class body"),
    "a default in a class body": ("class C:|    def f(self, x=WANT_A): pass", 3, "WANT_A in a class body"),
    "an attribute": ("import p|x = p._features.WANT_A", 3, "p._features.WANT_A: flags are imported by name"),
    "an attribute of anything": ("x = y.WANT_A", 2, "y.WANT_A: flags are imported by name"),
    "a constant as attribute": ("x = _features.OT_X", 2, "_features.OT_X: flags are imported by name"),
    "the module": ("import p._features", 2, "import p._features: flags are imported by name"),
    "the module from its package": ("from p import _features", 2, "import of _features: flags are imported by name"),
    "the module from here": ("from . import _features", 2, "import of _features: flags are imported by name"),
    "another name": ("from p._features import WANT_A as A", 2, "WANT_A as A: a flag keeps its name"),
    "an unknown flag": ("from p._features import WANT_AA", 2, "WANT_AA is no flag and no constant: the nearest known one is WANT_A"),
    "everything": ("from p._features import *", 2, "* is no flag and no constant"),
    "from elsewhere": ("from q import WANT_A", 2, "WANT_A is bound here"),
    "an assignment": ("WANT_A = True", 2, "WANT_A is bound here"),
    "a walrus": ("if (WANT_A := f()): pass", 2, "WANT_A is bound here"),
    "an argument": ("def f(WANT_A): pass", 2, "WANT_A is bound here"),
    "a lambda's argument": ("f = lambda WANT_A: 1", 2, "WANT_A is bound here"),
    "a function": ("def WANT_A(): pass", 2, "WANT_A is bound here"),
    "a pattern": ("match x:|    case [WANT_A]: pass", 3, "WANT_A is bound here"),
    "a handler": ("try: pass|except E as WANT_A: pass", 3, "WANT_A is bound here"),
    "a formatted string": ('x = f"{WANT_A}"', 2, "WANT_A in a formatted string"),
}  # fmt: skip


ALLOWED = {
    "a branch": "if WANT_A:|    aa()",
    "a branch of a function in a class": "class C:|    def f(self):|        if WANT_A:|            aa()",
    "a class in a branch of something else": "if x:|    class C: pass",
    "a constant in a formatted string": 'x = f"{OT_X}"',
    "a flag beside a formatted string": 'x = f"{y}" if WANT_A else ""',
    "its own name again": "from p._features import WANT_A as WANT_A",
    "the record": "from p._features import BUILD_RECORD",
    "the flags of keys": "from p._features import KEY_FLAGS, OPTION_FLAGS",
}


def check(source: str) -> None:
    """Hold a source, `|` for the ends of its lines, to the rules."""
    text = IMPORT + source.replace("|", "\n") + "\n"
    FlagRules("p/m.py", KNOWN).visit(ast.parse(text))


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_file_and_line(name: str) -> None:
    source, line, message = REFUSED[name]
    with pytest.raises(BuildError) as caught:
        check(source)
    assert str(caught.value).startswith(f"p/m.py:{line}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ALLOWED)
def test_what_can_be_blanked_is_allowed(name: str) -> None:
    check(ALLOWED[name])
