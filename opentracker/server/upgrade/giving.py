"""The torrents of this process on their way to the one that takes its place.

All torrents are given first, while clients are served, and then, in rounds, those that have changed meanwhile, until
a round has few. When no client is served any more, one round is the last. Behind it come messages, and the row of the
counters.

====== =====================================================================
kind   what follows, numbers big-endian
====== =====================================================================
1      a torrent as in a state file (features/state/full_file.py), in place of the one that was given before
2      info_hash[20] of a torrent that is gone
4      an announce of a large torrent, see swarm/journal.py, to be carried out again
5      u32 size · name of a hearer, a space, a message: a change since the last reload, such as a line of a FIFO
3      u32 size · the counters, by name, as JSON
0      nothing: this is the end
====== =====================================================================
"""

import json
from collections.abc import Callable, Iterator
from typing import Final

from opentracker.features.state.full import joined
from opentracker.protocol.pages import Pieces
from opentracker.server.loop import Loop
from opentracker.swarm.journal import Journal
from opentracker.swarm.tracker import Tracker

END: Final = b"\0"
TORRENT: Final = b"\1"
GONE: Final = b"\2"
COUNTERS: Final = b"\3"
ANNOUNCE: Final = b"\4"
MESSAGE: Final = b"\5"
PIECE: Final = 512  # torrents in a step, of about a millisecond; some 20 KiB
FEW: Final = 1000  # torrents and announces of a round that take some hundredths of a second
# A tracker whose torrents change faster than they are given has larger rounds, and a longer pause at the end.
MOST_ROUNDS: Final = 30


class Giving:
    """Gives the torrents of a tracker; `is_near` is called once when little is left, and `finish` lets it end."""

    def __init__(self, tracker: Tracker, loop: Loop, is_near: Callable[[], None]) -> None:
        self.tracker = tracker
        self.loop = loop
        self.is_near = is_near
        self.is_last = False
        self.messages: list[bytes] = []

    def finish(self, messages: list[bytes]) -> None:
        """End with the next round, and with messages to hearers: nothing changes any more."""
        self.messages = messages
        self.is_last = True

    def pieces(self) -> Pieces:
        """All pieces; b"" where there is nothing to give yet. At its end, or when closed, all is as it was before."""
        journal = Journal(self.tracker.store)
        self.tracker.store = journal
        try:
            for shard in range(journal.shards):
                yield from self.given(journal, journal.info_hashes(shard))
            rounds = 0
            while not self.is_last:
                changed, announces = journal.turn()
                rounds += 1
                size = len(changed) + len(announces)
                if rounds == MOST_ROUNDS or (rounds < MOST_ROUNDS and size <= FEW):
                    rounds = MOST_ROUNDS + 1
                    self.is_near()
                if size > 0:
                    yield from self.round(journal, changed, announces)
                else:
                    self.loop.resting = True
                    yield b""
            yield from self.round(journal, *journal.turn())
            yield from joined([sized(MESSAGE, message) for message in self.messages])
            yield self.counters() + END
        finally:
            self.tracker.store = journal.store

    def round(self, journal: Journal, changed: list[bytes], announces: list[bytes]) -> Iterator[bytes]:
        """The changes of a while in pieces."""
        yield from self.given(journal, changed)
        for start in range(0, len(announces), PIECE):
            yield ANNOUNCE + ANNOUNCE.join(announces[start : start + PIECE])

    def given(self, journal: Journal, info_hashes: list[bytes]) -> Iterator[bytes]:
        """Torrents in pieces."""
        for start in range(0, len(info_hashes), PIECE):
            parts: list[bytes] = []
            for info_hash in info_hashes[start : start + PIECE]:
                packed = journal.given(info_hash)
                if packed:
                    parts.append(TORRENT)
                    parts += packed
                else:
                    parts += (GONE, info_hash)
            yield from joined(parts)

    def counters(self) -> bytes:
        """The counters of this process."""
        return sized(COUNTERS, json.dumps(self.tracker.counters.values()).encode("ascii"))


def sized(kind: bytes, content: bytes) -> bytes:
    """A content behind its kind and its size."""
    return kind + len(content).to_bytes(4, "big") + content
