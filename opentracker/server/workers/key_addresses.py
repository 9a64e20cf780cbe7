"""The limit on addresses of a key over several workers: each knows all addresses, see features.keys.addresses."""

from collections.abc import Iterator
from typing import Final

from opentracker.features.keys.addresses import KeyAddresses
from opentracker.server.workers.mesh import Mesh, StreamLost

HEARER: Final = b"key-address"
STREAM: Final = b"key-addresses"


class SharedKeyAddresses:
    """The addresses of one worker."""

    def __init__(self, addresses: KeyAddresses, mesh: Mesh) -> None:
        self.addresses = addresses
        self.mesh = mesh

    def tell(self, use: bytes) -> None:
        """Tell the other workers of an address that is in use now."""
        for worker in self.mesh.others():
            self.mesh.tell(worker, HEARER, use)

    def catch_up(self) -> Iterator[None]:
        """Take the addresses of all other workers: this one may be the successor of one that has died."""
        for worker in self.mesh.others():
            stream = self.mesh.open(worker, STREAM)
            try:
                while not stream.is_over:
                    piece = stream.take()
                    if piece:
                        yield from self.addresses.take_part(piece)
                    yield
            except StreamLost:  # its successor asks too
                pass
            finally:
                stream.close()
