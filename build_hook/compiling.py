"""Compiling: mypyc on the staged package."""

import fnmatch
import math
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from build_hook.errors import BuildError
from build_hook.resolution import Build

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
SECONDS_PER_MODULE: Final = 1.5  # of one core: 80 s were measured for 59 modules


def compile_stage(build: Build, folder: Path, package: str) -> list[Path]:
    """Compile the staged package in `folder` in place; return the extension modules for the wheel."""
    modules = compiled_modules(build, folder / package)
    minutes = math.ceil(len(modules) * SECONDS_PER_MODULE / 60)
    print(
        f"{package}: compiling {len(modules)} modules with mypyc, about {minutes} min",
        file=sys.stderr,
        flush=True,
    )
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
        raise BuildError(f"{asked(build)}: mypyc or the C compiler failed, its messages are above")
    return sorted(path for path in folder.rglob("*" + sysconfig.get_config_var("EXT_SUFFIX")))


def asked(build: Build) -> str:
    """Return the choice that asks for a compiled wheel, for the head of a complaint."""
    return f"WANT_COMPILED=1 ({build.origins['WANT_COMPILED']})"


def compiled_modules(build: Build, package: Path) -> list[Path]:
    """Return the files that are compiled: all but those that [interpreted] names."""
    modules = sorted(path for path in package.rglob("*.py"))
    names = {path: ".".join(path.relative_to(package).with_suffix("").parts) for path in modules}
    for pattern in build.features.interpreted:
        names = {path: name for path, name in names.items() if not fnmatch.fnmatchcase(name, pattern)}
    return list(names)


def compiler_fault() -> str:
    """Return a complaint about a missing C compiler or header, with the remedies; nothing if both exist."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"there is no C compiler {compiler}; install it, name another in CC, or build with 0"
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.is_file():
        return f"there is no {header}; install Python's headers (python3-dev), or build with 0"
    return ""


def check_tools(build: Build, requirements: Iterable[str]) -> None:
    """Refuse to compile without a C compiler, Python's headers and the Python packages that are required."""
    for fault in (compiler_fault(), *map(package_fault, requirements)):
        if fault:
            raise BuildError(f"{asked(build)}: {fault}")


def package_fault(requirement: str) -> str:
    """Return a complaint if a required package is missing or of an older series; nothing otherwise.

    A frontend that isolates the build installs the required version. Distributions have others: one of the same
    or a later series is used.
    """
    name, _, needed = re.split(r"\s*(==|>=|~=|$)\s*", requirement, maxsplit=1)
    try:
        installed = version(name)
    except PackageNotFoundError:
        return (
            f"{name} is not installed, and {requirement} is needed;"
            " install it, let the frontend isolate the build, or build with 0"
        )
    if series(installed) < series(needed):
        return f"{name} {installed} is too old, {requirement} is needed"
    return ""


def series(number: str) -> tuple[int, ...]:
    """Return the first two numbers of a version: (2, 4) of 2.4.1."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", number)[:2])
