"""Our own contenders: wheels with the flags that a row needs, each in an environment of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Final

from harness.errors import BenchError
from harness.paths import ROOT
from harness.servers import Contender

if TYPE_CHECKING:
    from pathlib import Path

OPEN: Final[dict[str, str]] = {}
WHITELIST: Final = {"WANT_ACCESSLIST_WHITE": "1"}
KEEP_ALIVE: Final = {"WANT_ACCESSLIST_WHITE": "1", "WANT_KEEPALIVE": "1"}
PROXIED: Final = {**KEEP_ALIVE, "WANT_IP_FROM_PROXY": "1"}
# One wheel for the rows on browsers and on TLS.
WEBTORRENT: Final = {"WANT_TLS": "1", "WANT_WEBTORRENT": "1", "WANT_KEEPALIVE": "1"}
SERVE: Final = ("-i", "{host}", "-p", "{port}", "-P", "{port}", "-d", "{directory}")
SERVE_LIST: Final = (*SERVE, "-w", "{whitelist}")


def contender(
    directory: Path, python: str, name: str, flags: dict[str, str], packages: tuple[str, ...] = ()
) -> Contender:
    """Our tracker: `compiled` or `pure`, as it stands in this checkout or, with `@REV` behind, in a git revision.

    `packages` are others that it uses if they are installed. The directory that it runs in is kept out of the import
    path (-P).
    """
    kind, _, _ = name.partition("@")
    source = source_of(directory, name)
    executable = installed(
        directory, python, source, {**flags, "WANT_COMPILED": str(int(kind == "compiled"))}, packages
    )
    serve = SERVE_LIST if "WANT_ACCESSLIST_WHITE" in flags else SERVE
    return Contender(name, (str(executable), "-P", "-m", "opentracker", *serve))


def source_of(directory: Path, name: str) -> Path:
    """The tree that a contender's wheel is made of."""
    revision = name.partition("@")[2]
    return archived(directory, revision) if revision else ROOT


def script_of(directory: Path, name: str, script: str) -> Path:
    """A script for a contender's own python, from the contender's own tree: it names modules as they stand there."""
    source = source_of(directory, name)
    path = source / "bench/in_wheel" / script
    return path if path.exists() else source / "bench" / script  # before the bench had rooms


@cache
def archived(directory: Path, revision: str) -> Path:
    """The files of a revision of this repository, as `git archive` gives them."""
    commit = checked(["git", "-C", str(ROOT), "rev-parse", "--short", f"{revision}^{{commit}}"]).strip()
    source = directory / f"source-{commit}"
    if not source.exists():
        archive, unpacked = directory / f"source-{commit}.tar", directory / f"unpacked-{commit}"
        checked(["git", "-C", str(ROOT), "archive", "-o", str(archive), commit])
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir()
        checked(["tar", "-xf", str(archive), "-C", str(unpacked)])
        archive.unlink()
        unpacked.rename(source)  # so that a source that is there is whole
    return source


def installed(
    directory: Path, python: str, source: Path, flags: dict[str, str], packages: tuple[str, ...] = ()
) -> Path:
    """The python of an environment with a wheel of the source, built anew where anything changed."""
    words = [name.removeprefix("WANT_").lower() for name, value in sorted(flags.items()) if value == "1"]
    words += [f"{name.lower()}={value}" for name, value in sorted(flags.items()) if name.startswith("OT_")]
    venv = directory / "-".join(["venv", *([] if source == ROOT else [source.name]), *words, *packages])
    stamp = venv / "bench-stamp.json"
    wanted = json.dumps({"source": digest(source), "flags": flags, "python": python})
    if stamp.exists() and stamp.read_text() == wanted:
        return venv / "bin/python"
    print(f"building {venv.name} …", file=sys.stderr)
    checked([python, "-m", "venv", "--clear", str(venv)])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WANT_", "OT_"))}
    pip = [str(venv / "bin/python"), "-m", "pip", "install", "-q", "--no-cache-dir", str(source), *packages]
    checked(pip, environment | flags)
    stamp.write_text(wanted)
    return venv / "bin/python"


@cache
def digest(source: Path) -> str:
    """Of what a wheel is made of, as it was when the run began: all its rows measure the same."""
    digest = hashlib.sha256()
    names = [source / name for name in ("hatch_build.py", "features.toml", "pyproject.toml")]
    names += sorted((source / "build_hook").glob("*.py"))  # of which older revisions have none
    for path in (*names, *sorted((source / "opentracker").rglob("*.py"))):
        if path.name != "_features.py":
            digest.update(path.relative_to(source).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def checked(command: list[str], environment: dict[str, str] | None = None) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise BenchError(f"{' '.join(command)} ended with {done.returncode}: {' | '.join(lines[-5:])}")
    return done.stdout
