"""Build hook: resolve the chosen features, check them, and stage the package so that a wheel holds these and no others.

    features.toml, profile, environment -> Features -> resolve() -> Build -> stage() -> the wheel

Hatchling loads this file alone, without its siblings and outside sys.modules, so it is one file, in sections:

    Errors and origins   what every complaint names
    features.toml        the file as typed, checked tables
    Resolution           file < profile < environment, conflicts, needs, ranges
    Rendering            _features.py, the build record as JSON, the local version
    Staging              the copy that the wheel is made of
    Hatchling            the two hooks, and the script that writes the tree's own _features.py

`python hatch_build.py` needs nothing but the standard library.
"""

import atexit
import difflib
import json
import os
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

# ---- Errors and origins ----------------------------------------------------------------------------------------------


class BuildError(Exception):
    """The build cannot be made as asked. Its text is one line: the name, the value, where it came from, what is allowed."""


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


def shown(value: object) -> str:
    """Return a value as it is typed in the environment: booleans as 0 and 1."""
    return str(int(value)) if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Choice:
    """A value, and where it came from, as a message names it."""

    value: Any
    origin: str


# ---- features.toml ---------------------------------------------------------------------------------------------------

TABLES: Final = frozenset(
    "planned flags ignored constants conflicts requires modules dependencies interpreted profile".split()
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
        line = self.lines.get((table, key)) or self.lines.get((table, "")) or 1
        return f"{self.path.name}:{line}"

    def names(self) -> list[str]:
        """Return every flag and constant."""
        return [*self.flags, *self.constants]


def index_lines(text: str) -> dict[tuple[str, str], int]:
    """Return the line of every (table, key). The n-th `[[name]]` is the table `name#n`; a table itself has the key ``."""
    lines: dict[tuple[str, str], int] = {}
    seen: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[\[\s*([\w.-]+)\s*\]\]", line):
            count = seen[match[1]] = seen.get(match[1], -1) + 1
            table = f"{match[1]}#{count}"
            lines[table, ""] = number
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
        for name, profile in self.tables.get("profile", {}).items():
            self.read_profile(name, profile)
        return self.features

    def known_flag(self, table: str, key: str, name: object) -> str:
        if not isinstance(name, str) or name not in self.features.flags:
            self.fail(table, key, f"{name} is not a flag: {nearest(str(name), self.features.flags)}")
        return name

    def flag_list(self, table: str, key: str, value: object) -> list[str]:
        if not isinstance(value, list) or not value:
            self.fail(table, key, f"{key} must be a list of flags, not {value!r}")
        return [self.known_flag(table, key, name) for name in value]

    def read_flags(self) -> None:
        for name, value in self.tables.get("flags", {}).items():
            if not name.startswith("WANT_"):
                self.fail("flags", name, f"{name}: the name of a flag starts with WANT_")
            if not isinstance(value, bool):
                self.fail("flags", name, f"{name} = {value!r}: a flag is true or false")
            self.features.flags[name] = value
        for name in self.tables.get("planned", []):
            self.features.planned.append(self.known_flag("", "planned", name))

    def read_constants(self) -> None:
        for name, value in self.tables.get("constants", {}).items():
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
        for number, rule in enumerate(self.tables.get("conflicts", [])):
            table = f"conflicts#{number}"
            self.features.conflicts.append(self.flag_list(table, "flags", rule.get("flags")))
        for number, rule in enumerate(self.tables.get("requires", [])):
            table = f"requires#{number}"
            flag = self.known_flag(table, "flag", rule.get("flag"))
            self.features.requires.append((flag, self.flag_list(table, "any", rule.get("any"))))

    def read_strings(self, table: str, into: dict[str, str]) -> None:
        for key, value in self.tables.get(table, {}).items():
            if not isinstance(value, str) or not value:
                self.fail(table, key, f"{key} must be a text that says why, not {value!r}")
            into[key] = value

    def read_modules(self) -> None:
        for module, flags in self.tables.get("modules", {}).items():
            self.features.modules[module] = self.flag_list("modules", module, flags)

    def read_dependencies(self) -> None:
        for flag, requirements in self.tables.get("dependencies", {}).items():
            self.known_flag("dependencies", flag, flag)
            if not isinstance(requirements, list) or not all(isinstance(item, str) for item in requirements):
                self.fail(
                    "dependencies", flag, f"{flag} must be a list of requirements, not {requirements!r}"
                )
            self.features.dependencies[flag] = requirements

    def read_profile(self, name: str, profile: dict[str, Any]) -> None:
        table = f"profile.{name}"
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


# ---- Resolution ------------------------------------------------------------------------------------------------------

VARIABLES: Final = ("OPENTRACKER_PROFILE", "OPENTRACKER_FEATURES", "OPENTRACKER_LOCAL_VERSION")
LONGEST_NUMBER: Final = 9  # digits; every range ends far below


@dataclass(frozen=True)
class Build:
    """What is to be built: every choice made and checked."""

    features: Features
    profile: str
    flags: dict[str, bool]
    constants: dict[str, int]
    local_version: bool
    notes: tuple[str, ...]

    def has_module(self, module: str) -> bool:
        """Tell whether a module (dotted, below the package) is in this build."""
        for owned, flags in self.features.modules.items():
            if module == owned or module.startswith(owned + "."):
                return any(self.flags[flag] for flag in flags)
        return True

    def dependencies(self) -> list[str]:
        """Return the run-time requirements that the flags add."""
        return [
            requirement
            for flag, requirements in self.features.dependencies.items()
            if self.flags[flag]
            for requirement in requirements
        ]


def resolve(root: Path, environment: Mapping[str, str]) -> Build:
    """Make every choice for the project in `root`: features file < profile < environment. Raise BuildError."""
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
        profile=profile,
        flags={name: choices[name].value for name in features.flags},
        constants={name: choices[name].value for name in features.constants},
        local_version=local_version == "1",
        notes=tuple(
            f"{name}={environment[name]} (environment) has no meaning here: {why}"
            for name, why in features.ignored.items()
            if name in environment
        ),
    )


def swapped_features(root: Path, own: Features, environment: Mapping[str, str]) -> Features:
    """Return the features file in force: the project's own, or the one that OPENTRACKER_FEATURES names in its place."""
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
    """Refuse a variable that looks like ours and is unknown: a typo must not give the default build in silence."""
    known = {*features.flags, *features.constants, *features.ignored}
    for name, value in environment.items():
        if name.startswith(("WANT_", "OT_")) and name not in known:
            kind = "flag" if name.startswith("WANT_") else "constant"
            raise BuildError(f"{name}={value} (environment): no such {kind}; {nearest(name, known)}")
        # Other programs set OPENTRACKER_... too (Kubernetes does for a service of that name), so only likely typos.
        if name.startswith("OPENTRACKER_") and name not in VARIABLES:
            if near := difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.85):
                raise BuildError(
                    f"{name}={value} (environment): no such variable; the nearest known one is {near[0]}"
                )


def default_choices(features: Features, own: Features) -> dict[str, Choice]:
    """Return what the features file says. Planned flags that are true by default in the project's own file are marked."""
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
    """Refuse a peer timeout within which a punctual client could be forgotten: 1.25 times the longest interval is least."""
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
            f"OT_PEER_TIMEOUT={timeout.value} ({timeout.origin}): at least {least:.0f} min is allowed, 1.25 times the"
            f" longest interval handed out ({longest:g} s)"
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
                f"{flag}=1 ({choices[flag].origin}) needs {' or '.join(needed)} ({rule}), but there is {states}"
            )


def planned_off(features: Features, choices: dict[str, Choice]) -> None:
    """Count planned flags as false, and refuse one that somebody has set."""
    for name in features.planned:
        choice = choices[name]
        if choice.value and choice.origin != "default":
            raise BuildError(f"{name}=1 ({choice.origin}): not in this version; only 0 is allowed")
        choices[name] = Choice(value=False, origin="not in this version")


# ---- Rendering -------------------------------------------------------------------------------------------------------


def full_version(build: Build, version: str) -> str:
    """Return the version, with what differs from the defaults as its local part if that is asked for."""
    label = local_label(build) if build.local_version else ""
    return f"{version}+{label}" if label else version


def local_label(build: Build) -> str:
    """Return what differs from the defaults as a PEP 440 local version: `v6.white`, `nofullscrape.peertimeout60`."""
    parts = []
    for name, value in build.flags.items():
        if value != (build.features.flags[name] and name not in build.features.planned):
            short = name.removeprefix("WANT_").removeprefix("ACCESSLIST_").replace("_", "").lower()
            parts.append(short if value else f"no{short}")
    for name, (number, default) in changed_constants(build).items():
        if number != default:
            parts.append(f"{name.removeprefix('OT_').replace('_', '').lower()}{number}")
    return ".".join(parts)


def changed_constants(build: Build) -> dict[str, tuple[int, int]]:
    """Return the constants that differ from the defaults: name -> (value, default)."""
    defaults = {name: constant.value for name, constant in build.features.constants.items()}
    return {name: (n, defaults[name]) for name, n in build.constants.items() if n != defaults[name]}


def build_record(build: Build, project: str, version: str) -> str:
    """Return what the build is as JSON: what `--version --json` says and what lies in a wheel's extra_metadata."""
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


# ---- Staging ---------------------------------------------------------------------------------------------------------

NOT_STAGED: Final = ("__pycache__", "*.pyc", "*.so", "*.pyd", ".*", "_features.py")


def stage(build: Build, package: Path, target: Path, features_text: str) -> None:
    """Copy the package to `target` as this build has it."""
    shutil.copytree(package, target, ignore=shutil.ignore_patterns(*NOT_STAGED))
    (target / "_features.py").write_text(features_text, encoding="utf-8")


# ---- Hatchling -------------------------------------------------------------------------------------------------------


def write_tree_features(root: Path, project: str, version: str, environment: Mapping[str, str]) -> Build:
    """Write the tree's own _features.py, for work on a checkout: never compiled, whatever is asked."""
    build = resolve(root, environment)
    if build.flags.get("WANT_COMPILED"):
        print("note: WANT_COMPILED=1 has no effect on a tree that is worked on", file=sys.stderr)
        build = resolve(root, {**environment, "WANT_COMPILED": "0"})
    text = render_features(build, project, version)
    (root / project / "_features.py").write_text(text, encoding="utf-8")
    return build


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
    from hatchling.metadata.plugin.interface import MetadataHookInterface
except ImportError:
    pass
else:

    class VersionHook(MetadataHookInterface):  # type: ignore[type-arg,unused-ignore]
        """Sets the version, with the chosen features as its local part if that is asked for."""

        def update(self, metadata: dict[str, Any]) -> None:
            with one_line_errors():
                build = resolve(Path(self.root), os.environ)
            metadata["version"] = full_version(build, self.config["version"])
            metadata["entry-points"] = {}

    class FeaturesHook(BuildHookInterface):  # type: ignore[type-arg,unused-ignore]
        """Makes the wheel out of a staged copy of the package."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Stage the package, or for an editable install write the tree's own _features.py."""
            with one_line_errors():
                self.add_to_wheel(version == "editable", build_data)

        def add_to_wheel(self, editable: bool, build_data: dict[str, Any]) -> None:
            root, project = Path(self.root), self.metadata.core.raw_name
            base_version = self.metadata.version.partition("+")[0]
            if editable:
                build = write_tree_features(root, project, base_version, os.environ)
            else:
                build = resolve(root, os.environ)
                folder = Path(tempfile.mkdtemp(prefix=f"{project}-stage-"))
                atexit.register(shutil.rmtree, folder, ignore_errors=True)
                text = render_features(build, project, base_version)
                stage(build, root / project, folder / project, text)
                build_data["force_include"][str(folder / project)] = project
            for note in build.notes:
                print(f"note: {note}", file=sys.stderr)
            build_data["dependencies"] += build.dependencies()


def main() -> None:
    """Write the tree's own _features.py for the choices in the environment."""
    root = Path(__file__).parent
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = pyproject["project"]["name"]
    version = pyproject["tool"]["hatch"]["metadata"]["hooks"]["custom"]["version"]
    with one_line_errors():
        build = write_tree_features(root, project, version, os.environ)
    for note in build.notes:
        print(f"note: {note}", file=sys.stderr)
    on = " ".join(name for name, value in build.flags.items() if value) or "no flag on"
    print(f"{project}/_features.py: profile {build.profile}, {on}")


if __name__ == "__main__":
    main()
