"""Every completed download in the system's log: ident opentracker, facility user, level info.

A line is `time=2026-11-24T11:30:00+0000 event=completed info_hash=HEX peer_id=HEX ip=ADDRESS`; peer_id is empty if it
is unknown. A client can claim any number of completed downloads, so the lines of a minute are limited.
"""

import time
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from opentracker.protocol.addresses import format_ip
from opentracker.protocol.messages import Announce
from opentracker.swarm.policy.watching import Watcher

PRIORITY: Final = 1 << 3 | 6  # user, info (RFC 5424, 6.2.1)
MOST_A_MINUTE: Final = 6000  # lines: 8 million completed downloads a day; more would be a way to fill a disk


class CompletedLog(Watcher):
    """Writes a line for every completed download.

    `write` takes a whole message for the socket of the system's log; `wall_clock` gives seconds since 1970.
    """

    def __init__(self, write: Callable[[bytes], None], wall_clock: Callable[[], float]) -> None:
        self.write = write
        self.wall_clock = wall_clock
        self.minute: i64 = -1
        self.written: i64 = 0  # in this minute
        self.left_out: i64 = 0

    def announced(self, a: Announce, minute: i64) -> None:
        """See Watcher."""
        if not a.has_completed:
            return
        if minute != self.minute:
            if self.left_out > 0:
                self.tell(f"event=left_out completed={self.left_out}")
            self.minute = minute
            self.written = self.left_out = 0
        if self.written >= MOST_A_MINUTE:
            self.left_out += 1
            return
        self.written += 1
        self.tell(
            f"event=completed info_hash={a.info_hash.hex().upper()} peer_id={a.peer_id.hex().upper()}"
            f" ip={format_ip(a.peer[:-2])}"
        )

    def tell(self, event: str) -> None:
        """Write a line in the format of the C library's `syslog`, with the time before the event."""
        now = time.localtime(self.wall_clock())
        stamp = time.strftime("%b %e %H:%M:%S", now)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S%z", now)
        self.write(f"<{PRIORITY}>{stamp} opentracker: time={moment} {event}".encode("ascii"))
