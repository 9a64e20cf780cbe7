"""The UDP cases, by id, as data: datagrams spelled field by field with the names of BEP 15, and their answers.

A case is a sequence of exchanges with a tracker that knows nothing yet. In a datagram CONNECTION_ID stands for an id
that the tracker gives the source right before; in an answer it stands for any id, INTERVAL for any interval.

Cases that need two trackers, two epochs, hundreds of peers or real sockets are not here.
"""

import struct
from dataclasses import dataclass, field

from opentracker._features import (
    OT_CLIENT_REQUEST_INTERVAL,
    OT_CLIENT_REQUEST_VARIATION,
    OT_MAX_SCRAPE_UDP,
    WANT_V6,
)

CONNECTION_ID = b"<con-id>"
INTERVAL = b"<in>"
# The bounds of U-10, wider only in a build whose own interval is outside of them.
SHORTEST_INTERVAL = min(300, OT_CLIENT_REQUEST_INTERVAL - OT_CLIENT_REQUEST_VARIATION // 2)
LONGEST_INTERVAL = 86400

PROTOCOL_ID = bytes.fromhex("0000041727101980")
TRANSACTION_ID = bytes.fromhex("11223344")
HASH_A, HASH_B, HASH_C = b"A" * 20, b"B" * 20, b"C" * 20
PEER_ID = b"-XX0001-abcdefghijkl"
PORT = 6881

NONE, COMPLETED, STARTED, STOPPED = 0, 1, 2, 3

# Sources of a family that every build has.
HOME, NEIGHBOUR = (
    (bytes(15) + b"\x01", bytes(15) + b"\x02") if WANT_V6 else (b"\x7f\0\0\x01", b"\x7f\0\0\x02")
)
V4, V6 = b"\x7f\0\0\x01", bytes(15) + b"\x01"

UNAUTHORIZED = b"Requested download is not authorized for use with this tracker."


def connect_request(
    protocol_id: bytes = PROTOCOL_ID, action: int = 0, transaction_id: bytes = TRANSACTION_ID
) -> bytes:
    return protocol_id + struct.pack(">I", action) + transaction_id


def announce_request(
    connection_id: bytes = CONNECTION_ID,
    action: int = 1,
    transaction_id: bytes = TRANSACTION_ID,
    info_hash: bytes = HASH_A,
    peer_id: bytes = PEER_ID,
    downloaded: int = 0,
    left: int = 1,
    uploaded: int = 0,
    event: int = STARTED,
    ip: bytes = bytes.fromhex("01020304"),
    key: int = 0,
    num_want: int = 50,
    port: int = PORT,
    options: bytes = b"",
) -> bytes:
    """`num_want` is unsigned here: ffffffff is BEP 15's -1, which asks for a number that a build chooses."""
    return b"".join(
        [
            connection_id,
            struct.pack(">I", action),
            transaction_id,
            info_hash,
            peer_id,
            struct.pack(">QQQ", downloaded, left, uploaded),
            struct.pack(">I", event),
            ip,
            struct.pack(">II", key, num_want),
            struct.pack(">H", port),
            options,
        ]
    )


def scrape_request(
    *info_hashes: bytes, connection_id: bytes = CONNECTION_ID, transaction_id: bytes = TRANSACTION_ID
) -> bytes:
    return connection_id + struct.pack(">I", 2) + transaction_id + b"".join(info_hashes)


def connect_answer(connection_id: bytes = CONNECTION_ID, transaction_id: bytes = TRANSACTION_ID) -> bytes:
    return struct.pack(">I", 0) + transaction_id + connection_id


def announce_answer(
    leechers: int,
    seeders: int,
    *peers: bytes,
    interval: bytes = INTERVAL,
    transaction_id: bytes = TRANSACTION_ID,
) -> bytes:
    return (
        struct.pack(">I", 1)
        + transaction_id
        + interval
        + struct.pack(">II", leechers, seeders)
        + b"".join(peers)
    )


def scrape_answer(*entries: tuple[int, int, int], transaction_id: bytes = TRANSACTION_ID) -> bytes:
    """Entries are (seeders, completed, leechers)."""
    return struct.pack(">I", 2) + transaction_id + b"".join(struct.pack(">III", *entry) for entry in entries)


def error_answer(message: bytes, transaction_id: bytes = TRANSACTION_ID) -> bytes:
    return struct.pack(">I", 3) + transaction_id + message


BADID = error_answer(b"Connection ID missmatch.\0")  # 33 bytes
NO_ID = bytes(8)


def is_like(answer: bytes, expected: bytes) -> bool:
    """Whether an answer is the expected one, its interval or connection id being any."""
    if expected[8:12] == INTERVAL:
        interval = int.from_bytes(answer[8:12], "big")
        if not SHORTEST_INTERVAL <= interval <= LONGEST_INTERVAL:
            return False
        return answer[:8] + answer[12:] == expected[:8] + expected[12:]
    if expected[8:] == CONNECTION_ID:
        return len(answer) == 16 and answer[:8] == expected[:8]
    return answer == expected


@dataclass(frozen=True)
class Exchange:
    """A datagram from an address (4 or 16 bytes), and its answer or None for silence."""

    datagram: bytes
    answer: bytes | None
    source: bytes = HOME


@dataclass(frozen=True)
class Case:
    """Requests and answers, one after the other; `flags` are those that a build needs to have or to lack."""

    id: str
    exchanges: list[Exchange]
    flags: dict[str, bool] = field(default_factory=dict)


def case(id: str, *exchanges: tuple[bytes, bytes | None], **flags: bool) -> Case:  # noqa: A002
    """A case with one source."""
    return Case(id, [Exchange(datagram, answer) for datagram, answer in exchanges], flags)


def peer(source: bytes, port: int = PORT) -> bytes:
    return source + struct.pack(">H", port)


MOST = OT_MAX_SCRAPE_UDP
FIRST_PEER = announce_answer(1, 0)

# BEP 41 options behind an announce, in hex, and the URL data that they hold.
OPTIONS: list[tuple[str, str, bytes]] = [
    ("U-35", "020c2f6469723f613d6226633d64", b"/dir?a=b&c=d"),
    ("U-36 aria2", "0000", b""),
    ("U-36 empty", "0200", b""),
    ("U-36 nops", "010100", b""),
    ("U-37", "02022f3f0203613d62", b"/?a=b"),
    ("U-37 nop between", "02022f3f010203613d62", b"/?a=b"),
    ("U-37 end between", "02022f3f000203613d62", b"/?"),
    ("U-38 past the end", "02ff2f", b""),
    ("U-38 no length", "02", b""),
    ("U-38 after a whole one", "02012f0202", b"/"),
    ("U-39", "7f019902012f", b"/"),
    ("U-39 unknown, past the end", "7fff9902012f", b""),
]

CASES: list[Case] = [
    case("U-01", (connect_request(), connect_answer())),
    case("U-02", (connect_request(bytes.fromhex("0000041727101981")), None)),
    *[case(f"U-03 {size}", (connect_request()[:size], None)) for size in (15, 12, 8, 1, 0)],
    case("U-04 1", (connect_request() + b"x", connect_answer())),
    case("U-04 1456", (connect_request() + b"x" * 1456, connect_answer())),
    *[
        case(
            f"U-07 {text}",
            (connect_request(transaction_id=id_), connect_answer(transaction_id=id_)),
            (announce_request(transaction_id=id_), announce_answer(1, 0, transaction_id=id_)),
            (scrape_request(HASH_B, transaction_id=id_), scrape_answer((0, 0, 0), transaction_id=id_)),
            (
                announce_request(NO_ID, transaction_id=id_),
                error_answer(b"Connection ID missmatch.\0", transaction_id=id_),
            ),
        )
        for text, id_ in (("00000000", bytes(4)), ("ffffffff", b"\xff" * 4))
    ],
    case("U-08 16", (announce_request(action=3)[:16], None)),
    case("U-08 200", (announce_request(action=3) + bytes(102), None)),
    *[
        case(f"U-09 {action:08x} {size}", (announce_request(action=action, options=bytes(102))[:size], None))
        for action in (4, 0x01000000, 0xFFFFFFFF)
        for size in (16, 98, 200)
    ],
    case("U-10", (announce_request(), FIRST_PEER)),
    case("U-11", (announce_request()[:97], None)),
    case("U-12", (announce_request(NO_ID), BADID)),
    case("U-13", (announce_request(NO_ID)[:16], None)),
    case("U-13 scrape", (scrape_request(connection_id=NO_ID), None)),
    case("U-13 scrape, 35 bytes", (scrape_request(HASH_A, connection_id=NO_ID)[:35], None)),
    case("U-22", (announce_request(PROTOCOL_ID), BADID)),
    case("U-23", (announce_request(event=4), FIRST_PEER), (scrape_request(HASH_A), scrape_answer((0, 0, 1)))),
    *[
        case(
            f"U-24 {event}",
            (announce_request(event=event, left=0), announce_answer(0, 1)),
            (scrape_request(HASH_A), scrape_answer((1, 0, 0))),
        )
        for event in (99, 0x7FFFFFFF, 0x80000001, 0xFFFFFFFF, 0x00000100, 0x01000000)
    ],
    *[
        case(
            f"U-25 {left}",
            (announce_request(left=left), announce_answer(int(left != 0), int(left == 0))),
            (scrape_request(HASH_A), scrape_answer((int(left == 0), 0, int(left != 0)))),
        )
        for left in (0, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
    ],
    case(
        "U-26",
        (announce_request(event=COMPLETED, left=1), FIRST_PEER),
        (scrape_request(HASH_A), scrape_answer((0, 0, 1))),
    ),
    case(
        "U-27",
        *[(announce_request(event=COMPLETED, left=0), announce_answer(0, 1))] * 3,
        (scrape_request(HASH_A), scrape_answer((1, 1, 0))),
    ),
    case(
        "U-28",
        *[(announce_request(event=COMPLETED, left=0), announce_answer(0, 1))] * 3,
        (announce_request(event=STOPPED, left=0), announce_answer(0, 0)),
        (scrape_request(HASH_A), scrape_answer((0, 1, 0))),
    ),
    case(
        "U-28b",
        (announce_request(event=STOPPED), announce_answer(0, 0)),
        (scrape_request(HASH_A), scrape_answer((0, 0, 0))),
    ),
    Case(
        "U-29",
        [
            Exchange(announce_request(port=0), announce_answer(0, 0)),
            Exchange(announce_request(port=1), announce_answer(0, 0)),
            Exchange(announce_request(port=2), announce_answer(1, 0)),
            Exchange(announce_request(port=1), announce_answer(1, 0, peer(HOME, 2))),
            Exchange(announce_request(), announce_answer(2, 0, peer(HOME, 2)), NEIGHBOUR),
        ],
    ),
    *[
        Case(
            f"U-29 port {port}",
            [
                Exchange(announce_request(port=port), announce_answer(1, 0)),
                Exchange(announce_request(), announce_answer(2, 0, peer(HOME, port)), NEIGHBOUR),
            ],
        )
        for port in (2, 255, 256, 257, 65535)
    ],
    Case(
        "U-30",
        [
            Exchange(announce_request(ip=bytes.fromhex("08080808")), FIRST_PEER),
            Exchange(announce_request(), announce_answer(2, 0, peer(HOME)), NEIGHBOUR),
        ],
    ),
    Case(
        "seeders are handed out, and counted apart",
        [
            Exchange(announce_request(left=0), announce_answer(0, 1)),
            Exchange(announce_request(), announce_answer(1, 1, peer(HOME)), NEIGHBOUR),
            Exchange(announce_request(left=0), announce_answer(1, 1, peer(NEIGHBOUR))),
        ],
    ),
    *[
        case(text, (announce_request(options=bytes.fromhex(options)), FIRST_PEER))
        for text, options, _ in OPTIONS
    ],
    case(
        "U-40",
        *[(announce_request(), FIRST_PEER)] * 2,
        (scrape_request(HASH_A), scrape_answer((0, 0, 1))),
    ),
    case(
        "U-41",
        (announce_request(), FIRST_PEER),
        (scrape_request(HASH_A, HASH_B, HASH_A), scrape_answer((0, 0, 1), (0, 0, 0), (0, 0, 1))),
    ),
    *[
        case(f"U-42 {n}", (scrape_request(*[HASH_A] * n), scrape_answer(*[(0, 0, 0)] * min(n, MOST))))
        for n in (1, 2, 73, 74, 75, 100)
    ],
    case("U-43", (scrape_request(), scrape_answer())),
    case("U-44 1", (scrape_request(HASH_A, b"B"), scrape_answer((0, 0, 0)))),
    case("U-44 19", (scrape_request(HASH_A[:19]), scrape_answer())),
    case("U-45", (scrape_request(HASH_A, connection_id=NO_ID), BADID)),
    case("U-46", (announce_request(), error_answer(UNAUTHORIZED)), WANT_ACCESSLIST_WHITE=True),
    case(
        "U-46 stopped",
        (announce_request(event=STOPPED), error_answer(UNAUTHORIZED)),
        WANT_ACCESSLIST_WHITE=True,
    ),
    case("D7", (scrape_request(HASH_A), scrape_answer((0, 0, 0))), WANT_ACCESSLIST_WHITE=True),
    Case(
        "U-47",
        [
            Exchange(announce_request(), FIRST_PEER, V6),
            Exchange(announce_request(port=PORT + 1), announce_answer(2, 0, peer(V6)), V6),
        ],
        {"WANT_V4_ONLY": False},
    ),
    Case(
        "U-48",
        [
            Exchange(announce_request(), FIRST_PEER, V4),
            Exchange(announce_request(), announce_answer(2, 0), V6),
            Exchange(announce_request(), announce_answer(2, 0), V4),
            Exchange(announce_request(port=1), announce_answer(2, 0, peer(V6)), V6),
        ],
        {"WANT_V4_ONLY": False, "WANT_V6": False},
    ),
    case("U-51 zeros", (bytes(65_507), None)),
    case(
        "U-51 scrape", ((scrape_request() + bytes(8192))[:8192], scrape_answer(*[(0, 0, 0)] * min(408, MOST)))
    ),
]
