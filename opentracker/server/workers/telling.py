"""Messages that have changed something until the next reload, and those of the supervisor to all workers."""

from opentracker.server.workers.frames import TELL
from opentracker.server.workers.mesh import Mesh


class Kept:
    """The messages since the last reload, which reads again what the messages before it have changed."""

    def __init__(self) -> None:
        self.payloads: dict[bytes, None] = {}  # each message once, in the order in which it was last told

    def keep(self, name: bytes, message: bytes) -> None:
        """Keep a message to a hearer."""
        payload = name + b" " + message
        self.payloads.pop(payload, None)
        self.payloads[payload] = None

    def forget(self) -> None:
        """Forget the messages, since lists are read again."""
        self.payloads.clear()


class Telling(Kept):
    """Tells workers, and repeats the messages to a worker that starts later."""

    def __init__(self, mesh: Mesh) -> None:
        super().__init__()
        self.mesh = mesh

    def tell(self, name: bytes, message: bytes) -> None:
        """Give a message to a hearer of all workers, and of their successors."""
        self.keep(name, message)
        for worker in self.mesh.others():
            self.mesh.send(worker, TELL, 0, name + b" " + message)

    def repeat(self, worker: int) -> None:
        """Give the messages to a worker that starts."""
        for payload in self.payloads:
            self.mesh.send(worker, TELL, 0, payload)
