"""Packets of live sync as the tests of the bridge need them."""

from opentracker.protocol.livesync import PEERS4

ID = bytes.fromhex("cafebabe")


def packet_of(*marks: int, kind: int = PEERS4, age: int = 0) -> bytes:
    """A packet of records that differ in their flags."""
    size = 28 if kind == PEERS4 else 40
    records = [bytes([number]) * (size - 2) + bytes([flags, age]) for number, flags in enumerate(marks, 1)]
    return ID + kind.to_bytes(4, "big") + b"".join(records)
