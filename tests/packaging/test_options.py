"""Option tables: they say what features.toml says, and the tools of the distributions read them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from builder.errors import PackagingError
from builder.options import PACKAGING, TABLES, Flags, dashed, filled, lower, made_anew, read_flags, upper

TIMEOUT = 60.0  # seconds


@pytest.fixture(scope="module")
def flags() -> Flags:
    return read_flags()


def run(*command: str, folder: Path = PACKAGING) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs_command(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"needs {name}")


@pytest.mark.parametrize("path", TABLES)
def test_tables_are_up_to_date(path: str, flags: Flags) -> None:
    stale = (PACKAGING / path).read_text(encoding="utf-8") != made_anew(path, flags)
    assert not stale, "run `packaging/options`"


@pytest.mark.parametrize("path", TABLES)
def test_a_stale_table_is_found(path: str, flags: Flags, tmp_path: Path) -> None:
    """The tables of a features.toml with one more flag are not those that stand in the files."""
    text = (PACKAGING.parent / "features.toml").read_text(encoding="utf-8")
    more = tmp_path / "features.toml"
    more.write_text(text.replace("[flags]\n", "[flags]\nWANT_MOTTO = true  # a motto\n", 1), encoding="utf-8")
    assert made_anew(path, read_flags(more)) != made_anew(path, flags)


def test_a_file_without_a_place_for_a_table_is_told() -> None:
    with pytest.raises(PackagingError, match="there are 0 places for 'options'"):
        filled("PORTNAME=\topentracker\n", "options", iter(()))


@needs_command("bmake")
def test_make_reads_the_options_of_the_port(flags: Flags, tmp_path: Path) -> None:
    (tmp_path / "bsd.port.mk").write_text("")
    bmake = ["bmake", "-r", "-m", str(tmp_path), "-f", str(PACKAGING / "freebsd" / "Makefile")]
    assert run(*bmake, "-V", "OPTIONS_DEFINE", folder=tmp_path).split() == [
        upper(name) for name in flags.names
    ]
    on = [upper(name) for name in flags.names if flags.default(name)]
    assert run(*bmake, "-V", "OPTIONS_DEFAULT", folder=tmp_path).split() == on
    for name in flags.names:
        assert run(*bmake, "-V", f"{upper(name)}_MAKE_ENV", folder=tmp_path).strip() == f"{name}=1"


BASH = """
inherit() { :; }; distutils-r1_python_install_all() { :; }; python_gen_cond_dep() { :; }
usex() { [[ " $USE " == *" $1 "* ]] && echo $2 || echo $3; }
source "$1"; [ -z "$2" ] && echo $IUSE || { python_configure_all; env | grep ^WANT_ | sort; }
"""


@needs_command("bash")
def test_bash_reads_the_use_flags_of_the_ebuild(flags: Flags) -> None:
    (ebuild,) = (PACKAGING / "gentoo").glob("*.ebuild")
    words = run("bash", "-c", BASH, "bash", str(ebuild), "").split()
    assert words == [("+" if flags.default(name) else "") + dashed(name) for name in flags.names]
    use = "USE=v6 keepalive"
    handed = run("env", use, "bash", "-c", BASH, "bash", str(ebuild), "choices").split()
    assert dict(word.split("=") for word in handed) == {
        name: str(int(name in ("WANT_V6", "WANT_KEEPALIVE"))) for name in flags.names
    }


def test_the_ebuild_says_the_rules(flags: Flags) -> None:
    (ebuild,) = (PACKAGING / "gentoo").glob("*.ebuild")
    required = re.findall(r'REQUIRED_USE="(.*?)"', ebuild.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert "?? ( accesslist-black accesslist-white )" in required
    assert "dynamic-accesslist? ( || ( accesslist-black accesslist-white ) )" in required
    assert "modest-fullscrapes? ( fullscrape )" in required
    assert required.count("??") == len(flags.features.conflicts)


@needs_command("nix-instantiate")
def test_nix_reads_the_derivation_and_keeps_its_rules(flags: Flags) -> None:
    """An empty nixpkgs is enough to see the environment of the build; a lazy language evaluates nothing else."""
    path = PACKAGING / "nix" / "default.nix"
    packages = """
      lib = { optional = c: x: if c then [ x ] else [ ]; optionals = c: x: if c then x else [ ];
              mapAttrs = builtins.mapAttrs; licenses.mit = null; platforms.unix = null; };
      python3Packages = { buildPythonApplication = x: x.env; };
    """

    def environment(arguments: str) -> dict[str, str]:
        asked = f"(import {path}) {{ {packages} {arguments} }}"
        home = ["env", "NIX_STATE_DIR=/nonexistent", "HOME=/nonexistent"]
        told: dict[str, str] = json.loads(
            run(*home, "nix-instantiate", "--eval", "--strict", "--json", "--store", "dummy://", "-E", asked)
        )
        return told

    plain = environment("")
    assert {name: plain[name] for name in flags.names} == {
        name: str(int(flags.default(name))) for name in flags.names
    }
    white = environment("withAccesslistWhite = true; constants = { OT_PEER_TIMEOUT = 60; };")
    assert (white["WANT_ACCESSLIST_WHITE"], white["OT_PEER_TIMEOUT"]) == ("1", "60")
    for wrong in ("withV6 = true; withV4Only = true;", "withDynamicAccesslist = true;"):
        with pytest.raises(AssertionError, match="assertion"):
            environment(wrong)


@needs_command("rpmspec")
def test_rpm_reads_the_choices_of_the_spec(flags: Flags) -> None:
    spec = str(PACKAGING / "rpm" / "opentracker.spec")

    def exported(*options: str) -> list[str]:
        return sorted(re.findall(r"\bexport (\S+=\S+)", run("rpmspec", "-P", *options, spec)))

    assert exported() == []
    assert exported("--with", "whitelist") == ["OPENTRACKER_PROFILE=debian"]
    assert exported("--with", "compiled") == ["WANT_COMPILED=1"]
    for name in flags.names:
        assert exported("--with", lower(name)) == [f"{name}=1"]
        assert exported("--without", lower(name)) == [f"{name}=0"]


def test_the_metadata_describes_every_use_flag(flags: Flags) -> None:
    text = (PACKAGING / "gentoo" / "metadata.xml").read_text(encoding="utf-8")
    assert re.findall(r'<flag name="([^"]+)">[^<]+</flag>', text) == [dashed(name) for name in flags.names]


def test_scripts_can_be_run() -> None:
    for name in ("build", "options", "debian/rules", "alpine/opentracker-py.pre-install"):
        assert os.access(PACKAGING / name, os.X_OK), name
