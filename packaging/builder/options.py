"""Option tables of the packages, made of features.toml, for FreeBSD, Gentoo, Nix and rpm.

`packaging/options` rewrites them. A table stands between two comments in a file that is otherwise written by hand. A
flag's name there is its name here without WANT_, in the letters of the place.
"""

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from build_hook.features_file import Features, load_features
from builder.errors import PackagingError

PACKAGING: Final = Path(__file__).resolve().parents[1]
FEATURES: Final = PACKAGING.parent / "features.toml"


@dataclass(frozen=True)
class Flags:
    """The flags that can be built, with their descriptions and rules."""

    features: Features
    described: dict[str, str]

    @property
    def names(self) -> list[str]:
        """The flags."""
        return [name for name in self.features.flags if name not in self.features.planned]

    def default(self, name: str) -> bool:
        """Tell whether a flag is on by default."""
        return self.features.flags[name]

    def needs(self, name: str) -> list[list[str]]:
        """Return what a flag needs: any of the flags of each list."""
        return [flags for flag, flags in self.features.requires if flag == name]

    def excludes(self, name: str) -> list[str]:
        """Return the flags that a flag excludes."""
        return [
            other for flags in self.features.conflicts if name in flags for other in flags if other != name
        ]


def read_flags(path: Path = FEATURES) -> Flags:
    """Read features.toml; the description of a flag is the comment behind it."""
    described: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"(WANT_\w+) = (?:true|false)\s*#\s*(.*)", line):
            described.setdefault(match[1], match[2].replace("`", ""))
    return Flags(load_features(path), described)


def upper(name: str) -> str:
    """Return a flag's name for FreeBSD: ACCESSLIST_WHITE."""
    return name.removeprefix("WANT_")


def dashed(name: str) -> str:
    """Return a flag's name for Gentoo: accesslist-white."""
    return upper(name).lower().replace("_", "-")


def lower(name: str) -> str:
    """Return a flag's name for rpm: accesslist_white."""
    return upper(name).lower()


def camel(name: str) -> str:
    """Return a flag's name for Nix: withAccesslistWhite."""
    return "with" + "".join(word.capitalize() for word in upper(name).split("_"))


# ---- FreeBSD -----------------------------------------------------------------------------------------------------


def freebsd(flags: Flags) -> Iterator[str]:
    """Yield the OPTIONS of a port. A need of any of several flags cannot be said there: the build refuses it."""
    yield from continued("OPTIONS_DEFINE=\t", [upper(name) for name in flags.names])
    yield from continued("OPTIONS_DEFAULT=", [upper(name) for name in flags.names if flags.default(name)])
    for name in flags.names:
        option = upper(name)
        yield ""
        yield f"{option}_DESC=\t{flags.described[name]}"
        yield f"{option}_MAKE_ENV=\t{name}=1"
        yield f"{option}_MAKE_ENV_OFF=\t{name}=0"
        if excluded := flags.excludes(name):
            yield f"{option}_PREVENTS=\t{' '.join(map(upper, excluded))}"
        if implied := [need[0] for need in flags.needs(name) if len(need) == 1]:
            yield f"{option}_IMPLIES=\t{' '.join(map(upper, implied))}"


def continued(head: str, words: list[str]) -> list[str]:
    """Return a variable of make over several lines."""
    lines = textwrap.wrap(" ".join(words), 60)
    return [f"{head}\t{lines[0]}" + (" \\" if lines[1:] else "")] + [
        f"\t\t\t{line}" + (" \\" if line is not lines[-1] else "") for line in lines[1:]
    ]


# ---- Gentoo ------------------------------------------------------------------------------------------------------


def gentoo_use(flags: Flags) -> Iterator[str]:
    """Yield the USE flags of an ebuild and their rules."""
    words = [("+" if flags.default(name) else "") + dashed(name) for name in flags.names]
    yield 'IUSE="'
    yield from (f"\t{line}" for line in textwrap.wrap(" ".join(words), 90, break_on_hyphens=False))
    yield '"'
    yield 'REQUIRED_USE="'
    for conflict in flags.features.conflicts:
        yield f"\t?? ( {' '.join(map(dashed, conflict))} )"
    for name in flags.names:
        for need in flags.needs(name):
            any_of = " ".join(map(dashed, need))
            yield f"\t{dashed(name)}? ( {any_of if len(need) == 1 else f'|| ( {any_of} )'} )"
    yield '"'


def gentoo_choices(flags: Flags) -> Iterator[str]:
    """Yield the body of the function that hands the USE flags on."""
    return (f"\texport {name}=$(usex {dashed(name)} 1 0)" for name in flags.names)


def gentoo_descriptions(flags: Flags) -> Iterator[str]:
    """Yield the flags of metadata.xml."""
    for name in flags.names:
        text = flags.described[name].replace("&", "&amp;").replace("<", "&lt;")
        yield f'\t\t<flag name="{dashed(name)}">{text}</flag>'


# ---- Nix ---------------------------------------------------------------------------------------------------------


def nix_arguments(flags: Flags) -> Iterator[str]:
    """Yield the arguments of the derivation."""
    for name in flags.names:
        yield f"  # {flags.described[name]}"
        yield f"  {camel(name)} ? {str(flags.default(name)).lower()},"


def nix_rules(flags: Flags) -> Iterator[str]:
    """Yield the assertions."""
    for conflict in flags.features.conflicts:
        yield f"assert !({' && '.join(map(camel, conflict))});"
    for name in flags.names:
        for need in flags.needs(name):
            yield f"assert {camel(name)} -> ({' || '.join(map(camel, need))});"


def nix_environment(flags: Flags) -> Iterator[str]:
    """Yield the environment of the build."""
    return (f"    {name} = choice {camel(name)};" for name in flags.names)


# ---- rpm ---------------------------------------------------------------------------------------------------------


def rpm(flags: Flags) -> Iterator[str]:
    """Yield commands of %build. A flag that the command line does not name is left to the variant."""
    for name in flags.names:
        yield f"%{{?_with_{lower(name)}:export {name}=1}}%{{?_without_{lower(name)}:export {name}=0}}"


# ---- The files ---------------------------------------------------------------------------------------------------

Table = Callable[[Flags], Iterator[str]]
TABLES: Final[dict[str, dict[str, Table]]] = {
    "freebsd/Makefile": {"options": freebsd},
    "gentoo/opentracker-0.1.0.ebuild": {"use": gentoo_use, "choices": gentoo_choices},
    "gentoo/metadata.xml": {"descriptions": gentoo_descriptions},
    "nix/default.nix": {"arguments": nix_arguments, "rules": nix_rules, "environment": nix_environment},
    "rpm/opentracker.spec": {"choices": rpm},
}


def filled(page: str, name: str, lines: Iterator[str]) -> str:
    """Return a page with the lines between its two comments made anew; the comments stay as they are."""
    pattern = rf"(^[^\n]*\b{name}: made of features\.toml[^\n]*\n).*?(^[^\n]*\bend of {name}\b[^\n]*$)"
    made = "".join(f"{line}\n" for line in lines)
    page, found = re.subn(
        pattern, lambda match: match[1] + made + match[2], page, flags=re.DOTALL | re.MULTILINE
    )
    if found != 1:
        raise PackagingError(f"there are {found} places for {name!r}, and one is expected")
    return page


def made_anew(path: str, flags: Flags, folder: Path = PACKAGING) -> str:
    """Return a file with all of its tables made anew."""
    page = (folder / path).read_text(encoding="utf-8")
    for name, table in TABLES[path].items():
        page = filled(page, name, table(flags))
    return page


def main() -> int:
    """Rewrite the files."""
    flags = read_flags()
    for path in TABLES:
        (PACKAGING / path).write_text(made_anew(path, flags), encoding="utf-8")
        sys.stdout.write(f"packaging/{path}: written\n")
    return 0
