"""A tracker that gives its torrents to another one in this process, through a channel."""

import select
import socket
import time
from collections.abc import Callable

from opentracker.server.clock import Now
from opentracker.server.upgrade.departure import Departure
from opentracker.server.upgrade.taking import PieceReader
from opentracker.server.workers.channel import pair
from opentracker.server.workers.streams import Streams
from tests.server.live import PATIENCE, Live


class TurningReader(PieceReader):
    """A reader that lets the tracker that gives turn while it waits."""

    def __init__(self, sock: socket.socket, number: int, turn: Callable[[], None]) -> None:
        self.turn = turn
        super().__init__(sock, number)

    def receive(self) -> None:
        """See PieceReader."""
        end = time.monotonic() + PATIENCE
        while not select.select([self.sock], [], [], 0)[0]:
            assert time.monotonic() < end, "waited in vain for a piece"
            self.turn()
        super().receive()


class Handing:
    """The departure of a Live, and the other end of its channel; `told` has what it has told, in order."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.told: list[str] = []
        self.departure = Departure(
            live.server,
            Streams(live.server.loop),
            lambda: self.told.append("near"),
            lambda: self.told.append("quiet"),
            lambda: self.told.append("gone"),
        )
        ours, self.end = pair()
        self.departure.listen(ours)

    def close(self) -> None:
        """Close the channel."""
        if self.departure.channel is not None:
            self.departure.channel.close()
        self.end.close()


def clock_of(live: Live) -> Now:
    """A clock with the minutes of a tracker."""
    now = Now(live.clock)
    now.go_on_from(live.server.now.start)
    return now
