"""Our own contenders: wheels of this checkout with the flags that a row needs, an environment each."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

from errors import BenchError
from servers import Contender

ROOT: Final = Path(__file__).resolve().parent.parent
WHITELIST: Final = {"WANT_ACCESSLIST_WHITE": "1"}
KEEP_ALIVE: Final = {"WANT_ACCESSLIST_WHITE": "1", "WANT_KEEPALIVE": "1"}
SERVE: Final = ("-i", "{host}", "-p", "{port}", "-P", "{port}", "-d", "{directory}", "-w", "{whitelist}")


def installed(directory: Path, python: str, compiled: bool, flags: dict[str, str]) -> Path:
    """The python of an environment with a wheel of this checkout, built anew where anything changed."""
    flags = {**flags, "WANT_COMPILED": str(int(compiled))}
    label = "-".join(
        name.removeprefix("WANT_").lower() for name, value in sorted(flags.items()) if value == "1"
    )
    venv = directory / f"venv-{label}"
    stamp = venv / "bench-stamp.json"
    wanted = json.dumps({"sources": digest_of_sources(), "flags": flags, "python": python})
    if stamp.exists() and stamp.read_text() == wanted:
        return venv / "bin/python"
    print(f"building {venv.name} …", file=sys.stderr)
    checked([python, "-m", "venv", "--clear", str(venv)])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WANT_", "OT_"))}
    environment |= flags
    checked(
        [str(venv / "bin/python"), "-m", "pip", "install", "-q", "--no-cache-dir", str(ROOT)], environment
    )
    stamp.write_text(wanted)
    return venv / "bin/python"


def contender(directory: Path, python: str, name: str, flags: dict[str, str]) -> Contender:
    """Our tracker as `compiled` or `pure`. The directory of a run is kept out of the import path (-P)."""
    executable = installed(directory, python, name == "compiled", flags)
    return Contender(name, (str(executable), "-P", "-m", "opentracker", *SERVE))


@cache
def digest_of_sources() -> str:
    """Of what our wheels are made of, as it was when the run began: all its rows measure the same."""
    digest = hashlib.sha256()
    names = [ROOT / "hatch_build.py", ROOT / "features.toml", ROOT / "pyproject.toml"]
    for path in (*names, *sorted((ROOT / "opentracker").rglob("*.py"))):
        if path.name != "_features.py":
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def checked(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise BenchError(f"{' '.join(command)} ended with {done.returncode}: {' | '.join(lines[-5:])}")
