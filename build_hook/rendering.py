"""Descriptions of a build: _features.py, the build record as JSON, the version with its local part."""

import json

from build_hook.choices import default_choices, profile_choices
from build_hook.resolution import Build


def full_version(build: Build, version: str) -> str:
    """Return the version; its local part, on request, names the differences from the defaults."""
    label = local_label(build) if build.local_version else ""
    return f"{version}+{label}" if label else version


def local_label(build: Build) -> str:
    """Return the differences from the defaults as a PEP 440 local version: `v6.white`, `nofullscrape`."""
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


def is_changed(build: Build) -> bool:
    """Return whether a flag or a constant is not as the profile has it. How the code is run does not count."""
    named = default_choices(build.defaults, build.defaults) | profile_choices(build.features, build.profile)
    chosen = {**build.flags, **build.constants}
    return any(
        name != "WANT_COMPILED" and name in chosen and chosen[name] != choice.value
        for name, choice in named.items()
    )


def build_record(build: Build, project: str, version: str) -> str:
    """Return the build as JSON, for `--version --json` and for the wheel's extra_metadata."""
    record = {
        "name": project,
        "version": full_version(build, version),
        "profile": build.profile,
        "is_changed": is_changed(build),
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


def row_of(item: tuple[str, str]) -> str:
    """Return a line of a dict."""
    return f'    "{item[0]}": "{item[1]}",'


def render_features(build: Build, project: str, version: str) -> str:
    """Return the text of _features.py: every flag and constant as a Final literal."""
    lines = ['"""What this build is: written by hatch_build.py from features.toml, not to be edited."""']
    lines += ["", "from typing import Final", ""]
    lines += [f"{name}: Final = {value}" for name, value in build.flags.items()]
    lines += [""]
    for name, value in build.constants.items():
        lines.append(f"{name}: Final = {value}  # {build.features.constants[name].unit}")
    keys = {name: key.flag for name, key in build.defaults.keys.items()}
    lines += ["", "# Keys of config files, of all builds -> the flag that each needs (empty: none)."]
    lines += ["KEY_FLAGS: Final[dict[str, str]] = {", *map(row_of, keys.items()), "}"]
    lines += ["", "# Options that only some builds have -> the flag that each needs."]
    lines += ["OPTION_FLAGS: Final[dict[str, str]] = {", *map(row_of, build.defaults.options.items()), "}"]
    lines += [
        "",
        "# The same for people and programs that ask what this build is.",
        'BUILD_RECORD: Final = """\\',
    ]
    return "\n".join(lines) + "\n" + build_record(build, project, version) + '"""\n'
