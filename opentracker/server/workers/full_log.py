"""The full log of several workers: each logs the requests that it gets, and who is asked gathers the entries of all.

A stream of entries has a size in eight hexadecimal digits before each of them.
"""

from collections.abc import Generator
from typing import Final

from opentracker.features.statistics.full_log import FullLog
from opentracker.protocol.pages import Pieces
from opentracker.server.workers.mesh import Mesh

STREAM: Final = b"full-log"
HEARER: Final = b"lognet"
EMPTIES: Final = b"empties"  # the argument of a stream whose entries are forgotten
SIZE: Final = 8
TIME: Final = 8  # bytes at the head of an entry: seconds, with zeros before them


class SharedFullLog:
    """The full log of one worker."""

    def __init__(self, log: FullLog, mesh: Mesh) -> None:
        self.log = log
        self.mesh = mesh

    def tell(self, text: bytes) -> None:
        """Tell the other workers of a network that was chosen."""
        for worker in self.mesh.others():
            self.mesh.tell(worker, HEARER, text)

    def part(self, argument: bytes) -> Pieces:
        """The entries of this worker, for another one."""
        yield b"".join(b"%0*x%b" % (SIZE, len(entry), entry) for entry in self.log.take(argument == EMPTIES))

    def gather(self, empties: bool) -> Generator[bytes, None, list[bytes]]:
        """Return the entries of all workers by their seconds. Raises StreamLost."""
        streams = [self.mesh.open(each, STREAM, EMPTIES if empties else b"") for each in self.mesh.others()]
        entries = self.log.take(empties)
        try:
            for stream in streams:
                packed = b""
                while not stream.is_over:
                    packed += stream.take()
                    yield b""
                entries += unpacked(packed)
        finally:
            for stream in streams:
                stream.close()
        return sorted(entries, key=lambda entry: entry[:TIME])


def unpacked(packed: bytes) -> list[bytes]:
    """The entries of a stream."""
    entries = []
    at = 0
    while at < len(packed):
        end = at + SIZE + int(packed[at : at + SIZE], 16)
        entries.append(packed[at + SIZE : end])
        at = end
    return entries
