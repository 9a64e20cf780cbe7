"""The log's way out, standard error, which is never waited for.

A collector that reads no more would otherwise stop the tracker with its next line: a pipe takes 64 KiB, a terminal that
was told to stop nothing at all. What is not taken waits here, up to MOST_WAITING; lines beyond it are lost, and counted
in the line that follows them.
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
PIECE: Final = 4096  # bytes in one go: a pipe that says it has room has room for these (PIPE_BUF)
PATIENCE: Final = 1000  # milliseconds in which the last lines have to be taken, at the end of the process


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
        self.bytes = 0  # of those that wait
        self.lost = 0  # lines, in all
        self.untold = 0  # lines that were lost since it was told how many were

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler. Never waits."""
        if self.untold and self.bytes == 0:
            self.tell_losses()
        if not self.put(record):
            self.lost += 1
            self.untold += 1
        self.write_waiting(0)

    def flush(self) -> None:
        """Write what is waiting, as far as it is taken; to be called now and then."""
        self.acquire()
        try:
            self.write_waiting(0)
            if self.untold and self.bytes == 0:
                self.tell_losses()
                self.write_waiting(0)
        finally:
            self.release()

    def close(self) -> None:
        """See logging.Handler. The last lines get a moment to be taken."""
        self.write_waiting(PATIENCE)
        self.waiting.clear()
        self.release_fd()
        self.release_fd = do_nothing
        super().close()

    def put(self, record: logging.LogRecord) -> bool:
        """Have a record wait; False if too many do."""
        line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        if self.bytes + len(line) > MOST_WAITING:
            return False
        self.waiting.append(line)
        self.bytes += len(line)
        return True

    def tell_losses(self) -> None:
        """Have a line wait that says how many others were lost."""
        text = f"{self.untold} lines of the log were lost: nobody read them"
        attributes = {"name": "opentracker", "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
        if self.put(logging.makeLogRecord(attributes)):
            self.untold = 0

    def write_waiting(self, patience: int) -> None:
        """Write what is waiting until no more is taken within so many milliseconds."""
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
    """How many lines of the log nobody has read in time."""
    handlers = logging.getLogger().handlers
    return sum(handler.lost for handler in handlers if isinstance(handler, LogOutput))


def set_up(level: int, form: str) -> None:
    """Choose the least serious lines of the log, and their format."""
    log.setLevel(level)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogOutput):
            handler.setFormatter(LineFormatter(handler.for_journal, form))


def do_nothing() -> None:
    """Nothing is to be closed."""


def writer_of(fd: int) -> tuple[Callable[[bytes], int], Callable[[], None]]:
    """What writes to a descriptor without waiting, even if another process fills it up at the same moment.

    The descriptor is shared with whoever started us, so it is not made non-blocking itself; what is opened or copied
    for that purpose is closed by the second function.
    """
    mode = os.fstat(fd).st_mode
    if stat.S_ISSOCK(mode):
        sock = socket.socket(fileno=os.dup(fd))
        return lambda data: sock.send(data, socket.MSG_DONTWAIT), sock.close
    if stat.S_ISFIFO(mode):
        try:
            own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # another system's, or of another user
            pass
        else:
            return lambda data: os.write(own, data), lambda: os.close(own)
    return lambda data: os.write(fd, data), do_nothing
