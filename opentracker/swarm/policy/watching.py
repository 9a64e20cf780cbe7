"""What wants to hear of every announce: live sync, the log of completed downloads, the search for woodpeckers."""

from mypy_extensions import i64

from opentracker.protocol.messages import Announce


class Watcher:
    """Is told of each announce that was carried out, after its answer has been filled in; a feature is a subclass."""

    def announced(self, a: Announce, minute: i64) -> None:
        """Look at an announce of this minute; it is used again for the next one, so nothing may keep it."""
        raise NotImplementedError
