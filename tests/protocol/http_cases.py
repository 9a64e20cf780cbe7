"""The HTTP cases, by id, as data: whole requests, what the parsers see in them, and what a tracker answers.

`CASES` holds single requests, each to be sent to a tracker that knows nothing yet. `CONVERSATIONS` holds
requests that follow each other on one tracker, each over a connection of its own from 127.0.0.1. In a body,
`<I>` stands for an interval: compare with `is_like`.

Cases that need a trusted proxy, a list, statistics, a full scrape, hundreds of peers or two families are not
here.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

from opentracker._features import (
    OT_DEFAULT_NUMWANT,
    OT_MAX_MULTISCRAPE,
    OT_MAX_PEERS_HTTP,
    OT_MAX_REQUEST,
    WANT_EXTENDED_ANSWERS,
)

HASH_A = b"A" * 20
HASH_B = b"B" * 20
PEER_ID = b"-XX0001-abcdefghijkl"

REST = b"&peer_id=" + PEER_ID + b"&port=6881&uploaded=0&downloaded=0&left=1&compact=1"
ANN = b"info_hash=" + HASH_A + REST
PORTLESS = b"info_hash=" + HASH_A + b"&peer_id=" + PEER_ID + b"&uploaded=0&downloaded=0&compact=1"

NO_INFO_HASH = b"Your client forgot to send your torrent's info_hash. Please upgrade your client."
INVALID_INFO_HASH = b"invalid info_hash"
REPEATED_INFO_HASH = b"more than one info_hash"
INVALID_PORT = b"invalid port"
INVALID_IP = b"invalid ip"
INVALID_ESCAPE = b"invalid percent escape"

LEECHER = b"d8:completei0e10:downloadedi0e10:incompletei1e8:intervali<I>e12:min intervali<I>e5:peers0:e"
SEEDER = b"d8:completei1e10:downloadedi0e10:incompletei0e8:intervali<I>e12:min intervali<I>e5:peers0:e"
NOBODY = b"d8:completei0e10:downloadedi0e10:incompletei0e8:intervali<I>e12:min intervali<I>e5:peers0:e"
STOPPED = b"d8:completei0e10:incompletei0e8:intervali<I>e12:min intervali<I>e5:peers0:e"

DEFAULT_NUMWANT = min(OT_DEFAULT_NUMWANT, OT_MAX_PEERS_HTTP)

EVENT_NONE, EVENT_COMPLETED, EVENT_STARTED, EVENT_STOPPED, EVENT_PAUSED = 0, 1, 2, 3, 4

LIBTORRENT = (  # 2.1.1
    b"info_hash=%93.%be%b4%08%e6%15D%81%00%0e%9f%e3%40%7e%25z%f0%c3%d1&peer_id=-LT2110-bN.1p(X9kV*q&port=34587"
    b"&uploaded=0&downloaded=0&left=16384&corrupt=0&key=A4EED12C&event=started&numwant=200&compact=1"
    b"&no_peer_id=1&supportcrypto=1&redundant=0"
)
TRANSMISSION = (  # 3.00
    b"info_hash=%93.%be%b4%08%e6%15D%81%00%0e%9f%e3%40%7e%25z%f0%c3%d1&peer_id=-TR3000-x6kfd1lmoe12&port=51413"
    b"&uploaded=0&downloaded=0&left=9223372036854775807&numwant=80&key=1a045646&compact=1&supportcrypto=1"
    b"&event=started"
)
ARIA2 = (  # 1.36, without a port to listen on
    b"info_hash=%93.%BE%B4%08%E6%15D%81%00%0E%9F%E3%40~%25z%F0%C3%D1&peer_id=A2%2D1%2D36%2D0%2D%B1%9DV%93%E0%00%11abc"
    b"&uploaded=0&downloaded=0&left=16384&compact=1&key=%F0%25%00%04%91%08%A9v&numwant=50&no_peer_id=1"
    b"&event=started&supportcrypto=1"
)
CLIENTS_HASH = bytes.fromhex("932ebeb408e6154481000e9fe3407e257af0c3d1")


def get(target: bytes, headers: bytes = b"Host: x\r\n") -> bytes:
    """A whole HTTP/1.1 request."""
    return b"GET " + target + b" HTTP/1.1\r\n" + headers + b"\r\n"


def padded(size: int, query: bytes) -> bytes:
    """An announce whose head has just this size, its query ending with digits."""
    head, tail = b"GET /announce?" + query, b" HTTP/1.1\r\nHost: x\r\n\r\n"
    return head + b"9" * (size - len(head) - len(tail)) + tail


def without_controls(value: bytes) -> bytes:
    """A header's value without what makes builds that keep connections or believe proxies refuse it."""
    return bytes(byte for byte in value if byte == 0x09 or (byte >= 0x20 and byte != 0x7F))


def failure_body(reason: bytes) -> bytes:
    return b"d14:failure reason%d:%b8:intervali<I>ee" % (len(reason), reason)


def without_extensions(body: bytes) -> bytes:
    """A body without what builds with WANT_EXTENDED_ANSWERS add: `external ip` and `retry in`."""
    if not WANT_EXTENDED_ANSWERS:
        return body
    at = body.find(b"11:external ip")
    if at >= 0:
        size, colon, _ = body[at + 14 :].partition(b":")
        body = body[:at] + body[at + 14 + len(size) + len(colon) + int(size) :]
    return re.sub(rb"8:retry ini\d+e(?=e$)", b"", body)


def is_like(body: bytes, expected: bytes) -> bool:
    """Whether a body is the expected one, an interval of 1 s to a day standing in each `<I>`.

    Extensions of BEP 24 and 31 are left out before.
    """
    body = without_extensions(body)
    first, *rest = expected.split(b"<I>")
    if not body.startswith(first):
        return False
    at = len(first)
    for part in rest:
        end = body.find(b"e", at)
        if end < 0 or not body[at:end].isdigit() or not 1 <= int(body[at:end]) <= 86400:
            return False
        if not body.startswith(part, end):
            return False
        at = end + len(part)
    return at == len(body)


@dataclass(frozen=True)
class Conversation:
    """Requests, each with the body that it is answered with or None where that does not matter."""

    id: str
    steps: list[tuple[bytes, bytes | None]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request.

    `path`, `query` and `http_1_0` are what the head says; `status` 400, 405, 414 and 431 mean that the parser
    refuses it. `failure` is the reason of a 200 that turns the request down, `body` that of any other, where
    it is pinned. `announce` are request fields that the query parser fills in. `flags` are those a build
    needs to have or to lack.
    """

    id: str
    request: bytes
    status: int = 200
    path: bytes = b"/announce"
    query: bytes | None = None
    http_1_0: bool = False
    head_only: bool = False
    failure: bytes | None = None
    body: bytes | None = None
    announce: dict[str, object] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)


def announce_case(
    case_id: str,
    query: bytes,
    *,
    failure: bytes | None = None,
    body: bytes | None = None,
    flags: dict[str, bool] | None = None,
    **announce: object,
) -> Case:
    return Case(
        id=case_id,
        request=get(b"/announce?" + query),
        query=query,
        failure=failure,
        body=body,
        announce=announce,
        flags=flags or {},
    )


def port_case(case_id: str, digits: bytes, port: int | None) -> Case:
    query = PORTLESS + b"&left=1&port=" + digits
    if port is None:
        return announce_case(f"{case_id} port={digits.decode()}", query, failure=INVALID_PORT)
    return announce_case(
        f"{case_id} port={digits.decode()}",
        query,
        body=LEECHER if port > 1 else NOBODY,
        peer=b"\x7f\x00\x00\x01" + port.to_bytes(2, "big"),
        stored=port > 1,
    )


def left_case(value: bytes, seeding: bool) -> Case:
    query = PORTLESS + b"&port=6881&left=" + value
    return announce_case(
        f"H-18 left={value.decode()}", query, body=SEEDER if seeding else LEECHER, seeding=seeding
    )


def numwant_case(value: bytes, numwant: int) -> Case:
    return announce_case(f"H-19 numwant={value.decode()}", ANN + b"&numwant=" + value, numwant=numwant)


def event_case(value: bytes, event: int) -> Case:
    return announce_case(
        f"H-20 event={value.decode()}",
        ANN + b"&event=" + value,
        body=STOPPED if event == EVENT_STOPPED else LEECHER,
        event=event,
    )


def scrape_body(entries: dict[bytes, tuple[int, int, int]]) -> bytes:
    """Of info_hash to complete, downloaded, incomplete, in the order given; without partial seeds."""
    files = []
    for info_hash, (complete, downloaded, incomplete) in entries.items():
        downloaders = b"11:downloadersi%de" % incomplete if WANT_EXTENDED_ANSWERS else b""
        counts = (complete, downloaded, downloaders, incomplete)
        files.append(b"20:%bd8:completei%de10:downloadedi%de%b10:incompletei%dee" % (info_hash, *counts))
    return b"d5:filesd" + b"".join(files) + b"ee"


def scrape_query(info_hashes: list[bytes]) -> bytes:
    return b"&".join(
        b"info_hash=" + quote_from_bytes(info_hash, safe="").encode() for info_hash in info_hashes
    )


def scrape_case(
    case_id: str,
    query: bytes | None,
    *,
    failure: bytes | None = None,
    body: bytes | None = None,
    **flags: bool,
) -> Case:
    target = b"/scrape" if query is None else b"/scrape?" + query
    return Case(
        id=case_id, request=get(target), path=b"/scrape", query=query, failure=failure, body=body, flags=flags
    )


ANNOUNCES = [
    announce_case(
        "H-01",
        ANN,
        body=LEECHER,
        info_hash=HASH_A,
        peer_id=PEER_ID,
        peer=b"\x7f\x00\x00\x01\x1a\xe1",
        stored=True,
        seeding=False,
        event=EVENT_NONE,
        numwant=DEFAULT_NUMWANT,
        both_families=True,
        url_data=b"",
    ),
    Case(
        id="H-02",
        request=b"GET /announce?" + ANN + b" HTTP/1.0\r\nHost: x\r\n\r\n",
        query=ANN,
        http_1_0=True,
        body=LEECHER,
    ),
    Case(
        id="H-03", request=b"GET /announce?" + ANN + b" HTTP/1.0\n\n", query=ANN, http_1_0=True, body=LEECHER
    ),
    Case(id="H-04", request=b"GET /announce?" + ANN + b"\r\n\r\n", query=ANN, http_1_0=True, body=LEECHER),
    announce_case("H-08", REST[1:], failure=NO_INFO_HASH),
    announce_case("H-09 19 bytes", b"info_hash=" + HASH_A[:19] + REST, failure=INVALID_INFO_HASH),
    announce_case("H-09 21 bytes", b"info_hash=" + HASH_A + b"A" + REST, failure=INVALID_INFO_HASH),
    announce_case("H-09 0 bytes", b"info_hash=" + REST, failure=INVALID_INFO_HASH),
    announce_case("H-10", ANN + b"&info_hash=" + HASH_A, failure=REPEATED_INFO_HASH),
    announce_case("H-10 two", ANN + b"&info_hash=" + HASH_B, failure=REPEATED_INFO_HASH),
    announce_case("H-11 upper", b"info_hash=" + b"%4A" * 20 + REST, body=LEECHER, info_hash=b"J" * 20),
    announce_case("H-11 lower", b"info_hash=" + b"%4a" * 20 + REST, body=LEECHER, info_hash=b"J" * 20),
    announce_case("H-11 mixed", b"info_hash=J%4aJ%4A" + b"J" * 16 + REST, body=LEECHER, info_hash=b"J" * 20),
    announce_case("H-11 zeros", b"info_hash=" + b"%00" * 20 + REST, body=LEECHER, info_hash=bytes(20)),
    port_case("H-12", b"0", 0),
    port_case("H-12", b"1", 1),
    announce_case("H-12 absent", PORTLESS, body=NOBODY, peer=b"\x7f\x00\x00\x01\x00\x00", stored=False),
    port_case("H-13", b"65535", 65535),
    port_case("H-13", b"2", 2),
    port_case("H-14", b"65536", None),
    port_case("H-14", b"4294967377", None),
    port_case("H-15", b"-1", None),
    port_case("H-16", b"abc", None),
    port_case("H-16", b"", None),
    port_case("H-16", b"1a", None),
    port_case("H-16", b"+80", None),
    port_case("H-16", b"%2080", None),
    port_case("H-17", b"0080", 80),
    port_case("H-17", b"000000000000080", 80),
    left_case(b"0", True),
    left_case(b"1", False),
    left_case(b"-1", False),
    left_case(b"abc", False),
    left_case(b"", False),
    left_case(b"4294967296", False),
    left_case(b"9223372036854775807", False),
    left_case(b"18446744073709551615", False),
    announce_case("H-18 absent", PORTLESS + b"&port=6881", body=LEECHER, seeding=False),
    numwant_case(b"0", 0),
    numwant_case(b"1", 1),
    numwant_case(b"-1", DEFAULT_NUMWANT),
    numwant_case(b"50", min(50, OT_MAX_PEERS_HTTP)),
    numwant_case(b"abc", DEFAULT_NUMWANT),
    numwant_case(b"", DEFAULT_NUMWANT),
    numwant_case(b"99999999999", OT_MAX_PEERS_HTTP),
    event_case(b"started", EVENT_STARTED),
    event_case(b"completed", EVENT_COMPLETED),
    event_case(b"stopped", EVENT_STOPPED),
    event_case(b"paused", EVENT_PAUSED),
    event_case(b"empty", EVENT_NONE),
    event_case(b"", EVENT_NONE),
    event_case(b"STARTED", EVENT_NONE),
    event_case(b"bogus", EVENT_NONE),
    event_case(b"%73topped", EVENT_STOPPED),
    announce_case("H-24 compact=0", ANN.replace(b"compact=1", b"compact=0"), body=LEECHER),
    announce_case("H-24 absent", ANN.replace(b"&compact=1", b""), body=LEECHER),
    announce_case("H-24 compact=abc", ANN.replace(b"compact=1", b"compact=abc"), body=LEECHER),
    announce_case("H-25", ANN + b"&key=%F0%25%00%04%91%08%A9v", body=LEECHER),
    announce_case("H-25 long", ANN + b"&key=" + b"k" * (OT_MAX_REQUEST // 2), body=LEECHER),
    announce_case("H-26 19 bytes", ANN.replace(PEER_ID, PEER_ID[:19]), body=LEECHER, peer_id=b""),
    announce_case("H-26 absent", ANN.replace(b"&peer_id=" + PEER_ID, b""), body=LEECHER, peer_id=b""),
    announce_case(
        "H-27 libtorrent",
        LIBTORRENT,
        body=LEECHER,
        info_hash=CLIENTS_HASH,
        peer_id=b"-LT2110-bN.1p(X9kV*q",
        peer=b"\x7f\x00\x00\x01" + (34587).to_bytes(2, "big"),
        stored=True,
        seeding=False,
        event=EVENT_STARTED,
        numwant=min(200, OT_MAX_PEERS_HTTP),
    ),
    announce_case(
        "H-27 Transmission",
        TRANSMISSION,
        body=LEECHER,
        info_hash=CLIENTS_HASH,
        peer_id=b"-TR3000-x6kfd1lmoe12",
        seeding=False,
        event=EVENT_STARTED,
        numwant=min(80, OT_MAX_PEERS_HTTP),
    ),
    announce_case(
        "H-27 aria2",
        ARIA2,
        body=NOBODY,
        info_hash=CLIENTS_HASH,
        peer_id=b"A2-1-36-0-\xb1\x9dV\x93\xe0\x00\x11abc",
        stored=False,
        numwant=min(50, OT_MAX_PEERS_HTTP),
    ),
    announce_case("H-28", ANN + b"&ipv6=2001:db8::1&ipv6=2001:db8::2&ipv4=1.2.3.4", body=LEECHER),
    announce_case("H-29 &x", ANN + b"&x", body=LEECHER),
    announce_case("H-29 &x=", ANN + b"&x=", body=LEECHER),
    announce_case("H-29 &=y", ANN + b"&=y", body=LEECHER),
    announce_case("H-29 &&", b"&&" + ANN + b"&&", body=LEECHER),
    announce_case("H-29 &%zz=1", ANN + b"&%zz=1", failure=INVALID_ESCAPE),
    announce_case(
        "H-30",
        ANN + b"&ip=9.9.9.9",
        flags={"WANT_IP_FROM_QUERY_STRING": False},
        peer=b"\x7f\x00\x00\x01\x1a\xe1",
    ),
    announce_case(
        "H-31 IPv4",
        ANN + b"&ip=9.9.9.9",
        flags={"WANT_IP_FROM_QUERY_STRING": True, "WANT_V6": False},
        peer=b"\x09\x09\x09\x09\x1a\xe1",
    ),
    announce_case(
        "H-31 IPv6",
        ANN + b"&ip=%3a%3a1",
        flags={"WANT_IP_FROM_QUERY_STRING": True, "WANT_V4_ONLY": False},
        peer=bytes(15) + b"\x01\x1a\xe1",
    ),
    announce_case(
        "H-31 IPv6 in an IPv4 build",
        ANN + b"&ip=%3a%3a1",
        flags={"WANT_IP_FROM_QUERY_STRING": True, "WANT_V4_ONLY": True},
        failure=INVALID_IP,
    ),
    announce_case(
        "H-31 IPv4 in an IPv6 build",
        ANN + b"&ip=9.9.9.9",
        flags={"WANT_IP_FROM_QUERY_STRING": True, "WANT_V6": True},
        failure=INVALID_IP,
    ),
    announce_case(
        "H-31 name", ANN + b"&ip=host.example", flags={"WANT_IP_FROM_QUERY_STRING": True}, failure=INVALID_IP
    ),
    *(
        announce_case(
            f"H-31 the sender {ip.decode()}",
            ANN + b"&ip=" + ip,
            flags={"WANT_IP_FROM_QUERY_STRING": True},
            peer=b"\x7f\0\0\x01\x1a\xe1",
        )
        for ip in (b"", b"0.0.0.0", b"%3a%3a", b"255.255.255.255")
    ),
    announce_case(
        "H-31 two",
        ANN + b"&ip=host.example&ip=9.9.9.9",
        flags={"WANT_IP_FROM_QUERY_STRING": True, "WANT_V6": False},
        peer=b"\x09\x09\x09\x09\x1a\xe1",
    ),
    Case(
        id="H-33 at the limit",
        request=padded(OT_MAX_REQUEST, b"ip="),
        query=b"ip=" + b"9" * (OT_MAX_REQUEST - len(padded(0, b"ip="))),
        failure=NO_INFO_HASH,
    ),
    Case(id="H-33 over the limit", request=padded(OT_MAX_REQUEST + 1, b"ip="), status=431),
    Case(id="H-41 POST", request=get(b"/announce?" + ANN).replace(b"GET", b"POST"), status=405),
    Case(id="H-41 get", request=get(b"/announce?" + ANN).replace(b"GET", b"get"), status=405),
    Case(id="H-41 PUT", request=get(b"/announce?" + ANN).replace(b"GET", b"PUT"), status=405),
    Case(
        id="H-41 HEAD",
        request=get(b"/announce?" + ANN).replace(b"GET", b"HEAD"),
        query=ANN,
        head_only=True,
    ),
    Case(id="H-42 /a", request=get(b"/a?" + ANN), path=b"/a", query=ANN, body=LEECHER),
    Case(
        id="H-42 /announce.php",
        request=get(b"/announce.php?" + ANN),
        path=b"/announce.php",
        query=ANN,
        body=LEECHER,
    ),
    Case(id="H-42 /%61nnounce", request=get(b"/%61nn%6Funce?" + ANN), query=ANN, body=LEECHER),
    Case(
        id="H-42 %2Fannounce", request=get(b"/%2Fannounce?" + ANN), path=b"//announce", query=ANN, status=404
    ),
    Case(id="H-42 //announce", request=get(b"//announce?" + ANN), query=ANN, body=LEECHER),
    Case(id="H-42 /announce ?", request=get(b"/announce ?" + ANN), query=ANN, body=LEECHER),
    Case(
        id="H-43 /key/announce",
        request=get(b"/key/announce?" + ANN),
        path=b"/key/announce",
        query=ANN,
        status=404,
    ),
    Case(id="H-43 /Announce", request=get(b"/Announce?" + ANN), path=b"/Announce", query=ANN, status=404),
    Case(id="H-43 /favicon.ico", request=get(b"/favicon.ico"), path=b"/favicon.ico", status=404),
    Case(id="H-44", request=get(b"http://x/announce?" + ANN), query=ANN, body=LEECHER),
    Case(
        id="H-45 Transfer-Encoding",
        request=get(b"/announce?" + ANN, b"Transfer-Encoding: chunked\r\n"),
        status=400,
    ),
    Case(
        id="H-45 Content-Length",
        request=get(b"/announce?" + ANN, b"Host: x\r\nContent-Length: 5\r\n") + b"hello",
        status=400,
    ),
    Case(
        id="H-45 no body",
        request=get(b"/announce?" + ANN, b"Host: x\r\nContent-Length: 0\r\n"),
        query=ANN,
        body=LEECHER,
    ),
    Case(
        id="H-46 head",
        request=get(b"/announce?" + ANN, b"X-Filler: " + b"x" * OT_MAX_REQUEST + b"\r\n"),
        status=431,
    ),
    Case(
        id="H-46 request line", request=get(b"/announce?" + ANN + b"&x=" + b"x" * OT_MAX_REQUEST), status=414
    ),
    announce_case("H-47 %", ANN + b"&x=%", failure=INVALID_ESCAPE),
    announce_case("H-47 %4", ANN + b"&x=%4", failure=INVALID_ESCAPE),
    announce_case("H-47 %zz", b"x=%zz&" + ANN, failure=INVALID_ESCAPE),
    announce_case("H-47 in a known key", ANN + b"&event=%2", failure=INVALID_ESCAPE),
    announce_case("H-47 NUL", ANN + b"&x=\x00", body=LEECHER),
    announce_case(
        "H-47 raw",
        b"info_hash=" + bytes(range(0x80, 0x94)) + REST + b"&x=\xff",
        body=LEECHER,
        info_hash=bytes(range(0x80, 0x94)),
    ),
    Case(id="H-48 /announce", request=get(b"/announce"), failure=NO_INFO_HASH),
    Case(id="H-48 /announce?", request=get(b"/announce?"), query=b"", failure=NO_INFO_HASH),
    Case(id="H-50", request=get(b"/announce?" + ANN, b"Accept-Encoding: gzip\r\n"), query=ANN, body=LEECHER),
    Case(id="H-51", request=get(b"/"), path=b"/", status=404),  # without a redirect_url
]

# An escaped one takes 71 bytes at most.
MANY = [bytes([n]) * 20 for n in range(min(100, OT_MAX_REQUEST // 80))]
FIRST = dict.fromkeys(MANY[:OT_MAX_MULTISCRAPE], (0, 0, 0))

SCRAPES = [
    scrape_case("S-02", b"info_hash=" + HASH_A, body=scrape_body({HASH_A: (0, 0, 0)})),
    scrape_case(
        "S-03",
        scrape_query([HASH_B, HASH_A]),
        body=scrape_body({HASH_A: (0, 0, 0), HASH_B: (0, 0, 0)}),
    ),
    scrape_case("S-04", scrape_query([HASH_A, HASH_A]), body=scrape_body({HASH_A: (0, 0, 0)})),
    scrape_case("S-05", scrape_query(MANY[:OT_MAX_MULTISCRAPE]), body=scrape_body(FIRST)),
    scrape_case("S-06 one more", scrape_query(MANY[: OT_MAX_MULTISCRAPE + 1]), body=scrape_body(FIRST)),
    scrape_case("S-06", scrape_query(MANY), body=scrape_body(FIRST)),
    Case(id="S-07", request=get(b"/scrape?" + scrape_query([HASH_A] * (OT_MAX_REQUEST // 30))), status=414),
    scrape_case("S-08", b"info_hash=AAA", failure=INVALID_INFO_HASH),
    scrape_case("S-09 /scrape?", b"", failure=NO_INFO_HASH),
    scrape_case("S-09 /scrape?x=1", b"x=1", failure=NO_INFO_HASH),
    scrape_case("S-10 not built in", None, failure=NO_INFO_HASH, WANT_FULLSCRAPE=False),
]

CASES = ANNOUNCES + SCRAPES


def peer_query(port: int, left: int = 1, more: bytes = b"", info_hash: bytes = HASH_A) -> bytes:
    return b"info_hash=%b&peer_id=%b&port=%d&left=%d%b" % (info_hash, PEER_ID, port, left, more)


def announce(port: int, left: int = 1, more: bytes = b"", info_hash: bytes = HASH_A) -> bytes:
    return get(b"/announce?" + peer_query(port, left, more, info_hash))


def scrape(*info_hashes: bytes) -> bytes:
    return get(b"/scrape?" + scrape_query(list(info_hashes)))


def announced(complete: int, downloaded: int, incomplete: int, ports: list[int]) -> bytes:
    """The body of an announce answer whose peers are all at 127.0.0.1."""
    peers = b"".join(b"\x7f\x00\x00\x01" + port.to_bytes(2, "big") for port in ports)
    return (
        b"d8:completei%de10:downloadedi%de10:incompletei%de8:intervali<I>e12:min intervali<I>e5:peers%d:%be"
        % (
            complete,
            downloaded,
            incomplete,
            len(peers),
            peers,
        )
    )


COMPLETED = b"&event=completed"
STOP = b"&event=stopped"
HEADER_SIZE = announce(6881).replace(b"GET", b"HEAD")

CONVERSATIONS = [
    Conversation("H-11 one torrent", [
        (announce(7001, info_hash=b"%4A" * 20), announced(0, 0, 1, [])),
        (announce(7001, info_hash=b"%4a" * 20), announced(0, 0, 1, [])),
        (announce(7002, info_hash=b"J%4aJ%4A" + b"J" * 16), announced(0, 0, 2, [7001])),
        (scrape(b"J" * 20), scrape_body({b"J" * 20: (0, 0, 2)})),
    ]),
    Conversation("H-12 not stored", [
        (announce(0), announced(0, 0, 0, [])),
        (announce(1), announced(0, 0, 0, [])),
        (announce(6881), announced(0, 0, 1, [])),
        (announce(0), announced(0, 0, 1, [6881])),
    ]),
    Conversation("H-13 stored", [
        (announce(65535), announced(0, 0, 1, [])),
        (announce(6881), announced(0, 0, 2, [65535])),
    ]),
    Conversation("H-14 not stored", [
        (get(b"/announce?" + PORTLESS + b"&port=4294967377"), failure_body(INVALID_PORT)),
        (scrape(HASH_A), scrape_body({HASH_A: (0, 0, 0)})),
    ]),
    Conversation("H-18 a seeder again a leecher", [
        (announce(6881, left=0), announced(1, 0, 0, [])),
        (announce(6881, left=1), announced(0, 0, 1, [])),
    ]),
    Conversation("H-19 numwant", [
        (announce(6881), announced(0, 0, 1, [])),
        (announce(6882, more=b"&numwant=0"), announced(0, 0, 2, [])),
        (announce(6882, more=b"&numwant=1"), announced(0, 0, 2, [6881])),
        (announce(6882, more=b"&numwant=-1"), announced(0, 0, 2, [6881])),
    ]),
    Conversation("H-21", [
        (announce(6881), announced(0, 0, 1, [])),
        (announce(6882), announced(0, 0, 2, [6881])),
        (announce(6881, more=STOP), STOPPED.replace(b"incompletei0", b"incompletei1")),
        (announce(6882), announced(0, 0, 1, [])),
    ]),
    Conversation("H-21 unknown torrent", [
        (announce(6881, more=STOP), STOPPED),
        (scrape(HASH_A), scrape_body({HASH_A: (0, 0, 0)})),
    ]),
    Conversation("H-22", [
        (announce(6881, left=1, more=COMPLETED), announced(0, 0, 1, [])),
        (scrape(HASH_A), scrape_body({HASH_A: (0, 0, 1)})),
    ]),
    Conversation("H-23", [
        (announce(6881, left=0, more=COMPLETED), announced(1, 1, 0, [])),
        (announce(6881, left=0, more=COMPLETED), announced(1, 1, 0, [])),
        (scrape(HASH_A), scrape_body({HASH_A: (1, 1, 0)})),
    ]),
    Conversation("H-41 HEAD stores nothing", [
        (HEADER_SIZE, b""),
        (scrape(HASH_A), scrape_body({HASH_A: (0, 0, 0)})),
    ]),
    Conversation("S-01", [
        (get(b"/announce?" + ANN), LEECHER),
        (scrape(HASH_A), scrape_body({HASH_A: (0, 0, 1)})),
    ]),
    Conversation("S-03 both known", [
        (announce(6881, info_hash=HASH_A), None),
        (announce(6881, left=0, info_hash=HASH_B), None),
        (scrape(HASH_B, HASH_A), scrape_body({HASH_A: (0, 0, 1), HASH_B: (1, 0, 0)})),
    ]),
    Conversation("S-16 creates nothing", [
        (scrape(HASH_A), scrape_body({HASH_A: (0, 0, 0)})),
        (announce(6881, more=STOP), STOPPED),
        (scrape(HASH_A), scrape_body({HASH_A: (0, 0, 0)})),
    ]),
]  # fmt: skip
