"""Messages of the supervisor to all workers, which a worker that starts later gets as well."""

from opentracker.server.workers.frames import TELL
from opentracker.server.workers.mesh import Mesh


class Telling:
    """The messages since the last reload, which reads again what the messages before it have changed."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.kept: dict[bytes, None] = {}  # each message once, in the order in which it was last told

    def tell(self, name: bytes, message: bytes) -> None:
        """Give a message to a hearer of all workers, and of their successors."""
        self.keep(name, message)
        for worker in self.mesh.others():
            self.mesh.send(worker, TELL, 0, name + b" " + message)

    def keep(self, name: bytes, message: bytes) -> None:
        """Give a message to a hearer of the successors."""
        payload = name + b" " + message
        self.kept.pop(payload, None)
        self.kept[payload] = None

    def repeat(self, worker: int) -> None:
        """Give the messages to a worker that starts."""
        for payload in self.kept:
            self.mesh.send(worker, TELL, 0, payload)

    def forget(self) -> None:
        """Forget the messages, since the workers reload."""
        self.kept.clear()
