"""Descriptions of a build: _features.py, the build record as JSON, the version with its local part."""

import json

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


def build_record(build: Build, project: str, version: str) -> str:
    """Return the build as JSON, for `--version --json` and for the wheel's extra_metadata."""
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
