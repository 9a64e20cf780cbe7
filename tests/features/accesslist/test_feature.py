"""The access list as a feature: its option, its key and its file."""

from pathlib import Path

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.config.settings import Sections, Settings
from opentracker.errors import UsageError
from opentracker.features.accesslist.feature import LIST, AccessListFeature, AccessListSettings


def test_the_option_and_the_key_are_those_of_the_kind_of_list() -> None:
    (option,) = AccessListFeature.options
    assert (option.letter, LIST.key) == (
        ("w", "access.whitelist") if WANT_ACCESSLIST_WHITE else ("b", "access.blacklist")
    )
    settings = Settings()
    option.action(settings, "list")
    assert settings == Settings(sections=Sections(AccessListSettings(Path("list"))))
    assert list(AccessListFeature(settings).plan()) == ["would load the access list list"]


def test_the_list_is_read_inside() -> None:
    assert (LIST.inside, LIST.writes) == (True, False)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    feature = AccessListFeature(Settings(sections=Sections(AccessListSettings(tmp_path / "missing"))))
    for attempt in (feature.load, feature.try_load):
        with pytest.raises(UsageError, match=f"{tmp_path}/missing: No such file"):
            attempt()
