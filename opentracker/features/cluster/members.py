"""The other members of a cluster, by the address that each sends from: counts and the time of the latest packet."""

import json
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from opentracker.features.cluster.counting import MEMBER_BYTES, MEMBER_PACKETS, MEMBER_SILENCE
from opentracker.protocol.addresses import format_ip
from opentracker.swarm.surveys.snapshot import StatsSnapshot

# Members with an entry of their own; a network with the right may have millions of addresses.
MOST: Final = 256
NEVER: Final = -1.0
OTHERS: Final = ""  # in place of an address


class Heard:
    """Counts of the packets of one member."""

    __slots__ = ("bytes", "last", "malformed", "packets", "records")

    def __init__(self) -> None:
        self.packets: i64 = 0  # well-formed ones
        self.bytes: i64 = 0  # of these packets
        self.records: i64 = 0  # peers in them, stored or not
        self.malformed: i64 = 0
        self.last = NEVER  # seconds of the loop's clock at the latest packet, to the second

    def silence(self, seconds: float) -> float:
        """Seconds since the latest packet; NEVER if none has come."""
        return self.last if self.last == NEVER else seconds - self.last


class Members:
    """A bounded table of members. Expected members are in it before they have sent anything."""

    def __init__(self) -> None:
        self.by_address: dict[bytes, Heard] = {}  # by packed address, 4 or 16 bytes
        self.others = Heard()  # members beyond MOST, together

    def expect(self, address: bytes) -> None:
        """Create a member's entry; called for every address that the operator has named."""
        self.of(address)

    def tell(self, snapshot: StatsSnapshot, seconds: float) -> None:
        """Add the gauges of each member to a snapshot; `seconds` is the loop's time, whose 0 is the start."""
        named = {format_ip(address): heard for address, heard in self.by_address.items()}
        if self.others.packets > 0:
            named["others"] = self.others
        for name, heard in named.items():
            labels = f'member="{name}"'
            snapshot.tell(MEMBER_PACKETS, float(heard.packets), labels)
            snapshot.tell(MEMBER_BYTES, float(heard.bytes), labels)
            snapshot.tell(MEMBER_SILENCE, seconds if heard.last == NEVER else heard.silence(seconds), labels)

    def packed(self) -> bytes:
        """All counts, for another process with the same clock."""
        all_heard = {address.hex(): heard for address, heard in self.by_address.items()}
        rows = {
            name: (int(heard.packets), int(heard.bytes), int(heard.records), int(heard.malformed), heard.last)
            for name, heard in {**all_heard, OTHERS: self.others}.items()
        }
        return json.dumps(rows).encode("ascii")

    def unpack(self, packed: bytes, is_member: Callable[[bytes], bool]) -> None:
        """Go on from the counts of another process, as far as the addresses are members here."""
        for name, row in json.loads(packed).items():
            address = bytes.fromhex(name)
            if name == OTHERS:
                heard = self.others
            elif is_member(address):
                heard = self.of(address)
            else:
                continue
            heard.packets, heard.bytes, heard.records, heard.malformed, heard.last = row

    def of(self, address: bytes) -> Heard:
        """The entry of an address that has the right to take part."""
        found = self.by_address.get(address)
        if found is not None:
            return found
        if len(self.by_address) >= MOST:
            return self.others
        found = self.by_address[address] = Heard()
        return found
