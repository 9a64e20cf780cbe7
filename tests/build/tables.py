"""The tables of docs/building.md and the list of flags in the man page, made of features.toml.

`python tests/build/tables.py` rewrites them in the pages.

A value's description is the comment behind it, a group's title the comment `## ...` above it.
"""

import re
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "building.md"
MAN_PAGE = ROOT / "docs" / "man" / "opentracker.1"


def comments(text: str) -> dict[str, tuple[str, str]]:
    """Return every flag's and constant's (group, description)."""
    found: dict[str, tuple[str, str]] = {}
    group = ""
    for line in text.splitlines():
        if match := re.match(r"## (.*)", line):
            group = match[1]
        elif match := re.match(r"((?:WANT|OT)_\w+) = .*?(?:\s#\s*(.*))?$", line):
            found.setdefault(match[1], (group, match[2] or ""))
    return found


def tables(text: str) -> dict[str, str]:
    """Return the tables by name: flags, constants, profiles, ignored, interpreted."""
    features = tomllib.loads(text)
    return {
        "flags": flags_table(features, comments(text)),
        "constants": constants_table(features, comments(text)),
        "profiles": profiles_table(features),
        "ignored": table("flag|why", [f"`{name}`|{why}" for name, why in features["ignored"].items()]),
        "interpreted": table(
            "module|why", [f"`{name}`|{why}" for name, why in features["interpreted"].items()]
        ),
    }


def table(head: str, rows: list[str]) -> str:
    """Return a table in Markdown; cells are parted by `|`."""
    lines = [head, "|".join(["---"] * (head.count("|") + 1)), *rows]
    return "\n".join("| " + line.replace("|", " | ") + " |" for line in lines) + "\n"


def flags_table(features: dict[str, Any], described: dict[str, tuple[str, str]]) -> str:
    """Return the flags, group by group, with what they need, exclude and bring."""
    parts: dict[str, list[str]] = {}
    for name, default in features["flags"].items():
        group, description = described[name]
        planned = "planned" if name in features["planned"] else ""
        rules = "; ".join(rules_of(features, name))
        parts.setdefault(group, []).append(f"`{name}`|{int(default)}|{description}|{rules}|{planned}")
    head = "flag|default|what it builds in|needs, excludes, requires|"
    return "\n".join(f"**{group}**\n\n{table(head, rows)}" for group, rows in parts.items())


def rules_of(features: dict[str, Any], name: str) -> list[str]:
    """Return what a flag needs, excludes and requires, in words."""
    rules = []
    for rule in features["requires"]:
        if rule["flag"] == name:
            rules.append("needs " + " or ".join(f"`{flag}`" for flag in rule["any"]))
    for rule in features["conflicts"]:
        if name in rule["flags"]:
            rules.append("excludes " + ", ".join(f"`{flag}`" for flag in rule["flags"] if flag != name))
    rules += [f"requires `{requirement}`" for requirement in features["dependencies"].get(name, [])]
    return rules


def constants_table(features: dict[str, Any], described: dict[str, tuple[str, str]]) -> str:
    """Return the constants, group by group, with their ranges."""
    parts: dict[str, list[str]] = {}
    for name, constant in features["constants"].items():
        group, description = described[name]
        limits = " to ".join(
            f"`{limit}`" if isinstance(limit, str) else str(limit)
            for limit in (constant["min"], constant["max"])
        )
        parts.setdefault(group, []).append(
            f"`{name}`|{constant['value']} {constant['unit']}|{limits}|{description}"
        )
    head = "constant|default|permitted|meaning"
    return "\n".join(f"**{group}**\n\n{table(head, rows)}" for group, rows in parts.items())


def profiles_table(features: dict[str, Any]) -> str:
    """Return the profiles that have a use of their own."""
    rows = []
    for name, choices in features["profile"].items():
        if name.startswith("pair"):
            continue
        set_to = ", ".join(f"`{choice}={int(value)}`" for choice, value in choices.items()) or "the defaults"
        planned = [
            f"`{choice}`" for choice, value in choices.items() if value and choice in features["planned"]
        ]
        rows.append(f"`{name}`|{set_to}|{'waits for ' + ', '.join(planned) if planned else ''}")
    return table("profile|contents|", rows)


def filled(page: str, text: str) -> str:
    """Return the page with its tables made anew."""
    for name, made in tables(text).items():
        begin, end = f"<!-- {name}: from features.toml -->\n", f"<!-- end of {name} -->\n"
        before, found, rest = page.partition(begin)
        old, found_end, after = rest.partition(end)
        if not found or not found_end:
            raise SystemExit(f"docs/building.md: no place for {name}: {begin.strip()} ... {end.strip()}")
        del old
        page = f"{before}{begin}\n{made}\n{end}{after}"
    return page


def man_flags(text: str) -> str:
    """Return the list of flags for a man page, in mdoc."""
    features, described = tomllib.loads(text), comments(text)
    lines = []
    for name in features["flags"]:
        planned = ["not in this version"] if name in features["planned"] else []
        rules = [rule for rule in rules_of(features, name) if not rule.startswith("requires ")]
        sentence = "; ".join([described[name][1], *rules, *planned])
        sentence = sentence[0].upper() + sentence[1:] + "."
        lines += [f".It Dv {name}", *(roff(line) for line in textwrap.wrap(sentence, 76))]
    return "\n".join(lines) + "\n"


def roff(line: str) -> str:
    """Return a line of text for a man page, what is in `backquotes` without these."""
    line = line.replace("`", "").replace("\\", "\\e").replace("-", "\\-")
    line = re.sub(r"\b(WANT|OT)_", r"\\%\g<0>", line)  # a name is not hyphenated
    return "\\&" + line if line.startswith((".", "'")) else line


def filled_man_page(page: str, text: str) -> str:
    """Return the man page with its list of flags made anew."""
    begin, end = '.\\" flags: from features.toml\n', '.\\" end of flags\n'
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise SystemExit(f"docs/man/opentracker.1: no place for the flags: {begin.strip()} ... {end.strip()}")
    return f"{before}{begin}{man_flags(text)}{end}{after}"


def main() -> None:
    """Rewrite the pages."""
    text = (ROOT / "features.toml").read_text(encoding="utf-8")
    for path, fill in [(PAGE, filled), (MAN_PAGE, filled_man_page)]:
        path.write_text(fill(path.read_text(encoding="utf-8"), text), encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT).as_posix()}: written\n")


if __name__ == "__main__":
    main()
