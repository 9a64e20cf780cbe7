"""The two kinds of state files: a dump of lines, and a full state with the peers."""

from io import FileIO
from typing import Final

from opentracker import build_info
from opentracker._features import WANT_FULL_STATE
from opentracker.errors import BrokenStateError

FULL: Final = b"otstate"  # the beginning of a file with peers; the version of its format follows


def is_full(file: FileIO, name: str) -> bool:
    """Whether a file holds peers too; it is rewound. Raises BrokenStateError in a build that cannot read it."""
    start = file.read(len(FULL))
    file.seek(0)
    if start != FULL:
        return False
    if not WANT_FULL_STATE:
        raise BrokenStateError(f"{name} holds peers too: {build_info.lacking('WANT_FULL_STATE')}")
    return True
