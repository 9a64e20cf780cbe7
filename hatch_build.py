"""Build hook: resolve the chosen features, check them, and stage the package so that a wheel holds no others.

    features.toml, profile, environment -> Features -> resolve() -> Build -> stage() -> the wheel

Hatchling loads this file alone, without its siblings and outside sys.modules, so it is one file, in sections:

    Errors and origins   what every complaint names
    features.toml        the file as typed, checked tables
    Resolution           file < profile < environment, conflicts, needs, ranges
    Rendering            _features.py, the build record as JSON, the local version
    Blanking             a source without the branches that are off, no line moved
    Staging              the copy that the wheel is made of
    Compiling            mypyc on that copy
    Hatchling            the two hooks, and the script that writes the tree's own _features.py

`python hatch_build.py` needs nothing but the standard library.
"""

import ast
import atexit
import bisect
import difflib
import fnmatch
import functools
import io
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tokenize
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

# ---- Errors and origins ------------------------------------------------------------------------------------


class BuildError(Exception):
    """The build cannot be made as asked. One line: name, value, where it came from, what is allowed."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with a BuildError's one line, in place of a traceback through the build frontend."""
    try:
        yield
    except BuildError as error:
        sys.stderr.flush()
        raise SystemExit(f"error: {error}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a clause that names the known name most like this one, for the end of a message."""
    known = sorted(known)
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"the nearest known one is {match[0]}" if match else "there are none"


@dataclass(frozen=True)
class Choice:
    """A value, and where it came from, as a message names it."""

    value: Any
    origin: str


# ---- features.toml -----------------------------------------------------------------------------------------

TABLES: Final = (
    *("planned", "flags", "ignored", "constants", "conflicts", "requires"),
    *("modules", "dependencies", "interpreted", "profile"),
)
DEFAULT_PROFILE: Final = "open"


@dataclass(frozen=True)
class Constant:
    """A whole number and its permitted range; a limit may be the name of another constant."""

    value: int
    min: int | str
    max: int | str
    unit: str


@dataclass
class Features:
    """features.toml as typed tables, every name in it known to be one of its flags or constants."""

    path: Path
    lines: dict[tuple[str, str], int]
    flags: dict[str, bool] = field(default_factory=dict)
    constants: dict[str, Constant] = field(default_factory=dict)
    planned: list[str] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    conflicts: list[list[str]] = field(default_factory=list)
    requires: list[tuple[str, list[str]]] = field(default_factory=list)
    modules: dict[str, list[str]] = field(default_factory=dict)
    dependencies: dict[str, list[str]] = field(default_factory=dict)
    interpreted: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, dict[str, bool | int]] = field(default_factory=dict)

    def where(self, table: str, key: str = "") -> str:
        """Return `features.toml:LINE` of a key, of its table if the key's line is not known."""
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
    """Read a features file. Raise BuildError with its line for anything that is not as it has to be."""
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
        """Take the file's text for its line numbers, and what tomllib made of it."""
        self.tables = tables
        self.features = Features(path, index_lines(text))

    def fail(self, table: str, key: str, message: str) -> NoReturn:
        raise BuildError(f"{self.features.where(table, key)}: {message}")

    def read(self) -> Features:
        """Read every table; flags and constants first, since the others name them."""
        for table in self.tables:
            if table not in TABLES:
                self.fail(table, "", f"[{table}] is not a table of a features file: {nearest(table, TABLES)}")
        self.read_flags()
        self.read_constants()
        self.read_rules()
        self.read_strings("ignored", self.features.ignored)
        self.read_strings("interpreted", self.features.interpreted)
        self.read_modules()
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
            if not name.startswith("WANT_"):
                self.fail("flags", name, f"{name}: the name of a flag starts with WANT_")
            if not isinstance(value, bool):
                self.fail("flags", name, f"{name} = {value!r}: a flag is true or false")
            self.features.flags[name] = value
        if planned := self.tables.get("planned"):
            self.features.planned = self.flag_list("", "planned", planned)

    def read_constants(self) -> None:
        for name, value in self.table("constants").items():
            if not name.startswith("OT_"):
                self.fail("constants", name, f"{name}: the name of a constant starts with OT_")
            try:
                constant = Constant(**value)
            except TypeError:
                self.fail("constants", name, f"{name} must be {{ value, min, max, unit }}, not {value!r}")
            if type(constant.value) is not int:
                self.fail("constants", name, f"{name}: value = {constant.value!r} is not a whole number")
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
        for module, flags in self.table("modules").items():
            self.features.modules[module] = self.flag_list("modules", module, flags)

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


# ---- Resolution --------------------------------------------------------------------------------------------

VARIABLES: Final = ("OPENTRACKER_PROFILE", "OPENTRACKER_FEATURES", "OPENTRACKER_LOCAL_VERSION")
LONGEST_NUMBER: Final = 9  # digits; every range ends far below


@dataclass(frozen=True)
class Build:
    """What is to be built: every choice made and checked."""

    features: Features
    defaults: Features  # the project's own, where OPENTRACKER_FEATURES names another file
    profile: str
    flags: dict[str, bool]
    constants: dict[str, int]
    origins: dict[str, str]
    local_version: bool
    notes: tuple[str, ...]

    def missing_flags(self, module: str) -> list[str]:
        """Return the flags for want of which a module (dotted, below the package) is not in this build."""
        for owned, flags in self.features.modules.items():
            if (module + ".").startswith(owned + ".") and not any(self.flags[flag] for flag in flags):
                return flags
        return []

    def dependencies(self) -> list[str]:
        """Return the run-time requirements that the flags add."""
        return [
            requirement
            for flag, requirements in self.features.dependencies.items()
            if self.flags[flag]
            for requirement in requirements
        ]


def resolve(root: Path, environment: Mapping[str, str]) -> Build:
    """Make every choice for the project in `root`: features file, then profile, then environment."""
    # A variable that is set to nothing counts as not set: that is how shells and recipes take one back.
    environment = {name: value for name, value in environment.items() if value}
    own = load_features(root / "features.toml")
    features = swapped_features(root, own, environment)
    check_names(features, environment)
    profile = environment.get("OPENTRACKER_PROFILE", DEFAULT_PROFILE)
    choices = default_choices(features, own)
    choices |= profile_choices(features, profile)
    choices |= environment_choices(features, environment)
    check_ranges(features, choices)
    check_conflicts(features, choices)
    check_needs(features, choices)
    planned_off(features, choices)
    check_needs(features, choices)
    local_version = environment.get("OPENTRACKER_LOCAL_VERSION", "0")
    if local_version not in ("0", "1"):
        raise BuildError(f"OPENTRACKER_LOCAL_VERSION={local_version} (environment): it is 0 or 1")
    return Build(
        features=features,
        defaults=own,
        profile=profile,
        flags={name: choices[name].value for name in features.flags},
        constants={name: choices[name].value for name in features.constants},
        origins={name: choice.origin for name, choice in choices.items()},
        local_version=local_version == "1",
        notes=tuple(
            f"{name}={environment[name]} (environment) has no meaning here: {why}"
            for name, why in features.ignored.items()
            if name in environment
        ),
    )


def swapped_features(root: Path, own: Features, environment: Mapping[str, str]) -> Features:
    """Return the features file in force: the project's own, or the one that OPENTRACKER_FEATURES names."""
    if "OPENTRACKER_FEATURES" not in environment:
        return own
    path = root / environment["OPENTRACKER_FEATURES"]
    if not path.is_file():
        raise BuildError(
            f"OPENTRACKER_FEATURES={path} (environment): no such file; it names a whole features.toml"
        )
    features = load_features(path)
    for name in own.names():
        if name not in features.flags and name not in features.constants:
            raise BuildError(
                f"OPENTRACKER_FEATURES={path} (environment): {name} is missing; every name must be there"
            )
    # What is not written yet stays so, whatever another file says.
    features.planned += [name for name in own.planned if name not in features.planned]
    return features


def check_names(features: Features, environment: Mapping[str, str]) -> None:
    """Refuse an unknown variable that looks like ours: a typo must not give the default build in silence."""
    known = {*features.flags, *features.constants, *features.ignored}
    for name, value in environment.items():
        if name.startswith(("WANT_", "OT_")) and name not in known:
            kind = "flag" if name.startswith("WANT_") else "constant"
            raise BuildError(f"{name}={value} (environment): no such {kind}; {nearest(name, known)}")
        # Others set OPENTRACKER_... too (Kubernetes for a service of that name): only likely typos count.
        near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.85)
        if name not in VARIABLES and name.startswith("OPENTRACKER_") and near:
            raise BuildError(
                f"{name}={value} (environment): no such variable; the nearest known one is {near[0]}"
            )


def default_choices(features: Features, own: Features) -> dict[str, Choice]:
    """Return what the features file says. Planned flags that our own file has on are of origin "default"."""
    choices = {name: Choice(value, features.where("flags", name)) for name, value in features.flags.items()}
    for name, constant in features.constants.items():
        choices[name] = Choice(constant.value, features.where("constants", name))
    for name in features.planned:
        if own.flags.get(name):
            choices[name] = Choice(features.flags[name], "default")
    return choices


def profile_choices(features: Features, profile: str) -> dict[str, Choice]:
    """Return what the profile says. The default profile need not be written down."""
    if profile not in features.profiles and profile != DEFAULT_PROFILE:
        known = ", ".join(features.profiles)
        raise BuildError(f"OPENTRACKER_PROFILE={profile} (environment): no such profile; there are {known}")
    return {
        name: Choice(value, f"profile {profile}, {features.where(f'profile.{profile}', name)}")
        for name, value in features.profiles.get(profile, {}).items()
    }


def environment_choices(features: Features, environment: Mapping[str, str]) -> dict[str, Choice]:
    """Return what single variables say: WANT_X=0|1, OT_X=whole number."""
    choices: dict[str, Choice] = {}
    for name in features.flags:
        if (text := environment.get(name)) is not None:
            if text not in ("0", "1"):
                raise BuildError(f"{name}={text} (environment): a flag is 0 or 1")
            choices[name] = Choice(text == "1", "environment")
    for name in features.constants:
        if (text := environment.get(name)) is not None:
            if not re.fullmatch(r"-?[0-9]+", text, re.ASCII) or len(text) > LONGEST_NUMBER:
                raise BuildError(
                    f"{name}={text} (environment): a whole number {allowed_range(features, name)}"
                )
            choices[name] = Choice(int(text), "environment")
    return choices


def allowed_range(features: Features, name: str) -> str:
    """Return a constant's permitted range in words."""
    constant = features.constants[name]
    return f"from {constant.min} to {constant.max} ({constant.unit}) is allowed"


def check_ranges(features: Features, choices: Mapping[str, Choice]) -> None:
    """Refuse a constant outside its range."""

    def limit(bound: int | str) -> int:
        return choices[bound].value if isinstance(bound, str) else bound

    for name, constant in features.constants.items():
        choice = choices[name]
        if not limit(constant.min) <= choice.value <= limit(constant.max):
            named = "".join(
                f"; {bound} is {choices[bound].value} ({choices[bound].origin})"
                for bound in (constant.min, constant.max)
                if isinstance(bound, str)
            )
            raise BuildError(
                f"{name}={choice.value} ({choice.origin}): {allowed_range(features, name)}{named}"
            )
    check_peer_timeout(choices)


def check_peer_timeout(choices: Mapping[str, Choice]) -> None:
    """Refuse a peer timeout that may forget a punctual client: under 1.25 of the longest interval."""
    try:
        interval = choices["OT_CLIENT_REQUEST_INTERVAL"].value
        variation = choices["OT_CLIENT_REQUEST_VARIATION"].value
        timeout = choices["OT_PEER_TIMEOUT"]
    except KeyError:
        return  # another project's features file
    longest = interval + variation / 2
    least = -(-1.25 * longest // 60)
    if timeout.value < least:
        raise BuildError(
            f"OT_PEER_TIMEOUT={timeout.value} ({timeout.origin}): at least {least:.0f} min is allowed,"
            f" 1.25 times the longest interval handed out ({longest:g} s)"
        )


def check_conflicts(features: Features, choices: Mapping[str, Choice]) -> None:
    """Refuse two flags that exclude each other."""
    for number, flags in enumerate(features.conflicts):
        on = [f"{name}=1 ({choices[name].origin})" for name in flags if choices[name].value]
        if len(on) > 1:
            rule = features.where(f"conflicts#{number}")
            raise BuildError(
                f"{' and '.join(on)} exclude each other ({rule}): at most one of them is allowed"
            )


def check_needs(features: Features, choices: Mapping[str, Choice]) -> None:
    """Refuse a flag without what it needs."""
    for number, (flag, needed) in enumerate(features.requires):
        if choices[flag].value and not any(choices[name].value for name in needed):
            rule = features.where(f"requires#{number}")
            states = ", ".join(f"{name}=0 ({choices[name].origin})" for name in needed)
            raise BuildError(
                f"{flag}=1 ({choices[flag].origin}) needs {' or '.join(needed)} ({rule}); there is {states}"
            )


def planned_off(features: Features, choices: dict[str, Choice]) -> None:
    """Count planned flags as false, and refuse one that somebody has set."""
    for name in features.planned:
        choice = choices[name]
        if choice.value and choice.origin != "default":
            raise BuildError(f"{name}=1 ({choice.origin}): not in this version; only 0 is allowed")
        choices[name] = Choice(value=False, origin="not in this version")


# ---- Rendering ---------------------------------------------------------------------------------------------


def full_version(build: Build, version: str) -> str:
    """Return the version, with what differs from the defaults as its local part if that is asked for."""
    label = local_label(build) if build.local_version else ""
    return f"{version}+{label}" if label else version


def local_label(build: Build) -> str:
    """Return what differs from the defaults as a PEP 440 local version: `v6.white`, `nofullscrape`."""
    parts = []
    for name, value in build.flags.items():
        if value != (build.defaults.flags.get(name, False) and name not in build.features.planned):
            short = name.removeprefix("WANT_").removeprefix("ACCESSLIST_").replace("_", "").lower()
            parts.append(short if value else f"no{short}")
    for name, (number, _default) in changed_constants(build).items():
        parts.append(f"{name.removeprefix('OT_').replace('_', '').lower()}{number}")
    return ".".join(parts)


def changed_constants(build: Build) -> dict[str, tuple[int, int]]:
    """Return the constants that differ from the defaults: name -> (value, default)."""
    defaults = {name: constant.value for name, constant in build.defaults.constants.items()}
    return {name: (n, defaults[name]) for name, n in build.constants.items() if n != defaults.get(name, n)}


def build_record(build: Build, project: str, version: str) -> str:
    """Return what the build is as JSON: for `--version --json`, and for the wheel's extra_metadata."""
    record = {
        "name": project,
        "version": full_version(build, version),
        "profile": build.profile,
        "compiled": build.flags.get("WANT_COMPILED", False),
        "flags": build.flags,
        "planned": sorted(build.features.planned),
        "constants": build.constants,
        "changed_constants": {
            name: {"value": value, "default": default}
            for name, (value, default) in changed_constants(build).items()
        },
    }
    return json.dumps(record, indent=2) + "\n"


def render_features(build: Build, project: str, version: str) -> str:
    """Return the text of _features.py: every flag and constant as a Final literal."""
    lines = ['"""What this build is: written by hatch_build.py from features.toml, not to be edited."""']
    lines += ["", "from typing import Final", ""]
    lines += [f"{name}: Final = {value}" for name, value in build.flags.items()]
    lines += [""]
    for name, value in build.constants.items():
        lines.append(f"{name}: Final = {value}  # {build.features.constants[name].unit}")
    lines += [
        "",
        "# The same for people and programs that ask what this build is.",
        'BUILD_RECORD: Final = """\\',
    ]
    return "\n".join(lines) + "\n" + build_record(build, project, version) + '"""\n'


# ---- Blanking ----------------------------------------------------------------------------------------------
#
# The standard library's ast says where things stand; what a build leaves out is overwritten with spaces in
# the text itself. No line ever moves, so tracebacks of every variant point into the same source, and what is
# live keeps its comments. ast positions are offsets into UTF-8, so all of this works on bytes.

Span = tuple[int, int]  # from (included) and to (excluded), in bytes
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
FORMATTED: Final = tuple(getattr(ast, name) for name in ("JoinedStr", "TemplateStr") if hasattr(ast, name))
FEATURES_MODULE: Final = "_features"
RECORD: Final = "BUILD_RECORD"


def blank_file(source: bytes, build: Build, name: str) -> bytes:
    """Return the source with every branch blanked that this build leaves out; `name` is for messages."""
    # Only the flags in the file matter, so that most variants of a file are made once (see blank_branches).
    used = tuple((flag, value) for flag, value in build.flags.items() if flag.encode() in source)
    return blank_branches(source, used, tuple(build.features.names()), name)


@functools.cache
def blank_branches(
    source: bytes, flags: tuple[tuple[str, bool], ...], known: tuple[str, ...], name: str
) -> bytes:
    """Blank a file for these values of the flags in it; `known` are all names that _features.py has."""
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
    """Refuse a function that is a generator in the tree and would be none in the wheel."""
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
    """Return a yield of these nodes themselves, functions inside them left aside."""
    for node in nodes:
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return node
        if not isinstance(node, FUNCTIONS) and (found := find_yield(ast.iter_child_nodes(node))):
            return found
    return None


class FlagRules(ast.NodeVisitor):
    """Refuses the uses of a flag that cannot be blanked, or that mypyc would not compile."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        """Take the file's name for messages, and every name that _features.py has."""
        self.name = name
        self.known = frozenset(known)
        self.in_class_body = False
        self.under_flag = ""

    def refuse(self, node: ast.AST, message: str) -> NoReturn:
        raise BuildError(f"{self.name}:{getattr(node, 'lineno', 1)}: {message}")

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.rpartition(".")[2] == FEATURES_MODULE:
                self.refuse(
                    node, f"import {alias.name}: flags are imported by name, from {alias.name} import WANT_X"
                )
            self.refuse_binding(node, alias.asname)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        of_features = (node.module or "").rpartition(".")[2] == FEATURES_MODULE
        for alias in node.names:
            if alias.name == FEATURES_MODULE:
                self.refuse(node, f"import of {FEATURES_MODULE}: flags are imported by name")
            if of_features and alias.name not in self.known and alias.name != RECORD:
                self.refuse(
                    node, f"{alias.name} is no flag and no constant: {nearest(alias.name, self.known)}"
                )
            if of_features and alias.asname not in (None, alias.name):
                self.refuse(node, f"{alias.name} as {alias.asname}: a flag keeps its name")
            if not of_features:
                self.refuse_binding(node, alias.asname or alias.name)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = ast.unparse(node.value).rpartition(".")[2]
        if owner == FEATURES_MODULE or (node.attr in self.known and node.attr.startswith("WANT_")):
            self.refuse(node, f"{ast.unparse(node)}: flags are imported by name, not reached as attributes")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id not in self.known:
            return
        if not isinstance(node.ctx, ast.Load):
            self.refuse_binding(node, node.id)
        if self.in_class_body and node.id.startswith("WANT_"):
            self.refuse(node, f"{node.id} in a class body: a flag guards statements in functions and modules")

    def refuse_binding(self, node: ast.AST, bound: str | None) -> None:
        if bound in self.known:
            self.refuse(
                node, f"{bound} is bound here: it is imported from {FEATURES_MODULE} and nothing else"
            )

    def visit_arg(self, node: ast.arg) -> None:
        self.refuse_binding(node, node.arg)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        outer = self.under_flag
        self.visit(node.test)
        self.under_flag = self.flag_in(node.test) or outer
        for statement in (*node.body, *node.orelse):
            self.visit(statement)
        self.under_flag = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if self.under_flag:
            self.refuse(
                node, f"class {node.name} under {self.under_flag}: put the class into a module of its own"
            )
        outer, self.in_class_body = self.in_class_body, True
        self.generic_visit(node)
        self.in_class_body = outer

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.refuse_binding(node, node.name)
        for part in (*node.decorator_list, node.args, node.returns):
            if part is not None:
                self.visit(part)
        outer, self.in_class_body = self.in_class_body, False
        for statement in node.body:
            self.visit(statement)
        self.in_class_body = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def generic_visit(self, node: ast.AST) -> None:
        """Refuse what the other methods do not see: formatted strings, bindings by patterns and handlers."""
        if isinstance(node, FORMATTED) and (flag := self.flag_in(node)):
            self.refuse(node, f"{flag} in a formatted string: take it out of the string")
        if isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)):
            self.refuse_binding(node, node.name)
        super().generic_visit(node)

    def flag_in(self, node: ast.AST) -> str:
        """Return the first flag in an expression, or nothing."""
        names = (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
        return next((name for name in names if name in self.known and name.startswith("WANT_")), "")


class Text:
    """A source as bytes, with its comments and branch keywords, and where everything stands."""

    def __init__(self, source: bytes) -> None:
        """Index the source's lines and tokens."""
        self.source = source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.comments: list[Span] = []
        self.elses: list[int] = []
        self.colons: list[int] = []
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.COMMENT:
                start = self.token_start(token)
                self.comments.append((start, start + len(token.string.encode())))
            elif token.type == tokenize.NAME and token.string == "else":
                self.elses.append(self.token_start(token))
            elif token.type == tokenize.OP and token.string == ":":
                self.colons.append(self.token_start(token))

    def token_start(self, token: tokenize.TokenInfo) -> int:
        row, column = token.start  # in characters, not in bytes
        line = self.source[self.starts[row - 1] : self.starts[row]].decode()
        return self.starts[row - 1] + len(line[:column].encode())

    def span(self, node: ast.expr | ast.stmt) -> Span:
        """Return the span of an expression or a statement, that of a function with its decorators."""
        start = self.starts[node.lineno - 1] + node.col_offset
        if decorators := getattr(node, "decorator_list", []):
            start = self.source.rindex(b"@", 0, self.span(decorators[0])[0])
        return start, self.starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    def line_start(self, offset: int) -> int:
        """Return where the line of this offset begins."""
        return self.starts[bisect.bisect_right(self.starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Return where the line of this offset ends, its line end left out."""
        return offset + len(self.source[offset : self.next_line(offset)].rstrip(b"\r\n"))

    def next_line(self, offset: int) -> int:
        """Return where the line after this offset's begins."""
        end = self.source.find(b"\n", offset)
        return end + 1 if end >= 0 else len(self.source)

    def many_lines(self, node: ast.expr) -> bool:
        """Tell whether an expression goes on after its first line."""
        start, end = self.span(node)
        return self.next_line(start) < end

    def column(self, offset: int) -> int:
        """Return how far an offset is from the beginning of its line."""
        return offset - self.line_start(offset)

    def alone(self, comment: Span) -> bool:
        """Tell whether a comment has its line for itself."""
        return not self.source[self.line_start(comment[0]) : comment[0]].strip()

    def suite_end(self, last: ast.stmt, column: int) -> int:
        """Return where a suite ends: with its last line, and the comments after it that are indented like it.

        `column` is that of the keyword whose suite it is.
        """
        end = self.line_end(self.span(last)[1])
        for comment in self.comments:
            if comment[0] < end:
                continue
            between = self.source[end : comment[0]]
            if between.strip() or self.column(comment[0]) <= column:
                break
            end = comment[1]
        return end


class Blanker:
    """Overwrites what the flags leave out. One instance blanks one file."""

    def __init__(self, source: bytes, flags: dict[str, bool]) -> None:
        """Take the source, and the value of every flag in it."""
        self.text = Text(source)
        self.flags = flags
        self.out = bytearray(source)

    def blank(self, tree: ast.Module) -> bytes:
        """Return the blanked source."""
        self.visit(tree)
        return bytes(self.out)

    # What is known of an expression.

    def constant(self, node: ast.expr) -> bool | None:
        """Return an expression's value if flags alone decide it and nothing else of it would run."""
        if isinstance(node, ast.Name):
            return self.flags.get(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            value = self.constant(node.operand)
            return None if value is None else not value
        if isinstance(node, ast.BoolOp):
            deciding = isinstance(node.op, ast.Or)
            for operand in node.values:
                value = self.constant(operand)
                if value is None or value is deciding:
                    return value
            return not deciding
        return None

    def truth(self, node: ast.expr) -> bool | None:
        """Return whether an expression is true if flags alone decide that, whatever else of it runs."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            value = self.truth(node.operand)
            return None if value is None else not value
        if isinstance(node, ast.BoolOp):
            deciding = isinstance(node.op, ast.Or)
            truths = [self.truth(operand) for operand in node.values]
            if deciding in truths:
                return deciding
            return None if None in truths else not deciding
        return self.constant(node)

    # The walk: what is left out is overwritten and not entered.

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
        elif isinstance(node, ast.BoolOp) or (isinstance(node, ast.expr) and self.constant(node) is not None):
            self.visit_test(node)
        else:
            for child in ast.iter_child_nodes(node):
                self.visit(child)

    def visit_test(self, node: ast.expr) -> bool | None:
        """Put values in place of what flags decide; return whether the test is true, if they decide that."""
        value = self.constant(node)
        if value is not None and not self.text.many_lines(node):
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
        return self.truth(node)

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

    # Overwriting.

    def blank_body(self, node: ast.If | ast.While) -> None:
        """Leave `pass` of a body; `yield` if that is what may make its function a generator."""
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
        """Leave nothing of an `else` or `elif`, nor of the comments above it that are indented as it is."""
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
        """Put spaces over everything but line ends and white space."""
        self.out[start:end] = re.sub(rb"[^\s]", b" ", self.out[start:end])


# ---- Staging -----------------------------------------------------------------------------------------------

NOT_STAGED: Final = ("__pycache__", "*.py[cod]", "*.so", ".*", "_features.py")


def stage(build: Build, package: Path, target: Path, features_text: str) -> None:
    """Make the folder `target`, the package as this build has it: the wheel holds just that."""
    missing = [module for module in build.features.modules if not exists_as_source(build, package, module)]
    if missing:
        where = build.features.where("modules", missing[0])
        raise BuildError(
            f"{missing[0]} ({where}): no such module in {package.name}/; [modules] names what there is"
        )
    for path in sorted(package_files(package)):
        relative = path.relative_to(package)
        if path.suffix != ".py":
            staged = path.read_bytes()
        elif not build.missing_flags(module_name(relative)):
            staged = blank_file(path.read_bytes(), build, f"{package.name}/{relative.as_posix()}")
            check_imports(build, package.name, relative, staged)
        else:
            continue
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        (target / relative).write_bytes(staged)
    (target / "_features.py").write_text(features_text, encoding="utf-8")


def package_files(folder: Path) -> Iterator[Path]:
    """Return the files of the package that may be in a wheel."""
    for path in folder.iterdir():
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in NOT_STAGED):
            continue
        if path.is_dir():
            yield from package_files(path)
        else:
            yield path


def exists_as_source(build: Build, package: Path, module: str) -> bool:
    """Tell whether a module that the features file names is there, or need not be yet."""
    path = package.joinpath(*module.split("."))
    planned = all(flag in build.features.planned for flag in build.features.modules[module])
    return planned or path.is_dir() or path.with_suffix(".py").is_file()


def module_name(relative: Path) -> str:
    """Return a file's module below the package, dotted: `server.udp`; `__init__` for the package itself."""
    parts = relative.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def check_imports(build: Build, package: str, relative: Path, staged: bytes) -> None:
    """Refuse an import of a module that this build leaves out: it would fail when the wheel runs."""
    for line, imported in imports_of(staged, package, relative.parts[:-1]):
        if flags := build.missing_flags(imported):
            raise BuildError(
                f"{package}/{relative.as_posix()}:{line}: imports {package}.{imported}, which is in"
                f" builds with {' or '.join(flags)} alone: import it under the flag"
            )


@functools.cache
def imports_of(source: bytes, package: str, folder: tuple[str, ...]) -> list[tuple[int, str]]:
    """Return the modules of the package that a file imports, below the package, with their lines."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # Each level above the first is one folder up.
            above = (package, *folder)[: len(folder) + 2 - node.level] if node.level else ()
            base = ".".join((*above, *([node.module] if node.module else [])))
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        found += [
            (node.lineno, name.removeprefix(package + "."))
            for name in names
            if name.startswith(package + ".")
        ]
    return found


# ---- Compiling ---------------------------------------------------------------------------------------------

# Runs in the staged folder, in a process of its own: setuptools works on the current directory.
# No debug information: it would hold the folder's name, and two builds would differ.
COMPILE_SCRIPT: Final = """
import sys
from setuptools import Distribution
from mypyc.build import mypycify

name, *arguments = sys.argv[1:]
extensions = mypycify(arguments, opt_level="3", debug_level="0", group_name=name)
command = Distribution({"name": name, "ext_modules": extensions}).get_command_obj("build_ext")
command.inplace = True
command.build_temp = "build"
command.ensure_finalized()
command.run()
"""
MYPY_OPTIONS: Final = (
    "--config-file=",
    "--ignore-missing-imports",
    "--no-error-summary",
    "--hide-error-context",
)


def compile_stage(build: Build, folder: Path, package: str) -> list[Path]:
    """Compile the staged package in `folder` in place; return the extension modules for the wheel."""
    check_compiler(build)
    modules = compiled_modules(build, folder / package)
    flags = [f"--always-{str(value).lower()}={name}" for name, value in build.flags.items()]
    files = [str(path.relative_to(folder)) for path in modules]
    process = subprocess.run(
        [sys.executable, "-c", COMPILE_SCRIPT, package, *MYPY_OPTIONS, *flags, *files],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if process.returncode:
        print(process.stdout, process.stderr, sep="", file=sys.stderr)
        origin = build.origins["WANT_COMPILED"]
        raise BuildError(
            f"WANT_COMPILED=1 ({origin}): mypyc or the C compiler failed, its messages are above"
        )
    return sorted(path for path in folder.rglob("*" + sysconfig.get_config_var("EXT_SUFFIX")))


def compiled_modules(build: Build, package: Path) -> list[Path]:
    """Return the files that are compiled: all but those that [interpreted] names."""
    modules = sorted(path for path in package.rglob("*.py"))
    names = {path: ".".join(path.relative_to(package).with_suffix("").parts) for path in modules}
    for pattern in build.features.interpreted:
        names = {path: name for path, name in names.items() if not fnmatch.fnmatchcase(name, pattern)}
    return list(names)


def check_compiler(build: Build) -> None:
    """Refuse to compile where there is no C compiler, or Python without its headers."""
    asked = f"WANT_COMPILED=1 ({build.origins['WANT_COMPILED']})"
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        raise BuildError(
            f"{asked}: there is no C compiler {compiler}; install it, name another in CC, or build with 0"
        )
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.is_file():
        raise BuildError(
            f"{asked}: there is no {header}; install Python's headers (python3-dev), or build with 0"
        )


# ---- Hatchling ---------------------------------------------------------------------------------------------


def write_tree_features(root: Path, project: str, version: str, environment: Mapping[str, str]) -> Build:
    """Write the tree's own _features.py, for work on a checkout: never compiled, whatever is asked."""
    build = resolve(root, environment)
    if build.flags.get("WANT_COMPILED"):
        print("note: WANT_COMPILED=1 has no effect on a tree that is worked on", file=sys.stderr)
        build = resolve(root, {**environment, "WANT_COMPILED": "0"})
    text = render_features(build, project, version)
    (root / project / "_features.py").write_text(text, encoding="utf-8")
    return build


def temporary_folder(project: str) -> Path:
    """Return a new folder outside the tree that is gone when the process ends, however it ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"{project}-stage-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def print_notes(build: Build) -> None:
    """Say on standard error what the build has to say beside errors."""
    for note in build.notes:
        print(f"note: {note}", file=sys.stderr)


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
    from hatchling.metadata.plugin.interface import MetadataHookInterface
except ImportError:
    pass  # the script needs neither
else:

    class VersionHook(MetadataHookInterface):
        """Sets the version, with the chosen features as its local part if that is asked for."""

        def update(self, metadata: dict[str, Any]) -> None:
            """Fill in the dynamic fields of pyproject.toml."""
            with one_line_errors():
                build = resolve(Path(self.root), os.environ)
            metadata["version"] = full_version(build, self.config["version"])
            metadata["entry-points"] = {}

    class FeaturesHook(BuildHookInterface[Any]):
        """Makes the wheel out of a staged copy of the package, and the sdist without a choice."""

        def dependencies(self) -> list[str]:
            """Return what is needed to build the wheel: mypyc when it is to be compiled."""
            with one_line_errors():
                compiled = resolve(Path(self.root), os.environ).flags.get("WANT_COMPILED")
            return list(self.config.get("compile-requires", [])) if compiled else []

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Stage the package, or for an editable install write the tree's own _features.py."""
            root, project = Path(self.root), self.metadata.core.raw_name
            base_version = self.metadata.version.partition("+")[0]
            if self.target_name == "sdist":
                # Every variant can be built from it, so it has no variant's name.
                self.full_version = self.metadata.version
                self.set_version(base_version)
                return
            with one_line_errors():
                if version == "editable":
                    build = write_tree_features(root, project, base_version, os.environ)
                else:
                    build = resolve(root, os.environ)
                    self.add_stage(build, root / project, base_version, build_data)
            print_notes(build)
            build_data["dependencies"] += build.dependencies()

        def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
            """Give the version its variant's name back after an sdist: the wheel may be built next."""
            if self.target_name == "sdist":
                self.set_version(self.full_version)

        def set_version(self, version: str) -> None:
            """Replace the version: one metadata object serves all targets, and its hook is asked once."""
            self.metadata._version = version
            self.metadata._original_version = version

        def add_stage(self, build: Build, package: Path, version: str, build_data: dict[str, Any]) -> None:
            """Stage the package, compile it if asked to, and hand it to the wheel with its record."""
            folder = temporary_folder(package.name)
            stage(build, package, folder / package.name, render_features(build, package.name, version))
            if build.flags.get("WANT_COMPILED"):
                extensions = compile_stage(build, folder, package.name)
                shutil.rmtree(folder / "build")
                # Those in the package come with it; mypyc puts their common part beside the package.
                beside = [path for path in extensions if path.parent == folder]
                build_data["force_include"] |= {str(path): path.name for path in beside}
                build_data |= {"pure_python": False, "infer_tag": True}
            build_data["force_include"][str(folder / package.name)] = package.name
            record = folder / f"{package.name}.json"
            record.write_text(build_record(build, package.name, version), encoding="utf-8")
            build_data["extra_metadata"][str(record)] = record.name


def main() -> None:
    """Write the tree's own _features.py for the choices in the environment."""
    root = Path(__file__).parent
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = pyproject["project"]["name"]
    version = pyproject["tool"]["hatch"]["metadata"]["hooks"]["custom"]["version"]
    with one_line_errors():
        build = write_tree_features(root, project, version, os.environ)
    print_notes(build)
    on = " ".join(name for name, value in build.flags.items() if value) or "no flag on"
    print(f"{project}/_features.py: profile {build.profile}, {on}")


if __name__ == "__main__":
    main()
