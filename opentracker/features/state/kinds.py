"""Which kind of state a file holds: a dump of lines, or one with the peers too."""

from io import FileIO
from typing import Final

from opentracker import build_info
from opentracker._features import WANT_FULL_STATE
from opentracker.errors import BrokenStateError

FULL: Final = b"otstate"  # at the head of a file with peers, before the version of its format


def is_full(file: FileIO, name: str) -> bool:
    """Whether a file holds peers too; it is rewound. Raises BrokenStateError in a build that cannot read it."""
    start = file.read(len(FULL))
    file.seek(0)
    if start != FULL:
        return False
    if not WANT_FULL_STATE:
        raise BrokenStateError(f"{name} holds peers too: {build_info.lacking('WANT_FULL_STATE')}")
    return True
