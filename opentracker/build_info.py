"""The record of this build, for people and for programs: `opentracker --version`, with `--json` as JSON.

The record is made when the wheel is built, and is in the wheel's extra_metadata too.
"""

import importlib
import json
import platform
import textwrap
import zlib
from typing import Any

from opentracker._features import BUILD_RECORD, WANT_COMPRESSION_GZIP, WANT_WEBTORRENT


def record() -> dict[str, Any]:
    """Return the build's record (see hatch_build.py: build_record) with the Python that runs it."""
    built: dict[str, Any] = json.loads(BUILD_RECORD)
    found = {"python": f"{platform.python_implementation()} {platform.python_version()}"}
    if WANT_COMPRESSION_GZIP:
        found["gzip"] = gzip_library()
    if WANT_WEBTORRENT:
        found["JSON"] = json_library()
    return {**built, **found}


def gzip_library() -> str:
    """Return the library that compresses by gzip, with its version: isal if it is installed, else zlib."""
    return named_library("isal") or f"zlib {zlib.ZLIB_RUNTIME_VERSION}"


def json_library() -> str:
    """Return the library that reads messages of browsers, with its version: orjson if it is installed, else json."""
    return named_library("orjson") or f"json {platform.python_version()}"


def named_library(name: str) -> str:
    """Return a package with its version, or nothing without it.

    A tracker in a root directory of its own has modules that it has imported before, and no metadata of packages.
    """
    try:
        return f"{name} {importlib.import_module(name).__version__}"
    except ImportError:
        return ""


def as_json() -> str:
    """Return the record as JSON, without a final newline."""
    return json.dumps(record(), indent=2)


def one_line() -> str:
    """Return name, version, kind of code and Python, for the start of a log."""
    build = record()
    kind = "compiled" if build["compiled"] else "interpreted"
    changed = ", changed" if build["is_changed"] else ""
    return (
        f"{build['name']} {build['version']} ({kind}, {build['python']}, profile {build['profile']}{changed})"
    )


def labels() -> str:
    """Return the build as labels of a metric; the values hold neither quotes nor backslashes."""
    build = record()
    named = {
        "version": build["version"],
        "code": "compiled" if build["compiled"] else "interpreted",
        "python": build["python"],
        "profile": build["profile"],
        "changed": "yes" if build["is_changed"] else "no",
    }
    return ",".join(f'{name}="{value}"' for name, value in named.items())


def describe() -> str:
    """Return the record as a text of several lines, without a final newline."""
    build = record()
    flags: dict[str, bool] = build["flags"]
    changed: dict[str, dict[str, int]] = build["changed_constants"]
    constants = [
        f"{name}={number['value']} (default {number['default']})" for name, number in changed.items()
    ]
    libraries = [f"{name} by {build[name]}" for name in ("gzip", "JSON") if name in build]
    return "\n".join(
        [
            one_line(),
            *libraries,
            listed("on", [name for name, on in flags.items() if on]),
            listed("off", [name for name, on in flags.items() if not on and name not in build["planned"]]),
            listed("not in this version", build["planned"]),
            listed("constants", constants or ["all at their defaults"]),
        ]
    )


def lacking(flag: str) -> str:
    """Return the reason why a feature is missing: it was not built in, or this version does not have it yet."""
    if flag in record()["planned"]:
        return f"not in this version ({flag} is planned)"
    return f"not in this build, it needs {flag}: build with {flag}=1"


def listed(title: str, items: list[str]) -> str:
    """Return a titled list, wrapped to a terminal's width."""
    text = f"{title}: {', '.join(items) or 'none'}"
    return textwrap.fill(
        text, width=100, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
