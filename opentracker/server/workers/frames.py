"""Frames: the messages between workers, and those between a worker and the supervisor.

A batch of frames is one message of a Unix socket that keeps the bounds of messages. So a worker that is replaced finds
whole frames alone, whatever moment the one before it died at.

====== ========================================
offset field of a frame, numbers little-endian
====== ========================================
0      i32 size of the payload
4      i32 kind
8      i32 number of the request
12     payload
====== ========================================
"""

from typing import Final

from librt.strings import BytesWriter, read_i32_le, write_i32_le
from mypy_extensions import i32, i64

HEAD: Final = 12
MOST_BATCH: Final = 1 << 16  # bytes; less than half of what Linux takes for one message by default
MOST_PAYLOAD: Final = MOST_BATCH - HEAD

# Requests to the owner of a torrent, and the answers.
ANNOUNCE: Final = 1  # an announce over HTTP; the answer is that of HTTP
DATAGRAM: Final = 2  # an announce over UDP; the answer is the datagram behind the transaction id
SCRAPE: Final = 3  # info_hashes; the answer has ENTRY bytes for each
ANSWER: Final = 4
# Streams: long answers in pieces, each of which is asked for.
OPEN: Final = 6  # the payload is the name of the stream, a space, and its argument
NEXT: Final = 7
CLOSE: Final = 8
PIECE: Final = 9
LAST: Final = 10  # the stream has ended; no payload
BROKEN: Final = 11  # the stream has ended in a fault
# Between the supervisor and a worker.
READY: Final = 12  # from a worker: it serves
FAILED: Final = 13  # from a worker: it cannot start; the payload is the reason
RELOAD: Final = 15  # to a worker
RELOADED: Final = 16  # from a worker; the payload is its complaints
END: Final = 17  # to a worker: serve no more clients
STOP: Final = 18  # to a worker: exit
PULSE: Final = 19  # from a worker, once a second: the payload is its torrents and announces
TELL: Final = 20  # to a worker: the payload is the name of a hearer, a space, and the message
REPORT: Final = 21  # to a worker: the complaint and the readings of the supervisor
# Between the supervisor and a worker, in an upgrade (see server.upgrade).
SHUT: Final = 22  # to a worker: leave clients waiting
FINISH: Final = 23  # to a worker: give the last torrents
REOPEN: Final = 24  # to a worker: serve clients, again or for the first time
RETIRE: Final = 25  # to a worker: send the answers that are under way
NEAR: Final = 26  # from a worker: nearly all torrents are given
QUIET: Final = 27  # from a worker: no request is under way
GONE: Final = 28  # from a worker: its clients have gone
# Between the supervisor and a worker of `opentracker.debug`.
INCONSISTENT: Final = 29  # from a worker: its store is broken, and the worker exits


class Frame:
    """One frame."""

    __slots__ = ("kind", "number", "payload")

    def __init__(self, kind: i64, number: i64, payload: bytes) -> None:
        self.kind: i64 = kind
        self.number: i64 = number
        self.payload = payload


def write_frame(out: BytesWriter, kind: i64, number: i64, payload: bytes) -> None:
    """Append a frame to a batch."""
    write_i32_le(out, i32(len(payload)))
    write_i32_le(out, i32(kind))
    write_i32_le(out, i32(number))
    out.write(payload)


def parse_frames(batch: bytes) -> list[Frame]:
    """The frames of a batch. Raises ValueError for bytes that are no batch."""
    frames: list[Frame] = []
    at: i64 = 0
    end: i64 = len(batch)
    while at < end:
        if at + HEAD > end:
            raise ValueError(f"a frame's head is cut at byte {at}")
        size = i64(read_i32_le(batch, at))
        after = at + HEAD + size
        if size < 0 or after > end:
            raise ValueError(f"a frame of {size} bytes is cut at byte {at}")
        kind, number = i64(read_i32_le(batch, at + 4)), i64(read_i32_le(batch, at + 8))
        frames.append(Frame(kind, number, batch[at + HEAD : after]))
        at = after
    return frames
