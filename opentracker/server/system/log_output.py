"""The output of the log, standard error, written without ever blocking.

A log collector that stops reading would otherwise stop the tracker: a pipe takes 64 KiB, and a stopped terminal takes
nothing. Lines that are not taken wait here, up to MOST_WAITING bytes; lines beyond that are lost, and the next line
tells their number.
"""

import logging
import os
import select
import socket
import stat
from collections import deque
from collections.abc import Callable
from typing import Final

from opentracker.server.system.log_lines import LineFormatter

log = logging.getLogger("opentracker")

MOST_WAITING: Final = 1 << 20  # bytes
PIECE: Final = 4096  # bytes of a write: a writable pipe has room for as many (PIPE_BUF)
PATIENCE: Final = 1000  # milliseconds to wait for the reader at the end of the process


class LogOutput(logging.Handler):
    """Writes the lines of the log to a descriptor, which may be the journal's."""

    def __init__(self, fd: int, for_journal: bool = False) -> None:
        super().__init__()
        self.for_journal = for_journal
        self.setFormatter(LineFormatter(for_journal))
        self.write, self.release_fd = writer_of(fd)
        self.room = select.poll()
        self.room.register(fd, select.POLLOUT)
        self.waiting: deque[bytes] = deque()
        self.bytes = 0  # of the waiting lines
        self.lost = 0  # lines since the start
        self.untold = 0  # lost lines since the last line about them

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler. Never waits."""
        if self.untold and self.bytes == 0:
            self.tell_losses()
        if not self.put(record):
            self.lost += 1
            self.untold += 1
        self.write_waiting(0)

    def flush(self) -> None:
        """Write waiting lines, as far as the reader takes them; called about every second."""
        self.acquire()
        try:
            self.write_waiting(0)
            if self.untold and self.bytes == 0:
                self.tell_losses()
                self.write_waiting(0)
        finally:
            self.release()

    def close(self) -> None:
        """See logging.Handler. Waits up to PATIENCE for the reader to take the last lines."""
        self.write_waiting(PATIENCE)
        self.waiting.clear()
        self.release_fd()
        self.release_fd = do_nothing
        super().close()

    def put(self, record: logging.LogRecord) -> bool:
        """Add a record to the waiting lines; False if there is no room."""
        line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        if self.bytes + len(line) > MOST_WAITING:
            return False
        self.waiting.append(line)
        self.bytes += len(line)
        return True

    def tell_losses(self) -> None:
        """Add a line with the number of lost lines."""
        text = f"{self.untold} lines of the log were lost: they were not read in time"
        attributes = {"name": "opentracker", "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
        if self.put(logging.makeLogRecord(attributes)):
            self.untold = 0

    def write_waiting(self, patience: int) -> None:
        """Write waiting lines until the reader takes nothing for `patience` milliseconds."""
        while self.waiting and self.room.poll(patience):
            line = self.waiting[0]
            try:
                written = self.write(line[:PIECE])
            except BlockingIOError:
                return
            except OSError:  # the reader has gone
                self.waiting.clear()
                self.bytes = 0
                return
            self.bytes -= written
            if written == len(line):
                self.waiting.popleft()
            else:
                self.waiting[0] = line[written:]


def lost_lines() -> int:
    """The number of lost lines of the log."""
    handlers = logging.getLogger().handlers
    return sum(handler.lost for handler in handlers if isinstance(handler, LogOutput))


def set_up(level: int, form: str) -> None:
    """Choose the least serious lines of the log, and their format."""
    log.setLevel(level)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogOutput):
            handler.setFormatter(LineFormatter(handler.for_journal, form))


def do_nothing() -> None:
    """Close nothing."""


def writer_of(fd: int) -> tuple[Callable[[bytes], int], Callable[[], None]]:
    """Two functions: one writes to a descriptor without blocking, even if another process fills it up meanwhile.

    The descriptor is shared with the process that started us, so its flags stay as they are. The write function uses a
    descriptor of its own if possible, and the second function closes that one.
    """
    mode = os.fstat(fd).st_mode
    if stat.S_ISSOCK(mode):
        sock = socket.socket(fileno=os.dup(fd))
        return lambda data: sock.send(data, socket.MSG_DONTWAIT), sock.close
    if stat.S_ISFIFO(mode):
        try:
            own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # not Linux, or a pipe of another user
            pass
        else:
            return lambda data: os.write(own, data), lambda: os.close(own)
    return lambda data: os.write(fd, data), do_nothing
