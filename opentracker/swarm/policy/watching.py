"""Watchers of announces: live sync, the log of completed downloads, the search for woodpeckers."""

from mypy_extensions import i64

from opentracker.protocol.messages import Announce


class Watcher:
    """Is called with each processed announce, after its answer has been filled in; features subclass it."""

    def announced(self, a: Announce, minute: i64) -> None:
        """Look at an announce of this minute. The object is reused for the next announce, so do not keep it."""
        raise NotImplementedError
