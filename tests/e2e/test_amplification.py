"""P-4 on real sockets: without a valid id nothing draws more than itself, and trackers do not talk to each other."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentracker._features import (
    OT_MAX_PEERS_UDP4,
    OT_MAX_PEERS_UDP6,
    OT_MAX_SCRAPE_UDP,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.server.sockets import has_ipv6
from tests.e2e.amplification import BEGIN, END, PAGE, answer_to, measured, most, table
from tests.server.live import (
    HASH_A,
    HASH_B,
    MISMATCH,
    Live,
    UdpClient,
    announce_packet,
    connect_packet,
    scrape_packet,
)

HOSTS = [host for host, built in (("127.0.0.1", not WANT_V6), ("::1", not WANT_V4_ONLY)) if built]
if not has_ipv6("::1"):
    HOSTS = HOSTS[:1]


@pytest.fixture
def asked() -> Iterator[UdpClient]:
    live = Live()
    yield live.udp(live.listen_udp())
    live.close()


@pytest.mark.parametrize("host", HOSTS)
def test_p4_what_every_kind_of_datagram_draws(host: str) -> None:
    rows = measured(host)
    assert max(row.ratio() for row in rows if not row.valid_id) == 1.0
    largest = max(rows, key=lambda row: row.answered)
    assert largest.valid_id
    assert largest.answered == most("IPv6" if ":" in host else "IPv4")
    assert max(row.ratio() for row in rows) == largest.answered / 98
    assert {row.answered for row in rows if "error" in row.kind or "anything" in row.kind} == {0}


@pytest.mark.skipif(
    len(HOSTS) < 2 or (OT_MAX_PEERS_UDP4, OT_MAX_PEERS_UDP6, OT_MAX_SCRAPE_UDP) != (200, 66, 74),
    reason="the table is of builds and machines with both families, and of the defaults",
)
def test_p4_the_documented_table_is_what_is_measured() -> None:
    page = PAGE.read_text(encoding="utf-8")
    documented = page.partition(BEGIN)[2].partition(END)[0]
    assert documented.strip() == table(measured("127.0.0.1") + measured("::1")[2:]).strip()


heads = st.sampled_from([bytes(8), b"\0\0\4\x17\x27\x10\x19\x80", b"\xff" * 8])
actions = st.integers(0, 4).map(lambda action: action.to_bytes(4, "big"))
packets = st.one_of(
    st.binary(max_size=200),
    st.tuples(heads, actions, st.binary(min_size=4, max_size=300)).map(b"".join),
)


@given(packet=packets)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_p4_no_datagram_without_an_id_draws_more_than_itself(asked: UdpClient, packet: bytes) -> None:
    assert answer_to(asked, packet) <= len(packet)


# ---- Loops between servers ---------------------------------------------------------------------------------


def answers_of(client: UdpClient) -> list[bytes]:
    """One of every kind of answer that a tracker gives, with the counts of seeders that look like actions."""
    connection_id = client.connect()
    answers = [client.ask(connect_packet()), client.ask(announce_packet(bytes(8)))]
    for port in range(2000, 2004):
        answers.append(client.ask(announce_packet(connection_id, port=port, left=0)))
        for info_hashes in ([HASH_A], [HASH_A, HASH_B, HASH_A], [HASH_A] * 74):
            answers.append(client.ask(scrape_packet(connection_id, *info_hashes)))
    return answers


def drawn(client: UdpClient, packet: bytes) -> bytes:
    """The answer to a datagram, or nothing."""
    size = answer_to(client, packet)
    return client.ask(packet) if size else b""


def test_trackers_that_answer_each_other_fall_silent() -> None:
    """A tracker's answer to a spoofed request draws at most one error from another tracker, and that draws nothing."""
    first, second = Live(secret=bytes(32)), Live(secret=bytes([1] * 32))
    here = first.udp(first.listen_udp())
    there = second.udp(second.listen_udp())
    errors = 0
    for answer in answers_of(here):
        back = drawn(there, answer)
        assert back in (b"", MISMATCH[:4] + answer[12:16] + MISMATCH[8:])
        assert len(back) <= len(answer)
        errors += back != b""
        if back:
            assert drawn(here, back) == b""
    assert errors > 0, "counts of one and two seeders look like requests, and were tried"
    first.close()
    second.close()


@pytest.mark.parametrize("text", [b"", b"Connection ID missmatch.\0", bytes(100), b"\xff" * 1000])
def test_no_error_answers_an_error(asked: UdpClient, text: bytes) -> None:
    connection_id = asked.connect()
    assert answer_to(asked, b"\0\0\0\3\x11\x22\x33\x44" + text) == 0
    assert answer_to(asked, connection_id + b"\0\0\0\3\x11\x22\x33\x44" + text) == 0
