"""The torrents of the process before this one, read from a channel while that one serves.

Both processes have the same clock, so stamps and minutes mean the same in both.
"""

import json
import select
import socket
from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, mypyc_attr

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.errors import BrokenStateError, StartError
from opentracker.features.state.full import Loading, ages_now
from opentracker.features.state.full_file import Input
from opentracker.protocol.messages import Announce
from opentracker.server.clock import Now
from opentracker.server.upgrade.giving import ANNOUNCE, COUNTERS, END, GONE, MESSAGE, TORRENT
from opentracker.server.workers.frames import (
    LAST,
    MOST_BATCH,
    NEXT,
    OPEN,
    PIECE,
    parse_frames,
    write_frame,
)
from opentracker.server.workers.owner import hear
from opentracker.swarm.ages import ages_by_stamp
from opentracker.swarm.counting.counters import ATTRIBUTES, Counters
from opentracker.swarm.journal import HEAD, KEY, unpack_announce
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.tracker import Tracker

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import Admission
    from opentracker.swarm.tracker import admit_by

STREAM: Final = b"torrents"
PATIENCE: Final = 60.0  # seconds without a piece
AHEAD: Final = 8  # pieces that are asked for at a time: on a busy machine each way takes some milliseconds
UNKNOWN: Final = 1 << 62  # bytes that may come


@mypyc_attr(allow_interpreted_subclasses=True)
class PieceReader:
    """The bytes of the pieces of a stream, of which AHEAD are asked for at a time."""

    def __init__(self, sock: socket.socket, number: int, patience: float = PATIENCE) -> None:
        self.sock = sock
        self.number = number
        self.patience = patience
        self.waiting: list[bytes] = []
        self.is_over = False
        self.tell(OPEN, STREAM + b" ")
        for _ in range(AHEAD):
            self.tell(NEXT, b"")

    def tell(self, kind: int, payload: bytes) -> None:
        """Send a frame to the process that gives."""
        out = BytesWriter()
        write_frame(out, kind, self.number, payload)
        try:
            self.sock.send(out.getvalue())
        except OSError as error:
            raise StartError(f"the running tracker takes no request: {error.strerror}") from error

    def read(self, size: int) -> bytes:
        """The next bytes, as many as there are; empty at the end. Raises StartError."""
        while not self.waiting and not self.is_over:
            self.receive()
        return self.waiting.pop(0) if self.waiting else b""

    def receive(self) -> None:
        """Wait for the next frames. Raises StartError."""
        if not select.select([self.sock], [], [], self.patience)[0]:
            raise StartError("the running tracker does not give its torrents")
        try:
            batch = self.sock.recv(MOST_BATCH)
        except ConnectionError:
            batch = b""
        if not batch:
            raise StartError("the running tracker has ended in the middle")
        for frame in parse_frames(batch):
            if frame.number != self.number:  # of an upgrade that was given up
                continue
            if frame.kind == PIECE:
                self.waiting.append(frame.payload)
                self.tell(NEXT, b"")
            elif frame.kind == LAST:
                self.is_over = True
            else:
                raise StartError("the running tracker cannot give its torrents: its log tells why")


class Taking:
    """Stores torrents in a tracker."""

    def __init__(
        self, tracker: Tracker, now: Now, hearers: dict[bytes, Callable[[bytes], None]] | None = None
    ) -> None:
        self.tracker = tracker
        self.now = now
        self.hearers = hearers or {}
        self.minute: i64 = -1
        self.loading = Loading(tracker, 0, 0)
        self.request = Announce(both_families=True)

    def take_all(self, reader: PieceReader) -> int:
        """Store all torrents until the end, and return their number. Raises StartError.

        The access list refuses none: changes of it come behind the torrents. Afterwards it is asked at each request.
        """
        source = Input(reader, UNKNOWN)
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            admission, self.tracker.admission = self.tracker.admission, Admission()
        try:
            while (kind := source.take(1)) != END:
                _TAKES[kind](self, source)
        except (BrokenStateError, KeyError) as error:
            raise StartError(f"the state of the running tracker cannot be read: {error}") from error
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            admit_by(self.tracker, admission)
        return int(self.tracker.store.totals.torrents)

    def torrent(self, source: Input) -> None:
        """Store a torrent, in place of what was stored of it before."""
        loading = self.loading
        self.now.read()  # after the bytes have come, so that no stamp is of a later minute
        if self.now.minute != self.minute:
            self.minute = loading.minute = self.now.minute
            loading.ages_then = ages_by_stamp(self.minute)
            loading.ages = ages_now(loading.ages_then, 0)
        loading.take_torrent(source, renews=True)

    def gone(self, source: Input) -> None:
        """Remove a torrent."""
        self.tracker.remove(source.take(20))

    def announce(self, source: Input) -> None:
        """Carry out an announce of a large torrent again."""
        a = self.request
        head = source.take(HEAD)
        size = unpack_announce(head, a)
        a.info_hash = source.take(KEY)
        a.peer = source.take(size)
        if size in (STRIDE4, STRIDE6):
            self.tracker.store.announce(a, int.from_bytes(head[:4], "big"))

    def message(self, source: Input) -> None:
        """Give a message to its hearer."""
        hear(self.hearers, source.take(source.number()))

    def counters(self, source: Input) -> None:
        """Go on counting; counters that this build does not have are left out."""
        values: dict[str, int] = json.loads(source.take(source.number()))
        put(self.tracker.counters, values)


_TAKES: Final[dict[bytes, Callable[[Taking, Input], None]]] = {
    TORRENT: Taking.torrent,
    GONE: Taking.gone,
    COUNTERS: Taking.counters,
    ANNOUNCE: Taking.announce,
    MESSAGE: Taking.message,
}


def put(counters: Counters, values: dict[str, int]) -> None:
    """Set counters by name."""
    known = counters.values()
    for name, value in values.items():
        if name not in known:
            continue
        if name in ATTRIBUTES:
            setattr(counters, name, value)
        else:
            counters.counts[name].value = value
