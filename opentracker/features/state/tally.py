"""Counts of the torrents that were loaded from a state, and of those that were skipped."""


class Tally:
    """The numbers of torrents that were loaded, and that were skipped for each reason."""

    def __init__(self) -> None:
        self.loaded = 0
        self.of_others = 0  # torrents of other workers
        self.reasons: dict[str, int] = {}

    def skip(self, reason: str) -> None:
        """Count a skipped torrent."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def skipped(self) -> int:
        """The number of skipped torrents."""
        return sum(self.reasons.values())

    def found(self) -> int:
        """The number of torrents that there were."""
        return self.loaded + self.skipped() + self.of_others

    def in_words(self) -> str:
        """`266 torrents loaded; left out: 61 whose time is up`."""
        left_out = ", ".join(f"{number} {reason}" for reason, number in sorted(self.reasons.items()))
        return f"{self.loaded} torrents loaded" + (f"; left out: {left_out}" if left_out else "")
