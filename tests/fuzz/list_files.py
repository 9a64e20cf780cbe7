"""Access-list files: read as a pattern would read them, or refused as cut off."""

import logging
import os
import re
from pathlib import Path

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.errors import UsageError
from opentracker.features.accesslist import accesslist
from tests.fuzz.engine import memory_file

WORDS = [
    b"41" * 20,
    b"aB" * 20,
    b"42" * 20 + b"\n",
    b"\n",
    b"\r\n",
    b"#",
    b" name",
    b"\xef\xbb\xbf",
    b"0",
    b"g",
]
LONGEST_INPUT = 1000  # bytes: two dozen lines
LINE = re.compile(rb"([0-9A-Fa-f]{40})(?![0-9A-Fa-f])")
OTHERS = [b"A" * 20, b"B" * 20, b"\xab" * 20]

handle = memory_file()
path = Path(f"/dev/fd/{handle}")


def load(text: bytes) -> accesslist.AccessList | None:
    """The list in a file with this text; None if it is refused."""
    os.truncate(handle, 0)
    os.pwrite(handle, text, 0)
    try:
        return accesslist.load(path)
    except UsageError as error:
        assert "cut off" in str(error) or "not a list" in str(error)
        return None


def check(text: bytes) -> None:
    """One file."""
    logging.getLogger("opentracker").setLevel(logging.CRITICAL)
    lines = text.split(b"\n")
    listed = {bytes.fromhex(match[1].decode()) for match in map(LINE.match, lines) if match}
    is_cut = lines[-1] != b"" and not (len(lines[-1]) == 40 and LINE.match(lines[-1]))
    is_other = not listed and any(line.strip() and not line.startswith(b"#") for line in lines)
    result = load(text)
    assert (result is None) is (is_cut or is_other)
    if result is not None:
        for info_hash in [*listed, *OTHERS]:
            assert result.allows(info_hash) is ((info_hash in listed) is WANT_ACCESSLIST_WHITE)
