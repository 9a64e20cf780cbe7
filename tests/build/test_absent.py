"""Wheels of opentracker itself: what a feature is, and nothing of it where it is off."""

import ast
import tomllib
from pathlib import Path

import pytest

from build_hook.features_file import load_features
from tests.build.workshop import ROOT, Artifact, build

SHORTEST = 16  # characters of a text that can be told from others


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources of a wheel."""
    return unpacked_copy(tmp_path_factory.mktemp("checkout") / "opentracker")


def unpacked_copy(target: Path) -> Path:
    """Copy what an sdist holds, tests and benchmarks aside."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = set(pyproject["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"])
    for name in ("pyproject.toml", *included - {"tests", "bench"}):
        for path in files_of(ROOT / name):
            copy = target / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return target


def files_of(path: Path) -> list[Path]:
    """Return a file, or all files of a folder but those that are made."""
    made = ("__pycache__", "_features.py")
    inside = [each for each in path.rglob("*") if each.is_file() and not set(made) & set(each.parts)]
    return inside if path.is_dir() else [path]


def texts(path: Path) -> set[str]:
    """Return the longer texts of a module, docstrings included, line by line."""
    constants = (
        node.value for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Constant)
    )
    lines = (line.strip() for text in constants if isinstance(text, str) for line in text.splitlines())
    return {line for line in lines if len(line) >= SHORTEST}


def sources_of(module: Path) -> list[Path]:
    """Return the sources of a module, or of a folder with all that is below it."""
    return sorted(module.rglob("*.py")) or [module.with_suffix(".py")]


def texts_of_feature(flags: set[str]) -> set[str]:
    """Return the texts of the modules that belong to these flags and are in no other module."""
    paths: set[Path] = set()
    others_own: set[Path] = set()
    for name, owners in load_features(ROOT / "features.toml").modules.items():
        sources = sources_of(ROOT.joinpath("opentracker", *name.split(".")))
        (paths if set(owners) <= flags else others_own).update(sources)
    paths -= others_own
    others = set((ROOT / "opentracker").rglob("*.py")) - paths - {ROOT / "opentracker" / "_features.py"}
    theirs = b"\n".join(path.read_bytes() for path in others)
    return {text for text in set().union(*map(texts, paths)) if text.encode() not in theirs}


ACCESSLIST = {"WANT_ACCESSLIST_BLACK", "WANT_ACCESSLIST_WHITE"}


def found(wheel: Artifact, wanted: set[str]) -> set[str]:
    """Return which of these texts a wheel's code holds. _features.py may name the keys of absent features."""
    code = (name for name in wheel.modules if not name.endswith("/_features.py"))
    contents = b"\n".join(map(wheel.read, code))
    return {text for text in wanted if text.encode() in contents}


def test_no_text_of_the_access_list_is_in_a_wheel_without(checkout: Path) -> None:
    wanted = texts_of_feature(ACCESSLIST)
    assert len(wanted) > 5
    off = build(checkout, WANT_ACCESSLIST_WHITE="0")
    on = build(checkout, WANT_ACCESSLIST_WHITE="1")
    black = build(checkout, WANT_ACCESSLIST_BLACK="1")
    assert set(on.modules) - set(off.modules) >= {"opentracker/features/accesslist/accesslist.py"}
    assert set(off.modules) <= set(on.modules)
    assert found(on, wanted) | found(black, wanted) == wanted
    assert found(on, wanted) != found(black, wanted)
    assert found(off, wanted) == set()


def test_a_wheel_brings_its_pages(checkout: Path) -> None:
    wheel = build(checkout)
    for name, source in [
        ("share/man/man1/opentracker.1", "docs/man/opentracker.1"),
        ("share/man/man1/opentracker.control.1", "docs/man/opentracker.control.1"),
        ("share/man/man1/opentracker.debug.1", "docs/man/opentracker.debug.1"),
        ("share/bash-completion/completions/opentracker.control", "docs/completion/opentracker.control"),
        ("share/man/man5/opentracker.conf.5", "docs/man/opentracker.conf.5"),
        ("share/doc/opentracker/opentracker.conf.sample", "opentracker.conf.sample"),
    ]:
        assert wheel.read(f".data/data/{name}") == (ROOT / source).read_bytes()


def test_the_files_of_the_bridge_come_with_the_bridge(checkout: Path) -> None:
    names = [
        "man/man1/opentracker-bridge.1",
        "systemd/system/opentracker-bridge.service",
        "sysusers.d/opentracker-bridge.conf",
    ]
    off = build(checkout).names
    on = build(checkout, WANT_SYNC_LIVE="1", WANT_SYNC_BRIDGE="1").names
    for name in names:
        assert any(each.endswith(name) for each in on)
        assert not any(each.endswith(name) for each in off)


def test_service_files_are_those_of_the_chosen_manager(checkout: Path) -> None:
    data = "opentracker-0.1.0.data/data/"
    plain = set(build(checkout).names)
    none = set(build(checkout, OPENTRACKER_SERVICE="none", WANT_SYNC_LIVE="1", WANT_SYNC_BRIDGE="1").names)
    rc_d = set(build(checkout, OPENTRACKER_SERVICE="rc.d").names)
    openrc = set(build(checkout, OPENTRACKER_SERVICE="openrc").names)
    assert {name for name in plain if name.startswith(data + "lib/")} == {
        data + "lib/systemd/system/opentracker.service",
        data + "lib/systemd/system/opentracker.socket",
        data + "lib/sysusers.d/opentracker.conf",
        data + "lib/tmpfiles.d/opentracker.conf",
    }
    assert not [name for name in none if name.startswith((data + "lib/", data + "etc/"))]
    assert rc_d - plain == {data + "etc/rc.d/opentracker"}
    assert openrc - plain == {data + "etc/init.d/opentracker", data + "etc/conf.d/opentracker"}


def test_no_text_of_full_scrapes_is_in_a_wheel_without(checkout: Path) -> None:
    wanted = {text for text in texts_of_feature({"WANT_FULLSCRAPE"}) if text.strip("= ")}
    assert len(wanted) > 20
    off = build(checkout, WANT_FULLSCRAPE="0")
    on = build(checkout)
    encoded = {"WANT_COMPRESSION_GZIP": "1", "WANT_COMPRESSION_ZSTD": "1"}
    more = build(checkout, WANT_FULL_STATE="0", WANT_MODEST_FULLSCRAPES="1", **encoded)
    assert found(on, wanted) | found(more, wanted) == wanted
    assert found(off, wanted) == set()
    assert b"FULL SCRAPE" in b"".join(on.read(name) for name in on.modules)
    assert b"FULL SCRAPE" not in b"".join(off.read(name) for name in off.modules)


@pytest.mark.parametrize(
    ("flag", "module", "dependency"),
    [
        ("WANT_TLS", "server/tls/channel.py", None),
        ("WANT_WEBTORRENT", "server/webtorrent/websocket.py", "websockets"),
    ],
)
def test_no_text_of_tls_and_of_browsers_is_in_a_wheel_without(
    checkout: Path, flag: str, module: str, dependency: str | None
) -> None:
    wanted = texts_of_feature({flag})
    assert len(wanted) > 50
    off, on = build(checkout), build(checkout, **{flag: "1"})
    proxied = build(checkout, **{flag: "1", "WANT_IP_FROM_PROXY": "1", "WANT_PROXY_PROTOCOL": "1"})
    assert set(on.modules) - set(off.modules) >= {f"opentracker/{module}"}
    assert found(on, wanted) | found(proxied, wanted) == wanted
    assert found(off, wanted) == set()
    if dependency is not None:
        assert f"Requires-Dist: {dependency}".encode() in on.read(".dist-info/METADATA")
        assert dependency.encode() not in off.read(".dist-info/METADATA")
        assert not any(b"import websockets" in off.read(name) for name in off.modules)


def test_wheels_of_a_checkout_and_of_its_sdist_are_the_same(checkout: Path, tmp_path: Path) -> None:
    first = build(checkout, OPENTRACKER_PROFILE="whitelist")
    again = build(
        unpacked_copy(tmp_path / "copy"), "wheel", 0o077, OPENTRACKER_PROFILE="whitelist", TZ="Asia/Tokyo"
    )
    assert again.sha256 == first.sha256
