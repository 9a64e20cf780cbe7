"""The process of a worker: the names in its log, and why it cannot start."""

import logging

from opentracker.server.workers.child import Named, failure
from opentracker.server.workers.frames import FAILED, MOST_BATCH, parse_frames


def test_each_line_of_the_log_names_the_worker() -> None:
    record = logging.LogRecord("opentracker", logging.INFO, "", 0, "%d torrents", (7,), None)
    assert Named(3).filter(record)
    assert record.getMessage() == "worker 3: 7 torrents"


def test_a_reason_is_one_frame() -> None:
    (frame,) = parse_frames(failure("it is so"))
    assert (frame.kind, frame.payload) == (FAILED, b"it is so")
    assert len(failure("x" * 2 * MOST_BATCH)) == MOST_BATCH
