"""Config files: settings or one clear line with file and line number; the same with other line ends."""

import re
from dataclasses import fields

from opentracker._features import KEY_FLAGS
from opentracker.config import file as config
from opentracker.config.settings import Settings
from opentracker.errors import ConfigError
from opentracker.server.wiring import CONFIG
from tests.fuzz.engine import silence

WORDS = [*(key.encode() + b" " for key in KEY_FLAGS), b"\n", b"\r\n", b"#", b"127.0.0.1:6969", b"[::1]:80"]
WORDS += [
    b"10.0.0.0/8",
    b"fe80::1%eth0",
    b"2001:db8::/32",
    b"/var/lib/x",
    b"100000",
    b"50%",
    b"\xc3\xa9",
    b"\xff",
]
LONGEST_INPUT = 400  # bytes: several lines, and one of more than an error shows
NAME = "fuzzed.conf"
LONGEST = 4000  # characters: three texts of an operator, each of 160, every one of them escaped
SET = [each.name for each in fields(Settings) if each.name != "permissions"]
HEADER_SIZE = re.compile(rf"{re.escape(NAME)}:[1-9][0-9]*: '")


def outcome(text: bytes) -> object:
    """The settings of a file, or the error's text."""
    silence()
    settings = Settings()
    try:
        CONFIG.take_text(settings, text, NAME)
    except ConfigError as error:
        for line in str(error).split("\n"):
            is_mistake = HEADER_SIZE.match(line) or line.endswith(" more mistakes")
            assert is_mistake and line.isprintable() and len(line) < LONGEST, line
        return str(error)
    for taken in settings.taken:
        assert taken.isprintable() and len(taken) < LONGEST, taken
    return [getattr(settings, name) for name in SET]


def hasten() -> None:
    """Look for the nearest key for one in eight unknown ones: most of the time would go into difflib."""
    nearest_key = config.nearest_key
    config.nearest_key = lambda key: nearest_key(key) if len(key) % 8 == 0 else ""


def check(text: bytes) -> None:
    """One file."""
    result = outcome(text)
    if b"\r" not in text:
        assert outcome(text.replace(b"\n", b"\r\n")) == result
    if text.endswith(b"\n"):
        assert outcome(text[:-1]) == result
