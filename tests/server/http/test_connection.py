"""The HTTP cases on real sockets: whole, in drips, with more behind them; and clients that are slow, rude or many."""

import socket
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentracker._features import (
    OT_CLIENT_TIMEOUT,
    OT_CLIENT_TIMEOUT_CHECKINTERVAL,
    OT_CLIENT_TIMEOUT_SEND,
    OT_MAX_MULTISCRAPE,
    OT_MAX_PEERS_HTTP,
    OT_MAX_REQUEST,
    WANT_KEEPALIVE,
    WANT_MAX_PEER,
)
from opentracker.config.settings import Settings
from opentracker.protocol.bencode import decode
from opentracker.server.http.connection import Connection
from tests.protocol.http_cases import (
    ANN,
    CASES,
    CONVERSATIONS,
    HASH_A,
    LEECHER,
    Case,
    Conversation,
    announce,
    failure_body,
    get,
    is_like,
    padded,
    scrape,
)
from tests.server.http.talk import H_01, SWEPT, FullSelector, open_connections
from tests.server.live import HOME, Answer, Endpoint, Live, TcpClient, packed
from tests.server.marks import needs_both, needs_ipv4, needs_ipv6

if WANT_MAX_PEER:
    pass

CLOSE = b"Host: x\r\nConnection: close\r\n"


each_case = pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.id, marks=pytest.mark.needs(**case.flags)) for case in CASES]
)


def check(case: Case, answer: Answer) -> None:
    """Hold an answer to what the table says."""
    assert answer.status == case.status
    if case.status == 405:
        assert answer.headers["Allow"] == "GET, HEAD"
    kept = WANT_KEEPALIVE and case.status == 200 and not case.http_1_0
    assert answer.headers["Connection"] == ("keep-alive" if kept else "close")
    if case.status != 200:
        assert answer.headers["Content-Type"] == "text/html"
        return
    assert answer.status_line == "HTTP/1.1 200 OK"
    assert answer.headers["Content-Type"] == "text/plain"
    assert "Content-Encoding" not in answer.headers
    if case.head_only:
        assert answer.body == b""
        return
    decode(answer.body)
    expected = case.body if case.failure is None else failure_body(case.failure)
    if expected is not None:
        assert is_like(answer.body, expected)


def peers_in(answer: Answer, key: bytes = b"peers") -> list[bytes]:
    body = decode(answer.body)
    assert isinstance(body, dict)
    value = body.get(key, b"")
    assert isinstance(value, bytes)
    stride = 6 if key == b"peers" else 18
    assert len(value) % stride == 0
    return [value[at : at + stride] for at in range(0, len(value), stride)]


def the_connection(live: Live) -> Connection:
    """The one that is open."""
    (connection,) = live.server.http.connections.values()
    assert isinstance(connection, Connection)
    return connection


def narrow(live: Live) -> None:
    """Make the latest listening socket hand out connections that take few bytes at once."""
    live.server.sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)


@each_case
def test_case_whole(live: Live, case: Case) -> None:
    check(case, live.tcp(live.listen_tcp()).ask(case.request))


@each_case
def test_case_dripped(live: Live, case: Case) -> None:
    client = live.tcp(live.listen_tcp())
    size = 1 if len(case.request) < 600 else 997
    for at in range(0, len(case.request), size):
        client.send(case.request[at : at + size])
        live.iterate()
    check(case, client.read_answer(head_only=case.head_only))


@each_case
@pytest.mark.parametrize("trailing", [b"\x00", b"\r\n\r\n", b"junk" * 5000], ids=["NUL", "lines", "much"])
def test_case_with_trailing_bytes(live: Live, case: Case, trailing: bytes) -> None:
    check(case, live.tcp(live.listen_tcp()).ask(case.request + trailing))


@needs_ipv4
@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda conversation: conversation.id)
def test_conversation(live: Live, conversation: Conversation) -> None:
    to = live.listen_tcp()
    for request, expected in conversation.steps:
        answer = live.ask(to, request)
        assert answer.status == 200
        assert expected is None or is_like(answer.body, expected)


@settings(max_examples=60)
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.tuples(
            st.sampled_from([case.request for case in CASES]), st.binary(max_size=8), st.integers(0, 400)
        ).map(lambda parts: parts[0][: parts[2]] + parts[1] + parts[0][parts[2] :]),
    ),
    cuts=st.lists(st.integers(0, 400), max_size=4),
)
def test_p2_any_bytes_any_split(data: bytes, cuts: list[int]) -> None:
    """The answer does not depend on how the bytes arrived, and the next client is served.

    Both get one full scrape at most, so each has a tracker of its own: a build may give one in five minutes.
    """
    outcomes = []
    for places in ([], sorted(cuts)):
        live = Live()
        try:
            to = live.listen_tcp()
            client = live.tcp(to)
            at = 0
            for place in [*places, len(data)]:
                client.send(data[at:place])
                live.iterate()
                at = max(at, place)
            client.finish()
            live.until(client.has_ended, "the end of a connection")
            outcomes.append(client.received.partition(b"interval")[0])
            assert live.ask(to, H_01).status == 200
        finally:
            live.close()
    assert outcomes[0] == outcomes[1]


def test_h05_half_a_request_times_out(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(H_01[: H_01.index(b"\r\n") + 2])
    live.settle()
    live.advance(OT_CLIENT_TIMEOUT - 0.1)
    assert not client.has_ended()
    live.advance(OT_CLIENT_TIMEOUT_CHECKINTERVAL + 0.1)
    assert client.read_to_end() == b""


def test_h05_dripping_does_not_put_the_deadline_off(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    for at in range(SWEPT // 2 + 1):
        assert not client.has_ended() or at * 2 >= OT_CLIENT_TIMEOUT
        client.send(H_01[at : at + 1])
        live.advance(2)
    assert client.has_ended()
    assert client.received == b""


def test_h06_split_inside_an_escape(live: Live) -> None:
    request = get(b"/announce?" + ANN.replace(HASH_A, b"%41" * 20))
    client = live.tcp(live.listen_tcp())
    first = request.index(b"%41") + 2
    for part in (request[:7], request[7:first], request[first:-3], request[-3:]):
        assert not client.has_ended()
        client.send(part)
        live.settle()
    assert is_like(client.read_answer().body, LEECHER)


@pytest.mark.needs(WANT_KEEPALIVE=False)
def test_h07_of_two_pipelined_requests_one_is_answered(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    assert is_like(client.ask(H_01 + announce(7000)).body, LEECHER)  # and then the connection ends
    assert live.counters.tcp_announces == 1


def test_a_client_that_closes_its_half_is_answered(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(H_01)
    client.finish()
    assert client.read_to_end().startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_that_closes_within_a_request_gets_nothing(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(H_01[:-1])
    live.settle()
    client.finish()
    assert client.read_to_end() == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /announce?" + b"x" * 600_000, 414),
        (b"GET /announce HTTP/1.1\r\nX: " + b"x" * 600_000, 431),
        (b"POST /announce HTTP/1.1\r\n\r\n" + b"x" * 600_000, 405),
        (get(b"/", b"Content-Length: 600000\r\n") + b"x" * 600_000, 400),
        (padded(OT_MAX_REQUEST + 1, ANN), 431),
    ],
    ids=["request line", "head", "body of a POST", "body", "one byte over"],
)
def test_h46_who_sends_too_much_can_read_why(live: Live, request_: bytes, status: int) -> None:
    """Everything is sent before anything is read, as simple clients do."""
    client = live.tcp(live.listen_tcp())
    answer = client.ask(request_)
    assert (answer.status, answer.headers["Connection"]) == (status, "close")
    client.close()
    live.until(lambda: open_connections(live) == 0, "the connection to be forgotten")


def test_who_goes_on_sending_is_cut_off(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(b"x" * 9_000 + bytes(4_000_000))
    live.until(lambda: open_connections(live) == 0, "an endless request to be cut off")


def test_who_is_refused_and_stays_is_closed_in_time(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    assert client.ask(b"GET /" + b"x" * OT_MAX_REQUEST).status == 414
    assert open_connections(live) == 1
    live.advance(SWEPT)
    live.until(lambda: open_connections(live) == 0, "all to be closed")


def send_and_settle(live: Live, client: TcpClient, data: bytes) -> None:
    client.send(data)
    live.settle()


RESETS: dict[str, Callable[[Live, TcpClient], None]] = {
    "before a byte": lambda live, client: None,
    "within a request": lambda live, client: client.send(H_01[:30]),
    "within a request that was read": lambda live, client: send_and_settle(live, client, H_01[:30]),
    "after a request": lambda live, client: client.send(H_01),
    "with an answer unread": lambda live, client: send_and_settle(live, client, H_01),
    "within a refused request": lambda live, client: send_and_settle(live, client, b"x" * 20_000),
}


@pytest.mark.parametrize("stage", RESETS)
def test_clients_that_reset_harm_nobody(live: Live, stage: str) -> None:
    to = live.listen_tcp()
    for _ in range(5):
        client = live.tcp(to)
        RESETS[stage](live, client)
        client.reset()
        live.settle()
    assert live.ask(to, H_01).status == 200
    live.until(lambda: open_connections(live) == 0, "connections to be forgotten")


def long_scrape() -> bytes:
    """A scrape whose answer is larger than a narrow connection takes at once."""
    if OT_MAX_MULTISCRAPE < 64:
        pytest.skip("scrapes of this build have short answers")
    return scrape(*[bytes([number]) * 20 for number in range(64)])


def begin_long_scrape(live: Live, times: int = 1) -> TcpClient:
    """A client that has an answer coming which the sockets do not take whole."""
    to = live.listen_tcp()
    narrow(live)
    client = live.tcp(to, receive_buffer=1)
    client.send(long_scrape() * times)
    live.settle()
    assert open_connections(live) == 1
    return client


def test_an_answer_larger_than_the_sockets_take_arrives_whole(live: Live) -> None:
    answer = begin_long_scrape(live).read_answer()
    body = decode(answer.body)
    assert isinstance(body, dict)
    files = body[b"files"]
    assert isinstance(files, dict)
    assert len(files) == 64


def test_who_takes_nothing_of_an_answer_is_closed_in_time(live: Live) -> None:
    client = begin_long_scrape(live)
    live.advance(OT_CLIENT_TIMEOUT_SEND - OT_CLIENT_TIMEOUT_CHECKINTERVAL)
    assert open_connections(live) == 1
    live.advance(2 * OT_CLIENT_TIMEOUT_CHECKINTERVAL)
    assert open_connections(live) == 0
    client.live.until(client.has_ended, "the end of a connection")


@pytest.mark.needs("WANT_KEEPALIVE")  # no single answer takes three steps
def test_progress_puts_the_deadline_of_an_answer_off(live: Live) -> None:
    client = begin_long_scrape(live, times=2)
    live.advance(OT_CLIENT_TIMEOUT_SEND - 2 * OT_CLIENT_TIMEOUT_CHECKINTERVAL)
    client.poll()
    live.settle()
    live.advance(3 * OT_CLIENT_TIMEOUT_CHECKINTERVAL)
    assert open_connections(live) == 1
    live.advance(OT_CLIENT_TIMEOUT_SEND)
    assert open_connections(live) == 0


def test_a_reset_within_an_answer(live: Live) -> None:
    begin_long_scrape(live).reset()
    live.until(lambda: open_connections(live) == 0, "the connection to be forgotten")

    # The fixture closes the tracker now.


def crowd(live: Live, to: Endpoint, size: int, source: str | None = None) -> None:
    """Announce this many leechers, at ports of their own."""
    for port in range(10_000, 10_000 + size):
        assert live.ask(to, announce(port, more=b"&numwant=0"), source).status == 200


@pytest.mark.parametrize(
    ("value", "handed_out"),
    [(b"0", 0), (b"1", 1), (b"-1", 50), (b"50", 50), (b"abc", 50), (b"", 50), (b"99999999999", 200)],
)
def test_h19_numwant_in_a_crowd(live: Live, value: bytes, handed_out: int) -> None:
    to = live.listen_tcp()
    crowd(live, to, 300)
    key = b"peers6" if ":" in HOME else b"peers"
    peers = peers_in(live.ask(to, announce(9, more=b"&numwant=" + value)), key)
    assert len(peers) == len(set(peers)) == min(handed_out, OT_MAX_PEERS_HTTP)
    assert all(peer.startswith(packed(HOME)) and peer[-2:] != b"\0\x09" for peer in peers)


@needs_ipv4
@pytest.mark.needs(WANT_IP_FROM_QUERY_STRING=False)
def test_h30_the_source_address_is_recorded(live: Live) -> None:
    to = live.listen_tcp()
    live.ask(to, announce(7000, more=b"&ip=9.9.9.9"), "127.0.0.2")
    assert peers_in(live.ask(to, announce(7001))) == [packed("127.0.0.2") + (7000).to_bytes(2, "big")]


@needs_ipv4
@pytest.mark.needs("WANT_IP_FROM_QUERY_STRING")
def test_h31_the_address_claimed_is_recorded(live: Live) -> None:
    to = live.listen_tcp()
    live.ask(to, announce(7000, more=b"&ip=9.9.9.9"))
    assert peers_in(live.ask(to, announce(7001))) == [packed("9.9.9.9") + (7000).to_bytes(2, "big")]


@needs_both
def test_h49_the_families_share_the_number_wanted(live: Live) -> None:
    four, six = live.listen_tcp("127.0.0.1"), live.listen_tcp("::1")
    crowd(live, four, 300)
    crowd(live, six, 300)
    for to in (four, six):
        answer = live.ask(to, announce(9, more=b"&numwant=50"))
        peers, peers6 = peers_in(answer), peers_in(answer, b"peers6")
        assert len(set(peers)) + len(set(peers6)) == 50
        assert min(len(peers), len(peers6)) >= 12


@needs_both
def test_h49_a_family_with_few_peers_leaves_its_share_to_the_other(live: Live) -> None:
    four, six = live.listen_tcp("127.0.0.1"), live.listen_tcp("::1")
    crowd(live, four, 100)
    crowd(live, six, 3)
    answer = live.ask(four, announce(9, more=b"&numwant=50"))
    assert (len(peers_in(answer)), len(peers_in(answer, b"peers6"))) == (47, 3)


@needs_ipv6
def test_h52_ipv6_clients_are_in_peers6(live: Live) -> None:
    to = live.listen_tcp("::1")
    first = live.ask(to, announce(7000))
    assert b"6:peers6" not in first.body
    second = live.ask(to, announce(7001))
    assert peers_in(second, b"peers6") == [packed("::1") + (7000).to_bytes(2, "big")]
    assert peers_in(second) == []


@needs_both
def test_ipv4_clients_of_a_dual_stack_socket_are_ipv4_peers(live: Live) -> None:
    port = live.listen_tcp("::", only_v6=False)[1]
    live.ask(("127.0.0.1", port), announce(7000))
    answer = live.ask(("::1", port), announce(7001))
    assert peers_in(answer) == [packed("127.0.0.1") + (7000).to_bytes(2, "big")]


def test_h51_redirect() -> None:
    live = Live(Settings(redirect_url="https://example.org/about"))
    try:
        to = live.listen_tcp()
        for method in (b"GET", b"HEAD"):
            answer = live.tcp(to).ask(get(b"/").replace(b"GET", method))
            assert answer.status == 302
            assert answer.headers["Location"] == "https://example.org/about"
            assert answer.headers["Content-Length"] == "0"
        assert live.ask(to, get(b"/favicon.ico")).status == 404
    finally:
        live.close()


def test_requests_are_counted(live: Live) -> None:
    to = live.listen_tcp()
    for request in (H_01, scrape(HASH_A), get(b"/nothing")):
        live.ask(to, request)
    counters = live.counters
    assert (counters.tcp_connections, counters.tcp_announces, counters.tcp_scrapes) == (3, 1, 1)


@pytest.mark.needs(WANT_KEEPALIVE=False)
def test_without_keep_alive_every_answer_ends_its_connection(live: Live) -> None:
    answer = live.tcp(live.listen_tcp()).ask(get(b"/announce?" + ANN, b"Connection: keep-alive\r\n"))
    assert answer.headers["Connection"] == "close"


@pytest.mark.needs("WANT_KEEPALIVE")
def test_keep_alive_requests_one_after_the_other(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    for incomplete in range(1, 4):
        answer = client.ask(announce(7000 + incomplete))
        assert answer.headers["Connection"] == "keep-alive"
        assert b"incompletei%de" % incomplete in answer.body
    assert client.ask(announce(7004).replace(b"Host: x\r\n", CLOSE)).headers["Connection"] == "close"
    assert live.counters.tcp_connections == 1


@pytest.mark.needs("WANT_KEEPALIVE")
def test_keep_alive_pipelined_requests_are_answered_in_order(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    count = 3000  # their answers are more than the sockets take while nobody reads
    requests = b"".join(announce(2 + number, more=b"&numwant=0") for number in range(count))
    at = 0
    while at < len(requests):  # as much as goes without reading an answer
        try:
            at += client.sock.send(requests[at : at + 65536])
        except BlockingIOError:
            break
        live.settle()
    for incomplete in range(1, count + 1):
        if at < len(requests):
            try:
                at += client.sock.send(requests[at : at + 65536])
            except BlockingIOError:
                pass
        assert b"incompletei%de" % incomplete in client.read_answer().body


@pytest.mark.needs("WANT_KEEPALIVE")
def test_keep_alive_half_a_request_behind_a_whole_one(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    second = announce(7001)
    client.send(announce(7000) + second[:20])
    assert b"incompletei1e" in client.read_answer().body
    client.send(second[20:])
    assert b"incompletei2e" in client.read_answer().body


@pytest.mark.needs("WANT_KEEPALIVE")
@pytest.mark.parametrize(
    ("version", "headers", "kept"),
    [
        (b"HTTP/1.1", b"", True),
        (b"HTTP/1.1", b"Connection: close\r\n", False),
        (b"HTTP/1.1", b"connection: Close, x\r\n", False),
        (b"HTTP/1.0", b"", False),
        (b"HTTP/1.0", b"Connection: Keep-Alive\r\n", True),
    ],
)
def test_keep_alive_what_the_client_wants(live: Live, version: bytes, headers: bytes, kept: bool) -> None:
    client = live.tcp(live.listen_tcp())
    answer = client.ask(H_01.replace(b"HTTP/1.1", version).replace(b"Host: x\r\n", headers))
    assert answer.headers["Connection"] == ("keep-alive" if kept else "close")
    assert open_connections(live) == int(kept)


@pytest.mark.needs("WANT_KEEPALIVE")
def test_keep_alive_an_error_ends_the_connection(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(H_01 + get(b"/nothing") + announce(7000))
    assert client.read_answer().status == 200
    assert client.read_answer().status == 404  # says `close`, and nothing comes after it
    assert live.counters.tcp_announces == 1


@pytest.mark.needs("WANT_KEEPALIVE")
def test_keep_alive_a_deadline_for_each_request(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    for _ in range(5):
        assert client.ask(H_01).status == 200
        live.advance(OT_CLIENT_TIMEOUT - OT_CLIENT_TIMEOUT_CHECKINTERVAL)
        assert not client.has_ended()
    live.advance(2 * OT_CLIENT_TIMEOUT_CHECKINTERVAL)
    assert client.read_to_end() == b""


def test_when_slots_are_scarce_slow_readers_are_closed(live: Live) -> None:
    begin_long_scrape(live)
    assert open_connections(live) == 1
    live.advance(SWEPT)  # places are not scarce
    assert open_connections(live) == 1
    live.server.http.scarcities.append(lambda: True)
    live.advance(OT_CLIENT_TIMEOUT_CHECKINTERVAL)
    live.settle()
    assert open_connections(live) == 0


@pytest.mark.parametrize("line", [b"", b"\r\n", b"\n"])
@pytest.mark.parametrize("rest", [b" /nothing HTTP/1.1", b" /nothing HTTP/9.9"])
def test_head_has_no_body_even_behind_an_empty_line(live: Live, line: bytes, rest: bytes) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(line + b"HEAD" + rest + b"\r\nHost: x\r\n\r\n")
    assert client.read_answer(head_only=True).status in (400, 404)


def test_who_cannot_be_watched_is_closed(live: Live) -> None:
    to = live.listen_tcp()
    former, live.server.http.selector = live.server.http.selector, FullSelector()
    client = live.tcp(to)
    client.send(b"G")
    live.until(client.has_ended, "the end of the connection")
    assert live.counters.value("http_500") == 1
    assert live.ask(to, H_01).status == 200
    assert open_connections(live) == 0
    former.close()


FOREIGN = [
    (b"\x16\x03\x01\x02\x00" + bytes(517), "tls", b"\x15\x03\x01\0\x02\x02\x28"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 6969\r\n" + H_01, "proxy", b"HTTP/1.1 400 "),
    (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12) + H_01, "proxy", b"HTTP/1.1 400 "),
]


@pytest.mark.parametrize(("data", "name", "answer"), FOREIGN)
@pytest.mark.parametrize("dripped", [False, True])
def test_another_protocol_is_answered_told_and_counted(
    live: Live, caplog: pytest.LogCaptureFixture, data: bytes, name: str, answer: bytes, dripped: bool
) -> None:
    client = live.tcp(live.listen_tcp())
    for byte in data[:40] if dripped else b"":
        client.send(bytes([byte]))
        live.settle()
    client.send(data[40:] if dripped else data)
    client.finish()
    assert client.read_to_end().startswith(answer)
    told = {"tls": f"{HOME} speaks TLS to an HTTP port", "proxy": f"{HOME} speaks the PROXY protocol"}
    assert [line.startswith(told[name]) for line in caplog.messages] == [True]
    counted = {key: count for key, count in live.counters.values().items() if "foreign" in key}
    assert sum(counted.values()) == sum(count for key, count in counted.items() if key.endswith(name)) == 1
