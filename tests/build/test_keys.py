"""Rows of keys and sections."""

from typing import Any

import pytest

from build_hook.keys import Key, Section, parse_key, parse_section

ROW = {"section": "limits", "form": "number", "text": "Torrents altogether.", "default": "0"}


def test_a_key_has_its_fields() -> None:
    assert parse_key(ROW) == Key("limits", "number", "Torrents altogether.", default="0")
    row = {**ROW, "flag": "WANT_X", "example": ["1", "2"], "repeatable": True}
    del row["default"]
    assert parse_key(row) == Key(
        "limits", "number", "Torrents altogether.", "WANT_X", example=("1", "2"), repeatable=True
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"default": ""}, "a default or examples, and not both"),
        ({"example": ["1"]}, "a default or examples, and not both"),
        ({"text": " "}, "' ' is no text"),
        ({"default": 0}, "a default or examples"),
        ({"default": 1}, "1 is no text"),
        ({"flag": 1}, "1 is no text"),
        ({"falg": "WANT_X"}, "unexpected keyword argument 'falg'"),
    ],
)
def test_a_row_that_is_no_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        parse_key({**ROW, **changes})


def test_a_section_has_a_title_and_a_text() -> None:
    assert parse_section({"title": "Limits", "text": "0 is none."}) == Section("Limits", "0 is none.")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'text'"):
        parse_section({"title": "Limits"})
