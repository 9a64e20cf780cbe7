"""UDP datagrams, with a tracker behind (P-1, P-4): at most one answer, of the right shape and size.

The first byte of an input chooses: 1 puts a valid connection id in front; 6 the source; 8 to 128 the minute.
"""

from opentracker._features import OT_MAX_PEERS_UDP4, OT_MAX_PEERS_UDP6
from opentracker.protocol.udp import ANNOUNCE, CONNECT, ERROR, MISMATCH, SCRAPE
from tests.fuzz.tracker import SOURCES, Desk
from tests.swarm.ids import id_for

WORDS = [
    bytes.fromhex("0000041727101980"),
    *(bytes([0, 0, 0, action]) for action in range(5)),
    b"\xff\xff\xff\xff",
    b"A" * 20,
    b"\x02\x0c/dir?a=b&c=d",
    bytes(8),
]
LONGEST_INPUT = 400  # bytes: an announce with many options, a scrape of a dozen torrents and more
desk = Desk()


def check(data: bytes) -> None:
    """One datagram."""
    if not data:
        return
    desk.fresh()
    choice, packet = data[0], data[1:]
    source = SOURCES[(choice >> 1) % len(SOURCES)]
    ids = desk.live.server.ids
    if choice & 1:
        packet = id_for(ids, source) + packet[8:]
    is_valid = len(packet) >= 16 and ids.accepts(packet, source)
    answer = desk.datagram(packet, source, choice >> 3)
    if not is_valid:
        assert len(answer) <= len(packet), "P-4: amplified"
    if answer:
        check_answer(packet, answer, len(source) + 2, is_valid)


def check_answer(packet: bytes, answer: bytes, stride: int, is_valid: bool) -> None:
    """The shape of an answer."""
    assert answer[4:8] == packet[12:16], "another transaction id"
    action = int.from_bytes(answer[:4], "big")
    asked = int.from_bytes(packet[8:12], "big")
    if action == ERROR:
        assert is_valid is (answer[8:] != MISMATCH)
        assert answer[8:].rstrip(b"\0").isascii()
        return
    assert action == asked
    if action == CONNECT:
        assert len(answer) == 16
    elif action == ANNOUNCE:
        assert len(packet) >= 98
        peers, rest = divmod(len(answer) - 20, stride)
        most = OT_MAX_PEERS_UDP4 if stride == 6 else OT_MAX_PEERS_UDP6
        assert rest == 0 and 0 <= peers <= most
        listed = {answer[20 + at * stride : 20 + (at + 1) * stride] for at in range(peers)}
        assert len(listed) == peers, "P-6: a peer twice"
    else:
        assert action == SCRAPE
        assert len(answer) == 8 + 12 * min((len(packet) - 16) // 20, 74)
