"""Variants: the recipes build what packaging/build expects of them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from build_hook.resolution import resolve
from builder.command import parse
from builder.options import PACKAGING
from builder.variants import VARIANTS
from tests.build.workshop import ROOT

CHOICE = re.compile(r"\b((?:WANT|OT|OPENTRACKER)_[A-Z0-9_]+)=([a-z0-9_-]+)")
CHOICES = {name: variant.choices for name, variant in VARIANTS.items()}


def needs_command(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"needs {name}")


def dry_run(target: str, folder: Path) -> list[dict[str, str]]:
    """The variables of each command of debian/rules' target; dh_listpackages is as with all variants."""
    fake = folder / "dh_listpackages"
    names = "\\n".join(f"opentracker-py-{name}" for name in ["common", *VARIANTS])
    fake.write_text(f"#!/bin/sh\nprintf '{names}\\n'\n")
    fake.chmod(0o755)
    done = subprocess.run(
        ["make", "-n", "-f", str(PACKAGING / "debian" / "rules"), f"override_dh_auto_{target}"],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    calls = [call for call in done.stdout.split(";") if f"dh_auto_{target}" in call]
    return [dict(re.findall(r"\b([A-Z_]+)=(\S+)", call)) for call in calls]


@needs_command("make")
def test_debian_builds_and_installs_each_variant_by_its_own_name(tmp_path: Path) -> None:
    """Pybuild keeps a build under its name: without one of its own, a variant would be the first."""
    built = dry_run("build", tmp_path)
    assert {told.pop("PYBUILD_NAME"): told for told in built} == CHOICES
    assert [told["PYBUILD_NAME"] for told in dry_run("install", tmp_path)] == list(VARIANTS)


def test_debian_has_a_package_of_each_variant_that_conflicts_with_the_others() -> None:
    control = (PACKAGING / "debian" / "control").read_text(encoding="utf-8")
    stanzas = {
        re.findall(r"^Package: (.*)$", stanza, re.MULTILINE)[0]: stanza
        for stanza in control.split("\n\n")[1:]
    }
    assert list(stanzas) == [f"opentracker-py-{name}" for name in ["common", *VARIANTS]]
    for name, variant in VARIANTS.items():
        stanza = stanzas[f"opentracker-py-{name}"]
        assert "Conflicts: opentracker, opentracker-py\n" in stanza
        assert f"Build-Profiles: <!pkg.opentracker-py.no{name}>\n" in stanza
        assert f"Architecture: {'any' if variant.record()['compiled'] else 'all'}\n" in stanza
        assert (PACKAGING / "debian" / f"opentracker-py-{name}.lintian-overrides").exists()


@needs_command("patch")
def test_the_patch_for_bookworm_fits(tmp_path: Path) -> None:
    """Each variant has its libraries itself then, and is for one Python; the compiled one is left as it is."""
    shutil.copytree(PACKAGING / "debian", tmp_path / "debian")
    patch = ["patch", "--strip=1", "--fuzz=0", "--input", str(tmp_path / "debian" / "bookworm.patch")]
    subprocess.run(patch, cwd=tmp_path, capture_output=True, check=True)
    control = (tmp_path / "debian" / "control").read_text(encoding="utf-8")
    assert control.count("Conflicts: opentracker, opentracker-py, python3-librt") == len(VARIANTS) - 1
    assert "python3-hatchling" not in control


@needs_command("rpmspec")
@pytest.mark.parametrize("name", VARIANTS)
def test_rpm_builds_each_variant(name: str) -> None:
    chosen = [] if name == "open" else ["--with", name]
    spec = str(PACKAGING / "rpm" / "opentracker.spec")
    told = subprocess.run(["rpmspec", "-P", *chosen, spec], capture_output=True, text=True, check=True).stdout
    exported = dict(CHOICE.findall("\n".join(re.findall(r"export .*", told))))
    assert {"OPENTRACKER_PROFILE": "open", **exported} == CHOICES[name]
    assert re.findall(r"^Name: +(\S+)$", told, re.MULTILINE) == [f"opentracker-py-{name}"]


@needs_command("sh")
def test_alpine_builds_each_variant() -> None:
    script = (
        '. "$1"; for name in open whitelist blacklist compiled; do echo "$name $(_choices "$name")"; done'
    )
    path = str(PACKAGING / "alpine" / "APKBUILD")
    told = subprocess.run(["sh", "-c", script, "sh", path], capture_output=True, text=True, check=True).stdout
    assert {line.split()[0]: dict(CHOICE.findall(line)) for line in told.splitlines()} == CHOICES


def test_the_container_takes_the_choices_of_each_variant() -> None:
    text = (PACKAGING / "oci" / "Containerfile").read_text(encoding="utf-8")
    taken = set(re.findall(r"^ARG (\w+)", text, re.MULTILINE))
    assert {name for choices in CHOICES.values() for name in choices} <= taken


@pytest.mark.parametrize("name", VARIANTS)
def test_a_list_is_of_builds_that_have_it(name: str) -> None:
    build = resolve(ROOT, VARIANTS[name].choices)
    keys = {
        key for key in ("access.whitelist", "access.blacklist") if build.flags[build.features.keys[key].flag]
    }
    assert keys == {VARIANTS[name].access_list} - {""}


def test_dependencies_of_each_variant_are_in_debian() -> None:
    """Debian has neither gzip-stream nor nats-py."""
    for variant in VARIANTS.values():
        assert resolve(ROOT, variant.choices).dependencies() == []


def test_the_command_line_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    options = parse(["debian", "open", "whitelist", "--suite", "trixie"])
    assert (options.distro, options.variants, options.suite) == ("debian", ["open", "whitelist"], "trixie")
    with pytest.raises(SystemExit):
        parse(["debian", "everything"])
    assert "invalid choice: 'everything'" in capsys.readouterr().err


@needs_command("shellcheck")
@pytest.mark.parametrize(
    "path",
    [
        *("debian/variant.postinst", "debian/variant.prerm", "debian/opentracker-py-common.postrm"),
        *("alpine/APKBUILD", "alpine/opentracker-py.pre-install"),
    ],
)
def test_scripts_are_sound_shell(path: str) -> None:
    done = subprocess.run(["shellcheck", str(PACKAGING / path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
