"""Pages made of features.toml: the tables of docs/building.md, the man pages' lists of flags and keys, the sample.

`python tests/build/tables.py` rewrites them.

The description of a flag or a constant is the comment behind it, a group's title the comment `## ...` above it.
Sections and keys of config files have their texts in tables.
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
KEYS_PAGE = ROOT / "docs" / "man" / "opentracker.conf.5"
SAMPLE = ROOT / "opentracker.conf.sample"
WIDTH = 105  # of the sample


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


def replaced(page: str, made: str, mark: str, name: str) -> str:
    """Return a man page with the part between its marks made anew."""
    begin, end = f'.\\" {mark}: from features.toml\n', f'.\\" end of {mark}\n'
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise SystemExit(f"docs/man/{name}: no place for the {mark}: {begin.strip()} ... {end.strip()}")
    return f"{before}{begin}{made}{end}{after}"


def filled_man_page(page: str, text: str) -> str:
    """Return the man page with its list of flags made anew."""
    return replaced(page, man_flags(text), "flags", MAN_PAGE.name)


# ---- Keys of config files ----------------------------------------------------------------------------------

SAMPLE_HEAD = """\
# A config file for opentracker: `opentracker -f FILE`, or `opentracker -t -f FILE` to have it checked.
#
# A line is a key, blanks, a value. Lines that begin with # and empty lines are skipped; nothing may stand
# behind a value. Every key there is stands below, commented out, most with their default: take the # away.
# Keys marked [WANT_X] need a build with that feature (`opentracker --version` tells what yours has); in any
# other build they are an error, like everything that is misspelt: the tracker then does not start.
#
# The file is read where -f stands on the command line. Of what can be given once, the last that was said
# holds; the keys marked "repeatable" add up. opentracker.conf(5) says more.
#
# An address is 1.2.3.4, 1.2.3.4:80, ::1, [::1] or [::1]:80, with port 6969 where there is none; port 0 is a
# free one. A network is an address, or an address and a number of bits such as 192.0.2.0/24.
"""


def sections_of(features: dict[str, Any]) -> list[tuple[dict[str, str], dict[str, dict[str, Any]]]]:
    """Return the sections, each with its keys."""
    return [
        (section, {key: row for key, row in features["keys"].items() if row["section"] == name})
        for name, section in features["sections"].items()
    ]


def values_of(row: dict[str, Any], features: dict[str, Any]) -> list[str]:
    """Return the default of a key, or its examples."""
    numbers = {name: constant["value"] for name, constant in features["constants"].items()}
    return row["example"] if "example" in row else [row["default"].format(**numbers)]


def sample(text: str) -> str:
    """Return the sample config file."""
    features = tomllib.loads(text)
    lines = [SAMPLE_HEAD]
    for section, keys in sections_of(features):
        lines += ["", f"# ---- {section['title']} ".ljust(WIDTH, "-"), "#", *commented(section["text"]), ""]
        for key, row in keys.items():
            repeatable = " Repeatable." if row.get("repeatable") else ""
            flag = f" [{row['flag']}]" if "flag" in row else ""
            lines += commented(row["text"].strip() + repeatable + flag)
            lines += [f"#{key} {value}" for value in values_of(row, features)]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def commented(text: str) -> list[str]:
    """Return a text as comments, what is in `backquotes` without these."""
    return ["# " + line for line in textwrap.wrap(text.replace("`", ""), WIDTH - 2, break_on_hyphens=False)]


def man_keys(text: str) -> str:
    """Return the sections of keys for a man page, in mdoc."""
    features = tomllib.loads(text)
    lines = []
    for section, keys in sections_of(features):
        lines += [f".Ss {section['title']}", *mdoc(section["text"], features), ".Bl -tag -width Ds"]
        for key, row in keys.items():
            lines += [f".It Ic {key} Ar {row['form']}", *mdoc(row["text"], features)]
            if row.get("repeatable"):
                lines.append("Repeatable.")
            if "default" in row:
                lines += ["The default is", f".Li {roff(values_of(row, features)[0])} ."]
            if "flag" in row:
                lines += ["Needs", f".Dv {row['flag']} ."]
        lines.append(".El")
    return "\n".join(lines) + "\n"


def mdoc(text: str, features: dict[str, Any]) -> list[str]:
    """Return a text as lines of a man page: a sentence begins a line, and a word in `backquotes` is a macro."""
    lines: list[str] = []
    for sentence in re.split(r"(?<=[.]) (?=[A-Z0-9`])", " ".join(text.split())):
        prose, *rest = re.split(r"`([^`]+)`", sentence)
        lines += [roff(line) for line in textwrap.wrap(prose, 78)]
        for word, behind in zip(rest[::2], rest[1::2], strict=True):
            mark = re.match(r"[.,;:]*", behind)
            assert mark is not None
            lines.append(" ".join([macro(word, features), *mark[0]]))
            lines += [roff(line) for line in textwrap.wrap(behind[mark.end() :].strip(), 78)]
    return lines


def macro(word: str, features: dict[str, Any]) -> str:
    """Return the macro of a word: a key, an option, a flag or a signal, or text as it is typed."""
    if word in features["keys"]:
        return f".Ic {word}"
    if re.fullmatch(r"-[A-Za-z]", word):
        return f".Fl {word[1:]}"
    return f".Dv {word}" if re.fullmatch(r"(WANT_|SIG)[A-Z0-9_]+", word) else f".Li {word}"


def filled_keys_page(page: str, text: str) -> str:
    """Return the man page of config files with its keys made anew."""
    return replaced(page, man_keys(text), "keys", KEYS_PAGE.name)


def main() -> None:
    """Rewrite the pages."""
    text = (ROOT / "features.toml").read_text(encoding="utf-8")
    pages = [(PAGE, filled), (MAN_PAGE, filled_man_page), (KEYS_PAGE, filled_keys_page)]
    for path, fill in [*pages, (SAMPLE, lambda page, text: sample(text))]:
        path.write_text(fill(path.read_text(encoding="utf-8"), text), encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT).as_posix()}: written\n")


if __name__ == "__main__":
    main()
