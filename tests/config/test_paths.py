"""Files that an operator names."""

from pathlib import Path

import pytest

from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings
from tests.config.files import BEFORE, READ, SEVERAL, WRITTEN, Files, naming


def test_a_path_is_where_it_was_put() -> None:
    settings = Settings()
    assert READ.of(settings) is None
    READ.put(settings, Path("/x"))
    assert settings == naming(read=Path("/x"))


def test_l15_a_file_that_is_opened_first_is_meant_from_where_the_command_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    BEFORE.take(settings, "dump")
    WRITTEN.take(settings, "state")
    assert settings == naming(written=Path("state"), before=tmp_path / "dump")


def test_an_option_and_a_key_want_a_path() -> None:
    with pytest.raises(ValueError, match="expected a path"):
        READ.take(Settings(), "")


def test_a_field_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="Files has no field reed"):
        NamedPath(Files, "reed", "would read")


def test_several_files_of_one_kind_add_up() -> None:
    settings = Settings()
    assert SEVERAL.all_of(settings) == []
    SEVERAL.take(settings, "/a")
    SEVERAL.take(settings, "/b")
    SEVERAL.change(settings, lambda path: path / "x")
    assert SEVERAL.all_of(settings) == [Path("/a/x"), Path("/b/x")]
    with pytest.raises(ValueError, match="expected a path"):
        SEVERAL.take(settings, "")


def test_one_file_is_changed_if_it_was_given() -> None:
    settings = Settings()
    READ.change(settings, lambda path: path / "x")
    assert READ.all_of(settings) == []
    READ.take(settings, "/a")
    READ.change(settings, lambda path: path / "x")
    assert READ.all_of(settings) == [Path("/a/x")]
