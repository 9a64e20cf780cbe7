"""The record of the build."""

import importlib.metadata
import importlib.util
import json
import platform
import re

import pytest

from opentracker import _features, build_info

FLAGS = {name: value for name, value in vars(_features).items() if name.startswith("WANT_")}
CONSTANTS = {name: value for name, value in vars(_features).items() if name.startswith("OT_")}


def listed(title: str) -> list[str]:
    """Return what the text lists under a title."""
    lines = re.sub(r"\n {2}", " ", build_info.describe()).splitlines()
    (line,) = (line for line in lines if line.startswith(title + ": "))
    return [item for item in line.removeprefix(title + ": ").split(", ") if item != "none"]


def test_json_holds_what_the_build_was_made_with() -> None:
    record = json.loads(build_info.as_json())
    assert record["name"] == "opentracker"
    assert record["flags"] == FLAGS
    assert record["constants"] == CONSTANTS
    assert record["compiled"] is _features.WANT_COMPILED
    assert platform.python_version() in record["python"]


def test_json_lies_in_the_wheel_too() -> None:
    text = importlib.metadata.distribution("opentracker").read_text("extra_metadata/opentracker.json")
    if text is not None:  # an editable install has no such file
        record = json.loads(build_info.as_json())
        del record["python"]
        for library in ("gzip", "JSON"):  # as the machine that runs it has it
            record.pop(library, None)
        assert json.loads(text) == record


@pytest.mark.needs("WANT_COMPRESSION_GZIP")
def test_the_library_that_compresses_is_named() -> None:
    name, version = json.loads(build_info.as_json())["gzip"].split(" ")
    assert version[0].isdigit()
    assert name == ("zlib" if importlib.util.find_spec("isal") is None else "isal")
    assert f"gzip by {name} {version}" in build_info.describe().splitlines()


@pytest.mark.needs("WANT_WEBTORRENT")
def test_the_library_that_reads_messages_is_named() -> None:
    name, version = json.loads(build_info.as_json())["JSON"].split(" ")
    assert version[0].isdigit()
    assert name == ("json" if importlib.util.find_spec("orjson") is None else "orjson")
    assert f"JSON by {name} {version}" in build_info.describe().splitlines()


def test_a_library_is_named_without_its_metadata() -> None:
    """They are outside of the root directory of a tracker that root has started."""
    assert build_info.named_library("json") == f"json {json.__version__}"  # type: ignore[attr-defined]
    assert build_info.named_library("no_such_package") == ""


@pytest.mark.needs(WANT_COMPRESSION_GZIP=False, WANT_WEBTORRENT=False)
def test_no_library_is_named_that_is_not_used() -> None:
    assert not {"gzip", "JSON"} & set(json.loads(build_info.as_json()))


def test_text_lists_every_flag_once() -> None:
    on, off, planned = listed("on"), listed("off"), listed("not in this version")
    assert sorted(on + off + planned) == sorted(FLAGS)
    assert on == [name for name, value in FLAGS.items() if value]


def test_text_names_the_changed_constants_with_their_defaults() -> None:
    changed = json.loads(build_info.as_json())["changed_constants"]
    expected = [f"{name}={number['value']} (default {number['default']})" for name, number in changed.items()]
    assert listed("constants") == (expected or ["all at their defaults"])
    assert all(CONSTANTS[name] == number["value"] for name, number in changed.items())


def test_one_line_says_version_kind_python_and_profile() -> None:
    record = json.loads(build_info.as_json())
    kind = "compiled" if _features.WANT_COMPILED else "interpreted"
    assert build_info.one_line() == (
        f"opentracker {record['version']} ({kind}, CPython {platform.python_version()}, profile {record['profile']}"
        f"{', changed' if record['is_changed'] else ''})"
    )
