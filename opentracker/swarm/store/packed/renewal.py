"""The fast way of an announce over UDP that renews a peer: one that is known, and stays a leecher or a seeder.

Most announces of a tracker do. Calls and attributes are dear in an interpreted build, so `renew` reads the datagram and
the torrent in one function, and writes the answer without an `Announce`. Every other announce is NOT_TAKEN.
"""

from typing import Final

from librt.random import Random
from librt.strings import BytesWriter, read_i32_be, read_i64_be
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS, WANT_SYNC_LIVE
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_PAUSED, EVENT_STOPPED
from opentracker.protocol.udp import EVENT, INFO_HASH, LEFT, PORT, write_announce_head
from opentracker.swarm.store.door import NOT_TAKEN
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.packed.shards import MASK
from opentracker.swarm.store.peer_table import PeerTable
from opentracker.swarm.store.peers import BYTE, STRIDE4, choose
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, PEER6

if WANT_EXTENDED_ANSWERS or WANT_SYNC_LIVE:
    from opentracker.swarm.store.peers import FROM_SYNC, PARTIAL

# Events that do more than renew a peer.
CHANGES: Final = (EVENT_STOPPED, EVENT_COMPLETED, *((EVENT_PAUSED,) if WANT_EXTENDED_ANSWERS else ()))
HASH_END: Final = INFO_HASH + 20
PORT_END: Final = PORT + 2


def renew(
    dicts: list[dict[bytes, bytes | Swarm]],
    packet: bytes,
    address: bytes,
    numwant: i64,
    interval: i64,
    minute: i64,
    random: Random,
    out: BytesWriter,
) -> i64:
    """See Store.answer_udp."""
    info_hash = packet[INFO_HASH:HASH_END]
    shard = dicts[hash(info_hash) & MASK]
    record = shard.get(info_hash)
    if record is None or read_i32_be(packet, EVENT) in CHANGES:
        return NOT_TAKEN
    peer = address + packet[PORT:PORT_END]
    seeding = read_i64_be(packet, LEFT) == 0
    if isinstance(record, Swarm):
        return renew_in_swarm(record, packet, peer, seeding, numwant, interval, minute, random, out)
    at = record.find(peer)
    if at < HEADER_SIZE:  # also in a record without peers, which is too short for more
        return NOT_TAKEN
    n4 = record[4]
    end4 = HEADER_SIZE + PEER4 * n4
    n6 = (len(record) - end4) // PEER6
    stride = len(peer)
    if stride == STRIDE4:
        start, n, leechers = HEADER_SIZE, n4, record[5]
    else:
        start, n, leechers = end4, n6, record[6]
    end = start + n * stride
    index, past = divmod(at - start, stride)
    # Most matches are the peer. Others are for the slow way, which finds the next ones.
    if past != 0 or not 0 <= index < n or seeding != (index >= leechers):
        return NOT_TAKEN
    at_stamp = end + n + index
    if (WANT_EXTENDED_ANSWERS or WANT_SYNC_LIVE) and record[at_stamp - n] & (FROM_SYNC | PARTIAL) != 0:
        return NOT_TAKEN
    age = (minute - record[at_stamp]) & 255
    if age != 0:
        shard[info_hash] = record[:at_stamp] + BYTE[minute & 255] + record[at_stamp + 1 :]
    incomplete = record[5] + record[6]
    write_announce_head(out, packet, interval, incomplete, n4 + n6 - incomplete)
    if n - 1 <= numwant:
        out.write(record[start:at])
        out.write(record[at + stride : end])
    else:
        if not seeding:
            leechers -= 1
        others = record[start:at] + record[at + stride : end]
        out.write(choose(others, leechers, numwant, seeding, stride, random))
    return age


def renew_in_swarm(
    swarm: Swarm,
    packet: bytes,
    peer: bytes,
    seeding: bool,
    numwant: i64,
    interval: i64,
    minute: i64,
    random: Random,
    out: BytesWriter,
) -> i64:
    """As `renew`, in a large swarm."""
    v4, v6 = swarm.v4, swarm.v6
    family = v4 if len(peer) == STRIDE4 else v6
    table = family.seeders if seeding else family.leechers
    if not isinstance(table, PeerTable):
        return NOT_TAKEN
    at, index, stamp = table.renew(peer, minute & 255)
    if index < 0:
        return NOT_TAKEN
    incomplete = v4.leechers.peers + v6.leechers.peers
    complete = v4.seeders.peers + v6.seeders.peers
    write_announce_head(out, packet, interval, incomplete, complete)
    # As `Family.hand_out`, without its calls and copies: they would take a twentieth of this.
    few = family.share(numwant, seeding, True, random)
    if seeding:
        out.write(family.leechers.window(few, -1, -1, random))
        if few < numwant:
            out.write(table.window(numwant - few, at, index, random))
    else:
        out.write(table.window(few, at, index, random))
        if few < numwant:
            out.write(family.seeders.window(numwant - few, -1, -1, random))
    return (minute - stamp) & 255
