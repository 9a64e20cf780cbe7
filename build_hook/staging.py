"""Staging: the copy of the package that a wheel is made of."""

import ast
import fnmatch
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from build_hook.blanking import blank_file
from build_hook.errors import BuildError
from build_hook.resolution import Build

NOT_STAGED: Final = ("__pycache__", "*.py[cod]", "*.so", ".*", "_features.py")


def stage(build: Build, package: Path, target: Path, features_text: str) -> None:
    """Make the folder `target`, the package as the wheel of this build holds it."""
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
    """Tell whether a module of the features file exists, or belongs to planned flags alone."""
    path = package.joinpath(*module.split("."))
    planned = all(flag in build.features.planned for flag in build.features.modules[module])
    return planned or path.is_dir() or path.with_suffix(".py").is_file()


def module_name(relative: Path) -> str:
    """Return a file's module below the package, dotted: `server.udp`; `__init__` for the package itself."""
    parts = relative.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def check_imports(build: Build, package: str, relative: Path, staged: bytes) -> None:
    """Refuse an import of a module that this build leaves out: the import would fail at run time."""
    for line, imported in imports_of(staged, package, relative.parts[:-1]):
        if owners := build.missing_flags(imported):
            flags = (f"{owner[1:]}=0" if owner.startswith("!") else owner for owner in owners)
            raise BuildError(
                f"{package}/{relative.as_posix()}:{line}: imports {package}.{imported}, which is in"
                f" builds with {' or '.join(flags)} alone: import it under the flag"
            )


@functools.cache
def imports_of(source: bytes, package: str, folder: tuple[str, ...]) -> list[tuple[int, str]]:
    """Return the names that a file imports from the package, below the package, with their lines."""
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
