"""The keys of config files, as features.toml lists them: for the parser, the sample and the man page."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Section:
    """A section of the pages about config files; `text` is about all of its keys."""

    title: str
    text: str


@dataclass(frozen=True)
class Key:
    """One key: the section, the form of its value, a description, and the flag that it needs (empty: none).

    A key has a default or examples. In a default `{OT_X}` stands for a constant.
    """

    section: str
    form: str
    text: str
    flag: str = ""
    default: str = ""
    example: tuple[str, ...] = ()
    repeatable: bool = False


def parse_section(row: Any) -> Section:
    """Return a section. Raises TypeError for a row that is none."""
    section = Section(**row)
    check_texts(section.title, section.text)
    return section


def parse_key(row: Any) -> Key:
    """Return a key. Raises TypeError for a row that is none."""
    if not isinstance(row, dict):
        raise TypeError(f"{row!r} is no table")
    key = Key(**{**row, "example": tuple(row.get("example", ()))})
    check_texts(key.section, key.form, key.text, key.flag or "none", key.default or "none", *key.example)
    if bool(key.default) is bool(key.example):
        raise TypeError("a default or examples, and not both")
    return key


def check_texts(*texts: object) -> None:
    """Raise TypeError for anything that is no text, or an empty one."""
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise TypeError(f"{text!r} is no text")
