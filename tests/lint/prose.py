"""Check the prose of docstrings, comments and pages: `python tests/lint/prose.py [PATH ...]`, in lint and pre-commit.

Three rules of CONTRIBUTING.md can be checked by a program:

- no sentence opens with who, whoever, what, whatever, where or wherever, unless it is a question;
- no "so many" or "so much": a count has a number or a name;
- a symbol in backquotes in a docstring of the package exists in the code.
"""

import ast
import builtins
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "opentracker"
CODE: Final = ("opentracker", "build_hook", "tests", "bench", "packaging", "hatch_build.py")
PAGES: Final = ("docs", "README.md", "CONTRIBUTING.md", "SECURITY.md", "bench/README.md")
SKIPPED: Final = ("tests/build/project", "tests/fuzz/corpus", "docs/cases.md", "bench/results")

OPENER: Final = re.compile(r"(?:^|(?<=[.:;!?] ))(?:Who|Whoever|What|Whatever|Where|Wherever)\b[^.?!]*[.?!]?")
COUNT: Final = re.compile(r"(?<![\"'])\bso (?:many|much)\b", re.IGNORECASE)  # quoted, it is spoken of
SYMBOL: Final = re.compile(r"(?<!`)`([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)(?:\(\))?`(?!`)")

Finding = tuple[Path, int, str]


def sentences_with_faults(text: str) -> Iterator[str]:
    """Yield what is wrong with a paragraph, in words."""
    text = " ".join(text.split())
    for match in OPENER.finditer(text):
        if not match[0].endswith("?"):
            yield f"a sentence opens with {match[0].split()[0]!r}: {match[0][:60]!r}"
    for match in COUNT.finditer(text):
        yield f"{match[0]!r} counts nothing"


def paragraphs(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Join lines to paragraphs, which end at an empty line; each has the number of its first line."""
    first, joined = 0, ""
    for number, line in lines:
        if not line.strip():
            if joined:
                yield first, joined
            joined = ""
        else:
            first = first if joined else number
            joined += f" {line.strip()}"
    if joined:
        yield first, joined


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each docstring with the number of its first line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                expression = node.body[0]
                assert isinstance(expression, ast.Expr)
                yield expression.lineno, ast.get_docstring(node) or ""


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield comments; those on consecutive lines are one text."""
    first, last, text = 0, -1, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        alone = not token.line[: token.start[1]].strip()
        if alone and line == last + 1:
            text += "\n" + token.string.lstrip("# ")
        else:
            if text:
                yield first, text
            first, text = line, token.string.lstrip("# ")
        last = line if alone else -1
    if text:
        yield first, text


@cache
def known_symbols() -> frozenset[str]:
    """Every name that stands in the code: definitions, attributes, arguments, modules, and Python's own."""
    names = set(dir(builtins)) | set(sys.stdlib_module_names)
    for folder in CODE:
        path = ROOT / folder
        for file in [path] if path.is_file() else path.rglob("*.py"):
            names |= set(file.relative_to(ROOT).with_suffix("").parts)
            for token in tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline):
                if token.type == tokenize.NAME:
                    names.add(token.string)
                elif token.type == tokenize.STRING and len(token.string) < 80:  # keys, options, modes
                    names |= set(re.findall(r"\w+", token.string))
    return frozenset(names | set(re.findall(r"\w+", (ROOT / "features.toml").read_text(encoding="utf-8"))))


def unknown_symbols(docstring: str) -> Iterator[str]:
    """Yield symbols in backquotes of which a part stands nowhere in the code."""
    for match in SYMBOL.finditer(docstring):
        if not set(match[1].split(".")) <= known_symbols():
            yield f"`{match[1]}` is no symbol of this code"


def check_source(path: Path) -> Iterator[Finding]:
    """Check the docstrings and comments of a Python file."""
    source = path.read_text(encoding="utf-8")
    for line, text in docstrings(ast.parse(source)):
        for number, paragraph in paragraphs(enumerate(text.splitlines(), line)):
            yield from ((path, number, fault) for fault in sentences_with_faults(paragraph))
        if PACKAGE in path.parents:
            yield from ((path, line, fault) for fault in unknown_symbols(text))
    for line, text in comments(source):
        yield from ((path, line, fault) for fault in sentences_with_faults(text))


def check_page(path: Path) -> Iterator[Finding]:
    """Check the paragraphs, lists and tables of a Markdown page; headings and code are no prose."""
    lines: list[tuple[int, str]] = []
    in_code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        is_prose = not in_code and not line.startswith(("#", "    "))
        if is_prose and line.startswith(("|", "- ", "* ")):  # an item is a paragraph of its own
            lines.append((number, ""))
            cells = line.strip("|-* ").split(" | ")
            lines += [each for cell in cells for each in ((number, cell.strip()), (number, ""))]
        else:
            lines.append((number, line if is_prose else ""))
    for number, paragraph in paragraphs(lines):
        yield from ((path, number, fault) for fault in sentences_with_faults(paragraph))


def files(arguments: list[str]) -> Iterator[Path]:
    """Yield the files to check: those named, or all that hold prose."""
    for name in arguments or (*CODE, *PAGES):
        path = (ROOT / name).resolve()
        found = [path] if path.is_file() else sorted([*path.rglob("*.py"), *path.rglob("*.md")])
        for file in found:
            inside = file.relative_to(ROOT).as_posix()
            if (
                file.suffix in (".py", ".md")
                and file.name != "_features.py"
                and not inside.startswith(SKIPPED)
            ):
                yield file


def main(arguments: list[str]) -> int:
    """Print a line for each finding; 1 if there is any."""
    findings = {
        finding
        for path in files(arguments)
        for finding in (check_source(path) if path.suffix == ".py" else check_page(path))
    }
    for path, line, fault in sorted(findings):
        print(f"{path.relative_to(ROOT)}:{line}: {fault}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
