"""Connection ids that hold on every worker, also in the moment in which some of them have begun a new epoch."""

from typing import Final

from librt.strings import read_i64_le

from opentracker._features import WANT_COMPILED
from opentracker.swarm.connection_ids import ConnectionIds

if WANT_COMPILED:
    from opentracker.swarm.siphash import SipHash

MARGIN: Final = (
    2.0  # seconds at the end of an epoch: longer than the interval at which a worker looks for a new one
)


class SharedIds(ConnectionIds):
    """Accepts ids of the next epoch as well, in the last MARGIN seconds of an epoch."""

    def __init__(self, secret: bytes) -> None:
        super().__init__(secret)
        self.is_ending = False

    def accepts(self, packet: bytes, address: bytes) -> bool:
        """See ConnectionIds."""
        if super().accepts(packet, address):
            return True
        return self.is_ending and self.is_next(packet, address)

    def is_next(self, packet: bytes, address: bytes) -> bool:
        """Whether a packet begins with the address's id of the next epoch."""
        key = self.key_of(self.epoch + 1)
        if WANT_COMPILED:
            return read_i64_le(packet, 0) == SipHash(key).mac(address)
        return packet.startswith(self.compute(key, address, {}))
