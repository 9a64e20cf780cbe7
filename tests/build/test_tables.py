"""docs/building.md and the man page say what features.toml says."""

from typing import Any

import pytest

from build_hook.features_file import load_features
from tests.build.workshop import ROOT, load_module


@pytest.fixture(scope="module")
def tables() -> Any:
    """tests/build/tables.py."""
    return load_module(ROOT / "tests" / "build" / "tables.py")


@pytest.fixture(scope="module")
def text() -> str:
    """features.toml."""
    return (ROOT / "features.toml").read_text(encoding="utf-8")


def test_the_page_is_up_to_date(tables: Any, text: str) -> None:
    page = tables.PAGE.read_text(encoding="utf-8")
    assert tables.filled(page, text) == page, "run `python tests/build/tables.py`"


def test_the_man_page_is_up_to_date(tables: Any, text: str) -> None:
    page = tables.MAN_PAGE.read_text(encoding="utf-8")
    assert tables.filled_man_page(page, text) == page, "run `python tests/build/tables.py`"
    with pytest.raises(SystemExit, match="no place for the flags"):
        tables.filled_man_page(".Dd", text)


def test_the_man_page_of_keys_is_up_to_date(tables: Any, text: str) -> None:
    page = tables.KEYS_PAGE.read_text(encoding="utf-8")
    assert tables.filled_keys_page(page, text) == page, "run `python tests/build/tables.py`"
    with pytest.raises(SystemExit, match="no place for the keys"):
        tables.filled_keys_page(".Dd", text)


def test_the_sample_is_up_to_date(tables: Any, text: str) -> None:
    assert tables.sample(text) == tables.SAMPLE.read_text(encoding="utf-8"), (
        "run `python tests/build/tables.py`"
    )


def test_every_flag_and_constant_has_a_group_and_a_description(tables: Any, text: str) -> None:
    described = tables.comments(text)
    names = load_features(ROOT / "features.toml").names()
    assert not [name for name in names if not all(described.get(name, ("", "")))]


def test_a_page_without_a_place_for_a_table_is_told(tables: Any, text: str) -> None:
    with pytest.raises(SystemExit, match="no place for flags"):
        tables.filled("# Building\n", text)
