"""The addresses that keys are in use from, and the limit on them: `limits.addresses_per_key`.

An address is in use with a key from its last request that was served until OT_PEER_TIMEOUT later; IPv6 counts by /64.
A request from one address too many is refused and leaves no trace, so the table has at most as many entries as there
are known keys, times the limit. An entry takes 16 bytes of a bucket, which is a `bytes` object:

====== ===========================================================================
offset field of an entry
====== ===========================================================================
0      6 bytes of the key's digest; others have chosen the bucket
6      the address: 4 bytes and zeros, or the first 8 of IPv6
14     u16 minute of the last request, modulo 65536
====== ===========================================================================

Two keys whose bytes of the digest are equal share their addresses: of a million keys that takes a chance of one in a
hundred million. The number of buckets is that for the keys of the start; with far more keys buckets grow, and requests
take longer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.config.settings import Settings, Take
from opentracker.config.values import limit
from opentracker.features.feature import Feature, Host
from opentracker.features.keys.key_list import KeyReloader
from opentracker.swarm.counting.metric import Gauge
from opentracker.swarm.policy.slots import host_of
from opentracker.swarm.surveys.snapshot import StatsSnapshot

TAG: Final = 6  # offsets in an entry
STAMP: Final = 14
ENTRY: Final = 16
MINUTES: Final = 0xFFFF
LEAST_BUCKETS: Final = 4096
MOST_BUCKETS: Final = 1 << 20
KEYS_IN_A_BUCKET: Final = 8  # on average; most keys are in use from one address or two
BUCKET: Final = 41  # bytes of memory of a bucket without its entries, and of the reference to it

IN_USE: Final = Gauge(
    "opentracker_keys_addresses",
    "Addresses that keys are in use from, as far as they are counted for limits.addresses_per_key.",
    people="Addresses that keys are in use from",
)


class KeyAddresses:
    """At most `most` addresses for each key, or any number with 0; `keys` is a guess of the number of keys.

    `minute` is a clock that never goes back.
    """

    def __init__(self, most: int, keys: int, minute: Callable[[], int]) -> None:
        number = LEAST_BUCKETS
        while number * KEYS_IN_A_BUCKET < keys and number < MOST_BUCKETS:
            number *= 2
        self.buckets = [b""] * number
        self.most = most
        self.minute = minute
        self.size = 0  # entries; some are of addresses that are out of use

    def admits(self, digest: bytes, address: bytes) -> bool:
        """Whether a key may be used from an address (4 or 16 bytes); if so, the address is in use now."""
        if self.most == 0:
            return True
        number = int.from_bytes(digest[TAG : TAG + 4], "big") & (len(self.buckets) - 1)
        bucket = self.buckets[number]
        name = digest[:TAG] + host_of(address).ljust(STAMP - TAG, b"\0")
        stamp = (self.minute() & MINUTES).to_bytes(ENTRY - STAMP, "big")
        at = offset_of(bucket, name)
        if at >= 0 and is_in_use(bucket[at : at + ENTRY], self.minute()):
            if not bucket.startswith(stamp, at + STAMP):
                self.buckets[number] = bucket[: at + STAMP] + stamp + bucket[at + ENTRY :]
            return True
        return self.add(number, name, stamp)

    def add(self, number: int, name: bytes, stamp: bytes) -> bool:
        """Add an address that is not in use to a bucket, unless its key has too many; others may leave the bucket."""
        bucket, minute = self.buckets[number], self.minute()
        kept = [entry for entry in entries_of(bucket) if is_in_use(entry, minute)]
        is_free = len([entry for entry in kept if entry.startswith(name[:TAG])]) < self.most
        if is_free:
            kept.append(name + stamp)
        self.buckets[number] = b"".join(kept)
        self.size += len(kept) - len(bucket) // ENTRY
        return is_free

    def weight(self) -> int:
        """Approximate bytes of memory."""
        return len(self.buckets) * BUCKET + self.size * ENTRY

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the value of the gauge to a snapshot."""
        if self.most:
            snapshot.tell(IN_USE, self.size)


def entries_of(bucket: bytes) -> list[bytes]:
    """The entries of a bucket."""
    return [bucket[at : at + ENTRY] for at in range(0, len(bucket), ENTRY)]


def is_in_use(entry: bytes, minute: int) -> bool:
    """Whether the address of an entry is in use."""
    return (minute - int.from_bytes(entry[STAMP:], "big")) & MINUTES < OT_PEER_TIMEOUT


def offset_of(bucket: bytes, name: bytes) -> int:
    """The offset of the entry of this name in a bucket, or -1; a match that spans two entries does not count."""
    at = bucket.find(name)
    while at >= 0 and at % ENTRY != 0:
        at = bucket.find(name, at + 1)
    return at


@dataclass
class KeyAddressSettings:
    """The limit; 0 is none."""

    most: int = 0


class KeyAddressFeature(Feature[Host]):
    """The limit on addresses of a key. It is not for several workers: each of them would count for itself."""

    is_asked_for: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"limits.addresses_per_key": limit(KeyAddressSettings, "most")}
    renewed: ClassVar[frozenset[str]] = frozenset({"limits.addresses_per_key"})

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.addresses: KeyAddresses | None = None

    def join(self, host: Host) -> None:
        """Count the addresses of keys."""
        keys = host.part(KeyReloader).keys
        most = self.settings.of(KeyAddressSettings).most
        self.addresses = KeyAddresses(most, keys.listed.of_file.size, host.minute)
        keys.admits = self.addresses.admits
        host.weights.append(self.addresses.weight)
        host.sources.append(self.addresses.tell)

    def renew(self, settings: Settings) -> None:
        """Set another limit; addresses in use stay in use."""
        if self.addresses is not None:
            self.addresses.most = settings.of(KeyAddressSettings).most
