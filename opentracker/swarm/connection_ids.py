"""Connection ids (BEP 15): a keyed MAC of the source address and the epoch, so the tracker stores nothing for them.

An id is valid in its own epoch and in the next one, since clients reuse an id for five minutes and more. It is bound
to the address alone, not to the port, since clients share an id between sockets.

Each epoch has a key, which BLAKE2b makes of the secret. Compiled builds use SipHash-2-4 under it, which costs less than
a look-up. Interpreted, SipHash would cost more than a hash function in C; those builds use BLAKE2s of the key and the
address, and remember its ids.
"""

from hashlib import blake2b, blake2s
from typing import Final

from librt.strings import BytesWriter, read_i64_le, write_i64_le
from mypy_extensions import i64

from opentracker._features import WANT_COMPILED

if WANT_COMPILED:
    from opentracker.swarm.siphash import SipHash

SECRET_SIZE: Final = 32
ID_SIZE: Final = 8
KEY_SIZE: Final = 16 if WANT_COMPILED else 32  # SipHash's, or half a block of BLAKE2s
REMEMBERED: Final = 16384  # ids an epoch; a look-up costs a tenth of the MAC


class ConnectionIds:
    """Makes and checks ids; the secret (32 bytes from the operating system) is shared by all sockets and workers."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.epoch: i64 = -2
        if WANT_COMPILED:
            self.mac = SipHash(secret)
            self.former_mac = self.mac
        else:
            self.key = self.former_key = secret
            self.current: dict[bytes, bytes] = {}
            self.previous: dict[bytes, bytes] = {}

    def rotate(self, epoch: i64) -> None:
        """Begin an epoch, unless it is the current one; epochs never go back."""
        if epoch == self.epoch:
            return
        key, former_key = self.key_of(epoch), self.key_of(epoch - 1)
        if WANT_COMPILED:
            self.mac, self.former_mac = SipHash(key), SipHash(former_key)
        else:
            self.key, self.former_key = key, former_key
            self.previous = self.current if epoch == self.epoch + 1 else {}
            self.current = {}
        self.epoch = epoch

    def append(self, address: bytes, out: BytesWriter) -> None:
        """Append the id (8 bytes) for a source address (4 or 16 bytes) in this epoch."""
        if WANT_COMPILED:
            write_i64_le(out, self.mac.mac(address))
        else:
            known = self.current.get(address)
            out.write(self.compute(self.key, address, self.current) if known is None else known)

    def accepts(self, packet: bytes, address: bytes) -> bool:
        """Whether a packet begins with this address's id of the current epoch or of the previous one."""
        if WANT_COMPILED:
            claimed = read_i64_le(packet, 0)
            return claimed == self.mac.mac(address) or claimed == self.former_mac.mac(address)
        known = self.current.get(address)
        if known is None:
            known = self.compute(self.key, address, self.current)
        if packet.startswith(known):
            return True
        known = self.previous.get(address)
        if known is None:
            known = self.compute(self.former_key, address, self.previous)
        return packet.startswith(known)

    def key_of(self, epoch: int) -> bytes:
        """The key of an epoch."""
        message = epoch.to_bytes(8, "big", signed=True)
        return blake2b(message, digest_size=KEY_SIZE, key=self.secret).digest()

    def compute(self, key: bytes, address: bytes, known: dict[bytes, bytes]) -> bytes:
        """Compute the id for an address under an epoch's key, and remember it in `known`.

        The key stands before the address: BLAKE2 needs no more to be a MAC, and its keyed mode hashes a block more.
        """
        connection_id = blake2s(key + address, digest_size=ID_SIZE).digest()
        if len(known) >= REMEMBERED:
            known.clear()
        known[address] = connection_id
        return connection_id
