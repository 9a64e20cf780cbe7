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

Each of several workers has a table of all addresses: it tells the others of every address that comes into use, or is in
use in another minute. So two workers that admit addresses at the same moment may exceed the limit. As soon as they know
of each other's, both strike the same one of the newcomers out: its next request is refused. A worker that begins asks
the others for their tables, in pieces::

    u32 number of buckets, then for each address in use: u32 bucket · offsets 0 to 13 of an entry · u16 age in minutes
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.config.settings import Settings, Take
from opentracker.config.values import limit
from opentracker.features.feature import Feature, Host
from opentracker.features.keys.key_list import KeyReloader
from opentracker.protocol.pages import Pieces
from opentracker.swarm.counting.metric import MOST, Gauge
from opentracker.swarm.policy.slots import host_of
from opentracker.swarm.surveys.snapshot import StatsSnapshot

TAG: Final = 6  # offsets in an entry
STAMP: Final = 14
ENTRY: Final = 16
MINUTES: Final = 0xFFFF
LEAST_BUCKETS: Final = 4096
MOST_BUCKETS: Final = 1 << 20
KEYS_IN_A_BUCKET: Final = 8  # on average; most keys are in use from one address or two
COUNT: Final = 4  # bytes of a number of buckets, and of the number of a bucket
RECORD: Final = COUNT + ENTRY
ENOUGH: Final = 1 << 14  # bytes of records of a piece
SCANNED: Final = 256  # buckets between two looks at the clock
NEW: Final = 1  # minutes of use up to which an address is a newcomer; the clocks of workers may differ by one
BUCKET: Final = 41  # bytes of memory of a bucket without its entries, and of the reference to it

IN_USE: Final = Gauge(
    "opentracker_keys_addresses",
    "Addresses that keys are in use from, as far as they are counted for limits.addresses_per_key.",
    MOST,
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
        self.tell_others: Callable[[bytes], None] | None = None  # of several workers, see `hear`

    def admits(self, digest: bytes, address: bytes) -> bool:
        """Whether a key may be used from an address (4 or 16 bytes); if so, the address is in use now."""
        if self.most == 0:
            return True
        number = self.number_of(digest)
        bucket = self.buckets[number]
        name = digest[:TAG] + host_of(address).ljust(STAMP - TAG, b"\0")
        stamp = (self.minute() & MINUTES).to_bytes(ENTRY - STAMP, "big")
        at = offset_of(bucket, name)
        if at >= 0 and is_in_use(bucket[at : at + ENTRY], self.minute()):
            if bucket.startswith(stamp, at + STAMP):
                return True
            self.buckets[number] = bucket[: at + STAMP] + stamp + bucket[at + ENTRY :]
        elif not self.add(number, name, stamp):
            return False
        if self.tell_others is not None:
            self.tell_others(digest[: TAG + COUNT] + name[TAG:])
        return True

    def number_of(self, digest: bytes) -> int:
        """The number of the bucket of a key."""
        return int.from_bytes(digest[TAG : TAG + COUNT], "big") & (len(self.buckets) - 1)

    def add(self, number: int, name: bytes, stamp: bytes) -> bool:
        """Add an address that is not in use to a bucket, unless its key has too many; others may leave the bucket."""
        kept = self.in_use(number)
        is_free = len([entry for entry in kept if entry.startswith(name[:TAG])]) < self.most
        if is_free:
            kept.append(name + stamp)
        self.replace(number, kept)
        return is_free

    def in_use(self, number: int) -> list[bytes]:
        """The entries of a bucket whose addresses are in use."""
        minute = self.minute()
        return [entry for entry in entries_of(self.buckets[number]) if is_in_use(entry, minute)]

    def replace(self, number: int, entries: list[bytes]) -> None:
        """Replace the entries of a bucket."""
        self.size += len(entries) - len(self.buckets[number]) // ENTRY
        self.buckets[number] = b"".join(entries)

    # ---- Several workers ---------------------------------------------------------------------------------------

    def hear(self, use: bytes) -> None:
        """Take an address that is in use with another worker now: the first bytes of a digest, and the address."""
        self.take(self.number_of(use), use[:TAG] + use[TAG + COUNT :], 0)

    def take(self, number: int, name: bytes, age: int) -> None:
        """Take an address that another worker has admitted, and whose last request is some minutes old."""
        if self.most == 0:
            return
        bucket, minute = self.buckets[number], self.minute()
        stamp = ((minute - age) & MINUTES).to_bytes(ENTRY - STAMP, "big")
        at = offset_of(bucket, name)
        if at >= 0 and is_in_use(bucket[at : at + ENTRY], minute):
            if age < age_of(bucket[at : at + ENTRY], minute):
                self.buckets[number] = bucket[: at + STAMP] + stamp + bucket[at + ENTRY :]
            return
        kept = self.in_use(number)
        kept.append(name + stamp)
        its = [entry for entry in kept if entry.startswith(name[:TAG])]
        newcomers = [entry for entry in its if age_of(entry, minute) <= NEW]
        if len(its) > self.most and newcomers:
            kept.remove(max(newcomers))
        self.replace(number, kept)

    def part(self) -> Pieces:
        """The addresses in use, for another worker."""
        records: list[bytes] = []
        number = 0
        while number < len(self.buckets):
            minute = self.minute()
            for entry in self.in_use(number):
                age = age_of(entry, minute).to_bytes(ENTRY - STAMP, "big")
                records.append(number.to_bytes(COUNT, "big") + entry[:STAMP] + age)
            number += 1
            if len(records) * RECORD > ENOUGH:
                yield len(self.buckets).to_bytes(COUNT, "big") + b"".join(records)
                records.clear()
            elif number % SCANNED == 0:
                yield b""
        if records:
            yield len(self.buckets).to_bytes(COUNT, "big") + b"".join(records)

    def take_part(self, piece: bytes) -> Iterator[None]:
        """Take the addresses of a piece, in steps; the number of buckets becomes the smaller one of both workers."""
        while len(self.buckets) > int.from_bytes(piece[:COUNT], "big"):
            self.halve()
        for at in range(COUNT, len(piece), RECORD):
            number = int.from_bytes(piece[at : at + COUNT], "big") & (len(self.buckets) - 1)
            age_at = at + COUNT + STAMP
            age = int.from_bytes(piece[age_at : at + RECORD], "big")
            self.take(number, piece[at + COUNT : age_at], age)
            yield

    def halve(self) -> None:
        """Halve the number of buckets."""
        half = len(self.buckets) // 2
        self.buckets = [
            low + high for low, high in zip(self.buckets[:half], self.buckets[half:], strict=True)
        ]

    # ---- Statistics ----------------------------------------------------------------------------------------------

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


def age_of(entry: bytes, minute: int) -> int:
    """The minutes since the last request of the address of an entry."""
    return (minute - int.from_bytes(entry[STAMP:], "big")) & MINUTES


def is_in_use(entry: bytes, minute: int) -> bool:
    """Whether the address of an entry is in use."""
    return age_of(entry, minute) < OT_PEER_TIMEOUT


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
    """The limit on addresses of a key."""

    in_workers: ClassVar[bool] = True
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
        host.add_part(self.addresses)
        host.weights.append(self.addresses.weight)
        host.sources.append(self.addresses.tell)

    def renew(self, settings: Settings) -> None:
        """Set another limit; addresses in use stay in use."""
        if self.addresses is not None:
            self.addresses.most = settings.of(KeyAddressSettings).most
