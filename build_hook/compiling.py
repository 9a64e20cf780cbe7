"""Compiling: mypyc on the staged package."""

import fnmatch
import os
import shutil
import subprocess
import sys
import sysconfig
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
