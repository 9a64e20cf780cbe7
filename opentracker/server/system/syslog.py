"""The socket of the system's log, written without ever blocking, also if its reader is gone."""

import logging
import socket
import time
from dataclasses import dataclass
from typing import ClassVar

from opentracker.config.settings import Settings
from opentracker.features.completed_log import CompletedLog
from opentracker.features.feature import Feature
from opentracker.server.core import Core

log = logging.getLogger("opentracker")


class SystemLog:
    """A connection to the system's log; it is opened before the root directory hides the socket.

    A message that cannot be written at once is lost, and counted. If the reader is gone, each message tries to connect
    again; inside another root directory this works only with a socket there.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.lost = 0
        self.connected = False
        self.told = False  # whether the failure to connect was logged
        self.connect()

    def connect(self) -> None:
        """Connect to the reader; log the first failure."""
        try:
            self.sock.connect(self.path)
        except OSError as error:
            if not self.told:
                log.warning("cannot reach the system's log at %s: %s", self.path, error.strerror)
            self.told = True
        else:
            self.connected = True
            self.told = False

    def write(self, message: bytes) -> None:
        """Write a message, or lose it."""
        if not self.connected:
            self.connect()
        if not self.send(message):
            self.lost += 1

    def send(self, message: bytes) -> bool:
        """Send a message; returns whether the reader took it. After an error it connects and sends once more."""
        for _ in range(2):
            if not self.connected:
                return False
            try:
                self.sock.send(message)
            except BlockingIOError:  # its queue is full
                return False
            except OSError:
                self.connected = False
                self.connect()
            else:
                return True
        return False

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()


@dataclass
class SystemLogSettings:
    """There is no key for the socket; a test has a socket of its own."""

    socket: str = "/dev/log"


class CompletedLogFeature(Feature[Core]):
    """A line in the system's log for each download that is completed."""

    in_workers: ClassVar[bool] = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.log: SystemLog | None = None

    def open(self) -> None:
        """Connect to the system's log, before the root directory hides it."""
        self.log = SystemLog(self.settings.of(SystemLogSettings).socket)

    def join(self, host: Core) -> None:
        """Begin to write completed downloads."""
        if self.log is not None:
            host.tracker.watchers.append(CompletedLog(self.log.write, time.time))

    def close(self) -> None:
        """Close the connection."""
        if self.log is not None:
            self.log.close()
