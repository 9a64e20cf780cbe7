"""features.toml as typed tables. Every name in it is checked here, and a complaint has its line."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from build_hook.errors import BuildError
from build_hook.keys import Key, Section, parse_key, parse_section
from build_hook.names import nearest

TABLES: Final = (
    *("planned", "flags", "ignored", "constants", "conflicts", "requires"),
    *("modules", "branches", "sections", "keys", "options", "dependencies", "interpreted", "profile"),
)

# Names, units and profiles are written into _features.py as they are.
FLAG_NAME: Final = re.compile(r"WANT_[A-Z0-9_]+")
CONSTANT_NAME: Final = re.compile(r"OT_[A-Z0-9_]+")
PROFILE_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
KEY_NAME: Final = re.compile(r"[a-z][a-z0-9_.]*")
OPTION_NAME: Final = re.compile(r"[A-Za-z]")


@dataclass(frozen=True)
class Constant:
    """A whole number and its permitted range; a limit may be the name of another constant."""

    value: int
    min: int | str
    max: int | str
    unit: str


@dataclass
class Features:
    """features.toml as typed tables. Every name in it is one of its flags or constants."""

    path: Path
    lines: dict[tuple[str, str], int]
    flags: dict[str, bool] = field(default_factory=dict)
    constants: dict[str, Constant] = field(default_factory=dict)
    planned: list[str] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    conflicts: list[list[str]] = field(default_factory=list)
    requires: list[tuple[str, list[str]]] = field(default_factory=list)
    modules: dict[str, list[str]] = field(default_factory=dict)
    branches: dict[str, list[str]] = field(default_factory=dict)
    sections: dict[str, Section] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    dependencies: dict[str, list[str]] = field(default_factory=dict)
    interpreted: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, dict[str, bool | int]] = field(default_factory=dict)

    def where(self, table: str, key: str = "") -> str:
        """Return `features.toml:LINE` of a key, or of its table if the key's line is unknown."""
        outer, _, name = table.rpartition(".")
        places = (table, key), (table, ""), (outer, name)  # the last: a value where a table should be
        return f"{self.path.name}:{next((self.lines[place] for place in places if place in self.lines), 1)}"

    def names(self) -> list[str]:
        """Return every flag and constant."""
        return [*self.flags, *self.constants]


def index_lines(text: str) -> dict[tuple[str, str], int]:
    """Return the line of every (table, key).

    The n-th `[[name]]` is the table `name#n`; the line of a table itself is that of its key "".
    """
    lines: dict[tuple[str, str], int] = {}
    seen: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[\[\s*([\w.-]+)\s*\]\]", line):
            count = seen[match[1]] = seen.get(match[1], -1) + 1
            table = f"{match[1]}#{count}"
            lines[table, ""] = number
            lines.setdefault((match[1], ""), number)
        elif match := re.match(r"\s*\[\s*([\w.\"-]+)\s*\]\s*(#.*)?$", line):
            table = match[1]
            lines[table, ""] = number
        elif match := re.match(r"\s*(?:\"([^\"]+)\"|([\w.-]+))\s*=", line):
            lines.setdefault((table, match[1] or match[2]), number)
    return lines


def load_features(path: Path) -> Features:
    """Read a features file. Raise BuildError with the line of the first fault."""
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise BuildError(f"features file {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BuildError(f"features file {path}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"features file {path}: not TOML: {error}") from None
    return FeaturesReader(path, text, tables).read()


class FeaturesReader:
    """Turns the TOML tables into Features, table by table."""

    def __init__(self, path: Path, text: str, tables: dict[str, Any]) -> None:
        """Take the file's text, for its line numbers, and its tables."""
        self.tables = tables
        self.features = Features(path, index_lines(text))

    def fail(self, table: str, key: str, message: str) -> NoReturn:
        raise BuildError(f"{self.features.where(table, key)}: {message}")

    def read(self) -> Features:
        """Read every table: flags and constants first, because the others name them."""
        for table in self.tables:
            if table not in TABLES:
                self.fail(table, "", f"[{table}] is not a table of a features file: {nearest(table, TABLES)}")
        self.read_flags()
        self.read_constants()
        self.read_rules()
        self.read_strings("ignored", self.features.ignored)
        self.read_strings("interpreted", self.features.interpreted)
        self.read_modules()
        self.read_branches()
        self.read_keys()
        self.read_options()
        self.read_dependencies()
        for name in self.table("profile"):
            self.read_profile(name)
        return self.features

    def table(self, *names: str) -> dict[str, Any]:
        """Return a table, or one inside it; it may be left out."""
        table = self.tables
        for name in names:
            table = table.get(name, {})
            if not isinstance(table, dict):
                path = ".".join(names)
                self.fail(path, "", f"{path} = {table!r} must be a table")
        return table

    def rules(self, name: str) -> list[dict[str, Any]]:
        """Return the tables of an array of them; it may be left out."""
        rules: Any = self.tables.get(name, [])
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            self.fail(name, "", f"{name} = {rules!r} must be tables: [[{name}]]")
        return rules

    def known_flag(self, table: str, key: str, name: object) -> str:
        if not isinstance(name, str) or name not in self.features.flags:
            self.fail(table, key, f"{name} is not a flag: {nearest(str(name), self.features.flags)}")
        return name

    def flag_list(self, table: str, key: str, value: object) -> list[str]:
        if not isinstance(value, list) or not value:
            self.fail(table, key, f"{key} must be a list of flags, not {value!r}")
        return [self.known_flag(table, key, name) for name in value]

    def read_flags(self) -> None:
        for name, value in self.table("flags").items():
            if not FLAG_NAME.fullmatch(name):
                self.fail("flags", name, f"{name!r}: the name of a flag is WANT_ and letters A-Z, digits, _")
            if not isinstance(value, bool):
                self.fail("flags", name, f"{name} = {value!r}: a flag is true or false")
            self.features.flags[name] = value
        if planned := self.tables.get("planned"):
            self.features.planned = self.flag_list("", "planned", planned)

    def read_constants(self) -> None:
        for name, value in self.table("constants").items():
            if not CONSTANT_NAME.fullmatch(name):
                self.fail(
                    "constants", name, f"{name!r}: the name of a constant is OT_ and letters A-Z, digits, _"
                )
            try:
                constant = Constant(**value)
            except TypeError:
                self.fail("constants", name, f"{name} must be {{ value, min, max, unit }}, not {value!r}")
            if type(constant.value) is not int:
                self.fail("constants", name, f"{name}: value = {constant.value!r} is not a whole number")
            if not isinstance(constant.unit, str) or not constant.unit.isprintable():
                self.fail("constants", name, f"{name}: unit = {constant.unit!r} is not a line of text")
            self.features.constants[name] = constant
        for name, constant in self.features.constants.items():
            for limit in (constant.min, constant.max):
                if type(limit) is not int and limit not in self.features.constants:
                    self.fail("constants", name, f"{name}: {limit!r} is no number and no constant")

    def read_rules(self) -> None:
        for number, rule in enumerate(self.rules("conflicts")):
            table = f"conflicts#{number}"
            self.features.conflicts.append(self.flag_list(table, "flags", rule.get("flags")))
        for number, rule in enumerate(self.rules("requires")):
            table = f"requires#{number}"
            flag = self.known_flag(table, "flag", rule.get("flag"))
            self.features.requires.append((flag, self.flag_list(table, "any", rule.get("any"))))

    def read_strings(self, table: str, into: dict[str, str]) -> None:
        for key, value in self.table(table).items():
            if not isinstance(value, str) or not value:
                self.fail(table, key, f"{key} must be a text that says why, not {value!r}")
            into[key] = value

    def read_modules(self) -> None:
        """Read the owners of modules. `!WANT_X` owns a module of builds without WANT_X."""
        for module, owners in self.table("modules").items():
            flags = [str(owner).removeprefix("!") for owner in owners] if isinstance(owners, list) else owners
            self.flag_list("modules", module, flags)
            self.features.modules[module] = owners

    def read_branches(self) -> None:
        for flag, patterns in self.table("branches").items():
            self.known_flag("branches", flag, flag)
            if not isinstance(patterns, list) or not all(isinstance(each, str) for each in patterns):
                self.fail("branches", flag, f"{flag} must be a list of modules, not {patterns!r}")
            self.features.branches[flag] = patterns

    def read_keys(self) -> None:
        for name, row in self.table("sections").items():
            try:
                self.features.sections[name] = parse_section(row)
            except TypeError as error:
                self.fail(f"sections.{name}", "", f"{name} must be {{ title, text }}: {error}")
        for name, row in self.table("keys").items():
            table = f'keys."{name}"'
            if not KEY_NAME.fullmatch(name):
                self.fail(table, "", f"{name!r}: a key is letters a-z, digits, _ and dots")
            try:
                key = parse_key(row)
            except TypeError as error:
                form = "{ section, form, text, default or example, flag, repeatable }"
                self.fail(table, "", f"{name} must be {form}: {error}")
            if key.flag:
                self.known_flag(table, "flag", key.flag)
            if key.section not in self.features.sections:
                known = nearest(key.section, self.features.sections)
                self.fail(table, "section", f"{key.section} is not a section: {known}")
            self.features.keys[name] = key

    def read_options(self) -> None:
        for letter, flag in self.table("options").items():
            if not OPTION_NAME.fullmatch(letter):
                self.fail("options", letter, f"{letter!r}: an option is one letter")
            self.features.options[letter] = self.known_flag("options", letter, flag)

    def read_dependencies(self) -> None:
        for flag, requirements in self.table("dependencies").items():
            self.known_flag("dependencies", flag, flag)
            if not isinstance(requirements, list) or not all(isinstance(item, str) for item in requirements):
                self.fail(
                    "dependencies", flag, f"{flag} must be a list of requirements, not {requirements!r}"
                )
            self.features.dependencies[flag] = requirements

    def read_profile(self, name: str) -> None:
        table, profile = f"profile.{name}", self.table("profile", name)
        if not PROFILE_NAME.fullmatch(name):
            self.fail("profile", name, f"{name!r}: the name of a profile is letters, digits, _ and -")
        for key, value in profile.items():
            if key in self.features.flags:
                if not isinstance(value, bool):
                    self.fail(table, key, f"{key} = {value!r}: a flag is true or false")
            elif key in self.features.constants:
                if type(value) is not int:
                    self.fail(table, key, f"{key} = {value!r}: a constant is a whole number")
            else:
                self.fail(
                    table, key, f"{key} is no flag and no constant: {nearest(key, self.features.names())}"
                )
        self.features.profiles[name] = profile
