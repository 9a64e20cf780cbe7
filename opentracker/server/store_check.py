"""The check of the store in a server of `opentracker.debug`: each torrent once in a clean cycle."""

from typing import Any, Final

from opentracker._features import OT_CLEAN_CYCLE
from opentracker.server.core import Core
from opentracker.swarm.invariants import ANY_AGE, OLDEST, Checker

# Seconds without an iteration of the loop that mean that the process was stopped, and nothing was cleaned meanwhile.
GAP: Final = 30.0


class CheckedServer(Core):
    """A server that checks its store, shard by shard."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.checker = Checker(self.tracker)
        self.checked_at = self.now.seconds
        self.sure_from = 0.0  # seconds of the loop's clock; before this, stamps may be older than OLDEST
        self.loop.every(OT_CLEAN_CYCLE * 60 / self.tracker.store.shards, self.check_next)

    def check_next(self) -> None:
        """Start to check the next shard; the loop's `run` raises InvariantError if it is broken."""
        seconds = self.now.seconds
        if seconds - self.checked_at > GAP:
            self.sure_from = seconds + 2 * OT_CLEAN_CYCLE * 60
        self.checked_at = seconds
        oldest = OLDEST if seconds >= self.sure_from else ANY_AGE
        self.loop.start(self.checker.check_next(self.now.minute, oldest))
