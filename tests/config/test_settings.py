from dataclasses import dataclass, field
from pathlib import Path

import pytest

from opentracker.config.settings import Bind, Sections, Settings, check_field


@dataclass
class Some:
    """The settings of a feature."""

    number: int = 1
    names: list[str] = field(default_factory=list)


@dataclass
class Other:
    """Those of another."""

    number: int = 1


def test_defaults() -> None:
    settings = Settings()
    assert settings.binds == []
    assert settings.redirect_url == ""
    assert settings.directory == Path()
    assert not settings.check_only


def test_two_settings_share_nothing() -> None:
    Settings().binds.append(Bind(True, None, 1))
    Settings().of(Some).names.append("x")
    assert Settings().binds == []
    assert Settings().of(Some).names == []


def test_a_section_keeps_what_was_said() -> None:
    settings = Settings()
    settings.of(Some).number = 2
    assert settings.of(Some).number == 2
    assert settings.of(Other).number == 1


def test_settings_are_equal_where_their_sections_are() -> None:
    asked, given = Settings(), Settings(sections=Sections(Some(2)))
    assert asked != given
    asked.of(Some).number = 2
    assert asked == given
    asked.of(Other)  # a section with its defaults is as good as none
    assert asked == given
    asked.of(Other).number = 2
    assert asked != given
    assert given != asked
    assert Sections() != "sections"


def test_a_name_that_is_no_field() -> None:
    check_field(Some, "number")
    with pytest.raises(AttributeError, match="Some has no field nubmer"):
        check_field(Some, "nubmer")
