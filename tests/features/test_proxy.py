"""The client behind a proxy, over live sockets: 127.0.0.9 is the trusted proxy, 127.0.0.8 is nobody."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Settings
from opentracker.errors import TrackerFailure
from opentracker.features.proxy import (
    COUNTERS,
    FORWARDED,
    INVALID,
    MISSING,
    MOST_PROXIES,
    Proxies,
    ProxySettings,
)
from opentracker.protocol.addresses import format_ip, parse_network, unmap
from opentracker.protocol.bencode import decode
from opentracker.protocol.http import Request, parse_request
from opentracker.protocol.pages import Page, Pieces
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.policy.permissions import (
    EVERYTHING,
    MAY_FULLSCRAPE,
    MAY_LIVESYNC,
    MAY_PROXY,
    MAY_STAT,
    Permissions,
)
from tests.protocol.http_cases import HASH_A, PEER_ID, failure_body, is_like, without_controls
from tests.server.live import Live, packed, sections
from tests.server.marks import needs_both, needs_ipv4
from tests.swarm.torrents import are_there

PROXY, NOBODY = "127.0.0.9", "127.0.0.8"
PORT = (6881).to_bytes(2, "big")
ANNOUNCE = b"GET /announce?info_hash=%b&peer_id=%b&port=%d&left=%d&compact=1 HTTP/1.1\r\nHost: x\r\n%b\r\n"


def permissions(*trusted: str) -> Permissions:
    """These networks are of trusted proxies; others may do anything but that."""
    found = Permissions()
    for network in trusted:
        found.bless(*parse_network(network), MAY_PROXY)
    for network in ("0.0.0.0/0", "::/0"):
        found.bless(*parse_network(network), MAY_FULLSCRAPE | MAY_STAT | MAY_LIVESYNC)
    return found


def forwarded(*values: bytes) -> bytes:
    return b"".join(b"X-Forwarded-For: %b\r\n" % value for value in values)


def request_with(headers: bytes) -> Request:
    request = parse_request(ANNOUNCE % (HASH_A, PEER_ID, 6881, 1, headers))
    assert request is not None
    return request


@pytest.fixture
def live() -> Iterator[Live]:
    tracker = Live(Settings(permissions=permissions("127.0.0.9", "10.0.0.0/8", "2001:db8:9::/48")))
    yield tracker
    tracker.close()


def announced_as(live: Live, headers: bytes, source: str = PROXY) -> bytes:
    """The address under which a seeder that announces with these headers is handed out to the next client."""
    to = live.listen_tcp()
    body = live.ask(to, ANNOUNCE % (HASH_A, PEER_ID, 6881, 0, headers), source).body
    assert b"failure" not in body
    answer = decode(live.ask(to, ANNOUNCE % (HASH_A, PEER_ID, 7000, 1, b""), NOBODY).body)
    assert isinstance(answer, dict)
    peers, peers6 = answer.get(b"peers", b""), answer.get(b"peers6", b"")
    assert isinstance(peers, bytes)
    assert isinstance(peers6, bytes)
    peers += peers6
    assert peers.endswith(PORT)
    return peers[:-2]


@needs_ipv4
@pytest.mark.parametrize(
    ("headers", "client"),
    [
        pytest.param(forwarded(b"8.8.8.8"), "8.8.8.8", id="H-34"),
        pytest.param(forwarded(b"8.8.8.8, 9.9.9.9"), "9.9.9.9", id="H-35"),
        pytest.param(forwarded(b"8.8.8.8, 9.9.9.9, 127.0.0.9"), "9.9.9.9", id="H-36"),
        pytest.param(forwarded(b"8.8.8.8,9.9.9.9,10.1.2.3,127.0.0.9"), "9.9.9.9", id="H-36 two proxies"),
        pytest.param(forwarded(b"1.1.1.1", b"2.2.2.2"), "2.2.2.2", id="H-37"),
        pytest.param(forwarded(b"1.1.1.1, 3.3.3.3", b"127.0.0.9"), "3.3.3.3", id="H-37 across two headers"),
        pytest.param(forwarded(b"evil, 8.8.8.8"), "8.8.8.8", id="H-38 what the client wrote"),
        pytest.param(forwarded(b"8.8.8.8:4711"), "8.8.8.8", id="H-38 a port"),
        pytest.param(b"x-forwarded-for:7.7.7.7\r\n", "7.7.7.7", id="H-40"),
        pytest.param(b"X-FORWARDED-FOR \t: \t7.7.7.7\t \r\n", "7.7.7.7", id="H-40 blanks"),
        pytest.param(forwarded(b"127.0.0.9"), PROXY, id="the proxy's own machine"),
        pytest.param(forwarded(b"10.0.0.1, 127.0.0.9"), "10.0.0.1", id="the leftmost of proxies alone"),
        pytest.param(forwarded(b"::ffff:8.8.8.8"), "8.8.8.8", id="mapped"),
        pytest.param(forwarded(b"8.8.8.8, ::ffff:127.0.0.9"), "8.8.8.8", id="a mapped proxy"),
        pytest.param(forwarded(b"[::ffff:8.8.8.8]:80"), "8.8.8.8", id="mapped with a port"),
    ],
)
def test_the_client_of_a_trusted_proxy(live: Live, headers: bytes, client: str) -> None:
    assert announced_as(live, headers) == packed(client)


@needs_both
@pytest.mark.parametrize(
    "value",
    [
        b"2001:db8::1",
        b"[2001:db8::1]:99",
        b"[2001:db8::1]",
        b"2001:DB8:0::1, 2001:db8:9::7",
        b"x, 2001:db8::1",
    ],
)
def test_h38_a_client_with_ipv6(live: Live, value: bytes) -> None:
    assert announced_as(live, forwarded(value)) == packed("2001:db8::1")


@needs_ipv4
@pytest.mark.parametrize(
    "value",
    [
        b"evil",
        b",",
        b"8.8.8.8,",
        b"8.8.8.8, evil",
        b"8.8.8.8, unknown",
        b"8.8.8.8, evil, 127.0.0.9",
        b"8.8.8.8 9.9.9.9",
        b"8.8.8.8;9.9.9.9",
        b"8.8.8",
        b"8.8.8.8.8",
        b"08.8.8.8",
        b"8.8.8.8/32",
        b"8.8.8.8:",
        b"8.8.8.8:99999",
        b"[8.8.8.8]",
        b"[2001:db8::1",
        b"fe80::1%eth0",
        b"\xff\xfe",
        b'"8.8.8.8"',
        b"9" * 4000,
        b"127.0.0.9," * (MOST_PROXIES + 1),
        b"8.8.8.8," + b"127.0.0.9," * 500 + b"127.0.0.9",
    ],
    ids=lambda value: repr(value)[:40],
)
def test_h38_a_header_of_no_use_fails_and_stores_nothing(live: Live, value: bytes) -> None:
    answer = live.ask(live.listen_tcp(), ANNOUNCE % (HASH_A, PEER_ID, 6881, 1, forwarded(value)), PROXY)
    assert answer.status == 200
    assert is_like(answer.body, failure_body(INVALID))
    assert not are_there(live.server.tracker)


@needs_ipv4
@pytest.mark.parametrize(
    "headers",
    [
        b"",
        forwarded(b""),
        forwarded(b" ", b"\t"),
        b"X-Forwarded-Fort: 7.7.7.7\r\n",
        b"Forwarded: for=7.7.7.7\r\nX-Real-IP: 7.7.7.7\r\n",
    ],
    ids=["none", "empty", "blank", "another", "others"],
)
def test_a_proxy_that_names_no_client_is_not_the_client(
    live: Live, headers: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = live.ask(live.listen_tcp(), ANNOUNCE % (HASH_A, PEER_ID, 6881, 1, headers), PROXY)
    assert answer.status == 200
    assert is_like(answer.body, failure_body(MISSING))
    assert live.server.tracker.scrape(HASH_A) == (0, 0, 0)
    assert live.counters.tcp_failures == 1
    assert [live.counters.count_of(row).value for row in COUNTERS] == [0, 1]
    assert "the proxy 127.0.0.9 names no client: X-Forwarded-For is missing or empty" in caplog.text


@needs_ipv4
@pytest.mark.parametrize("headers", [b"", forwarded(b""), forwarded(b"evil"), forwarded(b"127.0.0.9")])
def test_what_stores_nothing_does_not_fail(live: Live, headers: bytes) -> None:
    answer = live.ask(
        live.listen_tcp(), b"GET /scrape?info_hash=%b HTTP/1.1\r\n%b\r\n" % (HASH_A, headers), PROXY
    )
    assert answer.status == 200
    assert b"failure" not in answer.body
    answer = live.ask(live.listen_tcp(), b"GET /stats HTTP/1.1\r\n%b\r\n" % headers, PROXY)
    assert answer.status == 200
    assert b"failure" not in answer.body
    assert live.counters.tcp_failures == 0


@needs_ipv4
@pytest.mark.needs("WANT_RESTRICT_STATS")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"", 403),
        (forwarded(b""), 403),
        (forwarded(b"evil"), 403),
        (forwarded(b"8.8.8.8"), 403),
        (forwarded(b"127.0.0.9"), 200),
    ],
)
def test_a_proxy_lends_its_rights_to_nobody(headers: bytes, status: int) -> None:
    """Only to somebody on its own machine, whom it names by its own address."""
    own = Permissions()
    own.bless(*parse_network(PROXY), EVERYTHING)
    live = Live(Settings(permissions=own))
    answer = live.ask(live.listen_tcp(), b"GET /stats HTTP/1.1\r\n%b\r\n" % headers, PROXY)
    assert answer.status == status
    live.close()


@needs_ipv4
@pytest.mark.parametrize("value", [b"8.8.8.8", b"evil", b"127.0.0.9", b""])
def test_h39_a_forged_header_from_anybody_else_is_not_looked_at(live: Live, value: bytes) -> None:
    assert announced_as(live, forwarded(value), NOBODY) == packed(NOBODY)


@needs_ipv4
def test_a_client_cannot_announce_somebody_else_through_a_proxy(live: Live) -> None:
    """The proxy adds the client's address behind a forged header, as another header or in the same one."""
    for forged in (b"6.6.6.6", b"127.0.0.9", b"evil", b"", b"6.6.6.6, 10.0.0.1", b",,,"):
        for headers in (forwarded(forged + b", 8.8.8.8"), forwarded(forged, b"8.8.8.8")):
            assert announced_as(live, headers) == packed("8.8.8.8")


@needs_ipv4
def test_clients_of_one_proxy_are_several_peers(live: Live) -> None:
    to = live.listen_tcp()
    for value in (b"8.8.8.8", b"9.9.9.9", b"8.8.8.8"):
        body = live.ask(to, ANNOUNCE % (HASH_A, PEER_ID, 6881, 1, forwarded(value)), PROXY).body
    answer = decode(body)
    assert isinstance(answer, dict)
    assert answer[b"incomplete"] == 2
    assert answer[b"peers"] == packed("9.9.9.9") + PORT


class Mirror(Page):
    """Answers with the address that it is asked from."""

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        return iter([address])  # type: ignore[return-value]


@needs_ipv4
@pytest.mark.parametrize(
    ("source", "client"), [(PROXY, "8.8.8.8"), (NOBODY, NOBODY)], ids=["trusted", "untrusted"]
)
def test_pages_are_asked_by_the_client_too(live: Live, source: str, client: str) -> None:
    answers = live.server.http_answers
    answers.pages[b"/mirror"] = Mirror()
    request = parse_request(b"GET /mirror HTTP/1.0\r\n" + forwarded(b"8.8.8.8") + b"\r\n")
    assert request is not None
    assert list(answers.answer(request, packed(source), 0)) == [packed(client)]


@pytest.mark.needs("WANT_V6")
@pytest.mark.parametrize("value", [b"8.8.8.8", b"::ffff:8.8.8.8"])
def test_an_ipv6_build_has_no_clients_with_ipv4(value: bytes) -> None:
    proxies = Proxies(permissions("::1"), Counters())
    with pytest.raises(TrackerFailure):
        proxies.client(request_with(forwarded(value)), packed("::1"))
    assert proxies.client(request_with(forwarded(b"2001:db8::1")), packed("::1")) == packed("2001:db8::1")


@pytest.mark.needs("WANT_V4_ONLY")
def test_an_ipv4_build_has_no_clients_with_ipv6() -> None:
    proxies = Proxies(permissions(PROXY), Counters())
    with pytest.raises(TrackerFailure):
        proxies.client(request_with(forwarded(b"2001:db8::1")), packed(PROXY))


def test_so_many_proxies_one_behind_the_other() -> None:
    proxies = Proxies(permissions("10.0.0.0/8"), Counters())
    client = b"2001:db8::1" if WANT_V6 else b"8.8.8.8"
    most = client + b",10.0.0.1" * MOST_PROXIES
    assert proxies.client(request_with(forwarded(most)), packed("10.0.0.2")) == packed(client.decode())
    with pytest.raises(TrackerFailure):
        proxies.client(request_with(forwarded(most + b",10.0.0.1")), packed("10.0.0.2"))


addresses = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16).map(unmap)
texts = addresses.map(format_ip).map(str.encode) | st.sampled_from([b"10.0.0.1", b"2001:db8:9::1"])
junk = st.binary(max_size=30).map(without_controls)
blanks = st.sampled_from([b"", b" ", b"\t ", b","])


@given(st.lists(st.lists(st.tuples(texts | junk, blanks)), max_size=4), addresses, st.booleans())
def test_a_client_is_named_by_the_header_or_has_connected_itself(
    headers: list[list[tuple[bytes, bytes]]], peer: bytes, is_trusted: bool
) -> None:
    values = [b",".join(name + blank for name, blank in header) for header in headers]
    request = request_with(forwarded(*values))
    proxies = Proxies(
        permissions("10.0.0.0/8", "2001:db8:9::/48", *[format_ip(peer)] * is_trusted), Counters()
    )
    try:
        client = proxies.client(request, peer)
    except TrackerFailure:
        assert proxies.is_trusted(peer)
        return
    if not proxies.is_trusted(peer):
        assert client == peer
    else:
        assert len(client) == 4 or not WANT_V4_ONLY
        assert len(client) == 16 or not WANT_V6
        assert named_in(client, values)


def named_in(client: bytes, values: list[bytes]) -> bool:
    """Whether an address stands in a header, by another way to read one."""
    for name in b",".join(values).decode("latin-1").split(","):
        for text in (name.strip(), name.strip().rpartition(":")[0]):
            try:
                if packed_like(text.strip("[]")) == client:
                    return True
            except (OSError, ValueError):
                continue
    return False


def packed_like(text: str) -> bytes:
    return unmap(packed(text))


# ---- Forwarded (RFC 7239) ------------------------------------------------------------------------------------


@needs_ipv4
@pytest.mark.parametrize(
    ("value", "client"),
    [
        (b"for=8.8.8.8;proto=https", "8.8.8.8"),
        (b'for=1.1.1.1, for="8.8.8.8:4711"', "8.8.8.8"),
        (b"for=8.8.8.8, for=10.0.0.1", "8.8.8.8"),
        (b"for=_hidden, for=8.8.8.8", "8.8.8.8"),
    ],
)
def test_x07_the_client_in_forwarded(value: bytes, client: str) -> None:
    live = Live(
        Settings(
            permissions=permissions("127.0.0.9", "10.0.0.0/8"), sections=sections(ProxySettings(FORWARDED))
        )
    )
    headers = b"X-Forwarded-For: 9.9.9.9\r\nForwarded: %b\r\n" % value
    assert announced_as(live, headers) == packed(client)
    live.close()


@needs_ipv4
@pytest.mark.parametrize(
    "value",
    [b"for=_hidden", b"for=unknown", b"proto=http", b"8.8.8.8", b"for=8.8.8.8, for=", b"for=8.8.8.8,"],
)
def test_x07_a_forwarded_without_a_usable_client(value: bytes) -> None:
    live = Live(Settings(permissions=permissions("127.0.0.9"), sections=sections(ProxySettings(FORWARDED))))
    request = ANNOUNCE % (HASH_A, PEER_ID, 6881, 0, b"Forwarded: %b\r\n" % value)
    assert is_like(live.ask(live.listen_tcp(), request, PROXY).body, failure_body(INVALID))
    live.close()
