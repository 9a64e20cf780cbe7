"""What has become of the torrents of a state that is loaded."""

from typing import Final

NOT_ALLOWED: Final = "that the access list does not allow"
NO_ROOM: Final = "beyond the limits"
KNOWN: Final = "that were here already"
TOO_OLD: Final = "whose time is up"


class Tally:
    """How many torrents were loaded, and how many were skipped for which reason."""

    def __init__(self) -> None:
        self.loaded = 0
        self.reasons: dict[str, int] = {}

    def skip(self, reason: str) -> None:
        """Count a torrent that is left out."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def skipped(self) -> int:
        """How many were left out."""
        return sum(self.reasons.values())

    def in_words(self) -> str:
        """`266 torrents loaded; left out: 61 whose time is up`."""
        left_out = ", ".join(f"{number} {reason}" for reason, number in sorted(self.reasons.items()))
        return f"{self.loaded} torrents loaded" + (f"; left out: {left_out}" if left_out else "")
