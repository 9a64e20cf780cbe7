"""Connection ids (BEP 15): a keyed MAC of the source address and the epoch, so the tracker stores nothing for them.

An id is good in the epoch it was made in and in the next one: clients reuse one for five minutes and more. It is bound
to the address alone, not to the port, since clients share one between sockets.
"""

from hashlib import blake2b
from typing import Final

from mypy_extensions import i64

SECRET_SIZE: Final = 32
ID_SIZE: Final = 8
REMEMBERED: Final = 16384  # ids an epoch; a look-up costs a tenth of the MAC


class ConnectionIds:
    """Makes and checks ids; the secret (32 bytes from the operating system) is shared by all sockets and workers."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.epoch: i64 = -2
        self.current: dict[bytes, bytes] = {}
        self.previous: dict[bytes, bytes] = {}

    def rotate(self, epoch: i64) -> None:
        """Tell which epoch it is; it never goes back."""
        if epoch != self.epoch:
            self.previous = self.current if epoch == self.epoch + 1 else {}
            self.current = {}
            self.epoch = epoch

    def make(self, address: bytes) -> bytes:
        """The id (8 bytes) for a source address (4 or 16 bytes) in this epoch."""
        known = self.current.get(address)
        return self.compute(address, self.epoch, self.current) if known is None else known

    def accepts(self, packet: bytes, address: bytes) -> bool:
        """Whether a packet begins with an id made for this address in this epoch or the one before."""
        known = self.current.get(address)
        if known is None:
            known = self.compute(address, self.epoch, self.current)
        if packet.startswith(known):
            return True
        known = self.previous.get(address)
        if known is None:
            known = self.compute(address, self.epoch - 1, self.previous)
        return packet.startswith(known)

    def compute(self, address: bytes, epoch: int, known: dict[bytes, bytes]) -> bytes:
        """The id for an address in an epoch, which is put into `known`."""
        message = epoch.to_bytes(8, "big", signed=True) + address
        connection_id = blake2b(message, digest_size=ID_SIZE, key=self.secret).digest()
        if len(known) >= REMEMBERED:
            known.clear()
        known[address] = connection_id
        return connection_id
