"""When a torrent was last touched."""

from mypy_extensions import i64

from opentracker.swarm.expiry import stamps_of
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.records import HEADER_SIZE, left_at


def touched(entry: bytes | Swarm, minute: i64) -> i64:
    """The minute in which a torrent was last announced: its newest peer was heard of, or its last one left."""
    if isinstance(entry, Swarm):
        age: i64 = 255
        for table in (entry.v4.leechers, entry.v4.seeders, entry.v6.leechers, entry.v6.seeders):
            for block in table.blocks:
                age = least_age(block[len(block) // (table.stride + 2) * (table.stride + 1) :], minute, age)
                if age == 0:
                    return minute
        return minute - age
    if len(entry) == HEADER_SIZE:
        return left_at(entry)
    stamps4, stamps6 = stamps_of(entry)
    return minute - least_age(stamps4 + stamps6, minute, 255)


def least_age(stamps: bytes, minute: i64, age: i64) -> i64:
    """The age of the newest of some stamps, in minutes, or `age` if that is less."""
    if len(stamps) == 1:
        stamp: i64 = stamps[0]
        return min(age, (minute - stamp) & 255)
    for less in range(age):
        if stamps.find((minute - less) & 255) >= 0:
            return less
    return age
