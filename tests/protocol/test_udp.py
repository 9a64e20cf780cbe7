"""Datagrams to requests and answers to bytes; whole exchanges are in tests/server/udp/test_responder.py."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter

from opentracker._features import (
    OT_DEFAULT_NUMWANT,
    OT_MAX_PEERS_UDP4,
    OT_MAX_PEERS_UDP6,
    OT_MAX_SCRAPE_UDP,
    WANT_SYSLOGS,
)
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED, Announce
from opentracker.protocol.udp import (
    ANNOUNCE,
    CONNECT,
    SCRAPE,
    SHORTEST_ANSWERABLE,
    SILENCE,
    action_of,
    parse_announce,
    parse_url_data,
    scrape_count,
    write_announce,
    write_connect_head,
    write_error,
    write_scrape_entry,
    write_scrape_head,
)
from tests.protocol.udp_cases import (
    BADID,
    CASES,
    HASH_A,
    HASH_B,
    OPTIONS,
    PEER_ID,
    PORT,
    V4,
    V6,
    Case,
    announce_answer,
    announce_request,
    connect_answer,
    connect_request,
    error_answer,
    scrape_answer,
    scrape_request,
)

u32s = st.integers(0, 2**32 - 1)
u64s = st.integers(0, 2**64 - 1)
counts = st.integers(0, 2**31 - 1)
transaction_ids = st.binary(min_size=4, max_size=4)


def written(write: Callable[[BytesWriter], None]) -> bytes:
    """The bytes that a writer appends behind existing ones."""
    out = BytesWriter()
    out.write(b"before")
    write(out)
    assert out.getvalue()[:6] == b"before"
    return out.getvalue()[6:]


def parsed(datagram: bytes, address: bytes = V4) -> Announce:
    """The request of an announce, in a record that was used before."""
    a = Announce(both_families=False)
    a.info_hash, a.peer, a.url_data = b"?" * 20, b"?" * 6, b"?"
    a.stored, a.seeding, a.event, a.numwant = True, True, EVENT_COMPLETED, 7
    assert action_of(datagram, len(datagram)) == ANNOUNCE
    parse_announce(datagram, len(datagram), address, a)
    return a


# ---- What a datagram asks for ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_is_answered_in_the_cases_is_no_silence_here(case: Case) -> None:
    """Whole datagrams; a wrong connection id is nothing that this module knows about."""
    for exchange in case.exchanges:
        action = action_of(exchange.datagram, len(exchange.datagram))
        assert action in (SILENCE, CONNECT, ANNOUNCE, SCRAPE)
        if exchange.answer is not None:
            assert action != SILENCE
            answered = int.from_bytes(exchange.answer[:4], "big")
            assert answered in (action, 3)


def expected_action(datagram: bytes) -> int:
    """The checks of wire.md, in their order."""
    if len(datagram) < 16:
        return SILENCE
    protocol_id, action = struct.unpack(">QI", datagram[:12])
    if action == 0:
        return CONNECT if protocol_id == 0x41727101980 else SILENCE
    if action == 1:
        return ANNOUNCE if len(datagram) >= 98 else SILENCE
    return SCRAPE if action == 2 else SILENCE


@pytest.mark.parametrize(
    "datagram",
    [
        connect_request(),
        announce_request(options=b"\x02\x01/\x01\x00"),
        scrape_request(HASH_A, HASH_B, HASH_A),
        announce_request(action=3),
    ],
    ids=["connect", "announce", "scrape", "error"],
)
def test_u03_u11_every_datagram_cut_at_every_byte(datagram: bytes) -> None:
    for size in range(len(datagram) + 1):
        assert action_of(datagram, size) == expected_action(datagram[:size])


@pytest.mark.parametrize("at", range(12))
def test_u02_u09_every_bit_of_the_first_twelve_bytes_matters(at: int) -> None:
    for bit in range(8):
        datagram = bytearray(connect_request())
        datagram[at] ^= 1 << bit
        assert action_of(bytes(datagram), len(datagram)) == expected_action(bytes(datagram)) != CONNECT


@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda head, action, rest: head + action + rest,
            st.sampled_from([connect_request()[:8], bytes(8)]),
            st.sampled_from([struct.pack(">I", action) for action in (0, 1, 2, 3, 4, 2**24, 2**32 - 1)]),
            st.binary(max_size=120),
        ),
    )
)
def test_p1_any_bytes_have_an_action(datagram: bytes) -> None:
    action = action_of(datagram, len(datagram))
    assert action == expected_action(datagram)
    if action == ANNOUNCE:
        parsed(datagram)
    if action == SCRAPE:
        assert 0 <= scrape_count(len(datagram)) <= OT_MAX_SCRAPE_UDP


# ---- Announces in ------------------------------------------------------------------------------------------


def test_every_field_is_read_from_its_place() -> None:
    a = parsed(
        announce_request(
            info_hash=HASH_B,
            downloaded=1,
            left=0,
            uploaded=2,
            event=EVENT_STARTED,
            key=0xDEADBEEF,
            num_want=3,
            port=0x1234,
            options=b"\x02\x02/a",
        )
    )
    assert a.info_hash == HASH_B
    assert a.peer == V4 + b"\x12\x34"
    assert (a.stored, a.seeding, a.event, a.numwant) == (True, True, EVENT_STARTED, 3)
    assert a.url_data == b"/a"
    if WANT_SYSLOGS:
        assert a.peer_id == PEER_ID


@given(
    info_hash=st.binary(min_size=20, max_size=20),
    downloaded=u64s,
    left=st.one_of(st.just(0), u64s),
    uploaded=u64s,
    event=st.sampled_from([EVENT_NONE, EVENT_COMPLETED, EVENT_STARTED, EVENT_STOPPED]),
    key=u32s,
    num_want=st.one_of(st.integers(0, 300), u32s),
    port=st.integers(0, 65535),
    address=st.sampled_from([V4, V6]),
    url_data=st.binary(max_size=600),
)
def test_p5_what_is_spelled_is_what_is_read(
    info_hash: bytes,
    downloaded: int,
    left: int,
    uploaded: int,
    event: int,
    key: int,
    num_want: int,
    port: int,
    address: bytes,
    url_data: bytes,
) -> None:
    options = b"".join(
        b"\x02" + bytes([len(url_data[at : at + 255])]) + url_data[at : at + 255]
        for at in range(0, len(url_data), 255)
    )
    a = parsed(
        announce_request(
            info_hash=info_hash,
            downloaded=downloaded,
            left=left,
            uploaded=uploaded,
            event=event,
            key=key,
            num_want=num_want,
            port=port,
            options=options,
        ),
        address,
    )
    most = OT_MAX_PEERS_UDP4 if address == V4 else OT_MAX_PEERS_UDP6
    wanted = num_want if num_want < 2**31 else OT_DEFAULT_NUMWANT
    assert a.info_hash == info_hash
    assert a.peer == address + struct.pack(">H", port)
    assert a.stored is (port >= 2)
    assert a.seeding is (left == 0)
    assert a.event == event
    assert a.numwant == min(wanted, most)
    assert a.url_data == url_data


@pytest.mark.parametrize(
    ("num_want", "expected"),
    [(0, 0), (1, 1), (2**32 - 1, OT_DEFAULT_NUMWANT), (2**31 - 1, 2000), (2**32 - 2, OT_DEFAULT_NUMWANT)],
    ids=["0", "1", "ffffffff", "7fffffff", "fffffffe"],
)
def test_u33_num_want(num_want: int, expected: int) -> None:
    datagram = announce_request(num_want=num_want)
    assert parsed(datagram, V4).numwant == min(expected, OT_MAX_PEERS_UDP4)
    assert parsed(datagram, V6).numwant == min(expected, OT_MAX_PEERS_UDP6)


@pytest.mark.parametrize("event", [4, 99, 2**31 - 1, 2**31, 2**32 - 1, 0x0100, 0x03000000])
def test_u24_unknown_events_are_none_of_the_known_ones(event: int) -> None:
    assert parsed(announce_request(event=event)).event not in (EVENT_COMPLETED, EVENT_STARTED, EVENT_STOPPED)


@pytest.mark.parametrize(
    ("left", "seeding"), [(0, True), *[(value, False) for value in (1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)]]
)
def test_u25_only_nothing_left_is_a_seeder(left: int, seeding: bool) -> None:
    assert parsed(announce_request(left=left)).seeding is seeding


@pytest.mark.parametrize(
    ("port", "stored"),
    [(0, False), (1, False), (2, True), (255, True), (256, True), (257, True), (65535, True)],
)
def test_u29_ports_zero_and_one_are_not_stored(port: int, stored: bool) -> None:
    a = parsed(announce_request(port=port))
    assert a.stored is stored
    assert a.peer == V4 + struct.pack(">H", port)


def test_u30_the_ip_field_is_ignored() -> None:
    assert parsed(announce_request(ip=b"\x08\x08\x08\x08")).peer == V4 + struct.pack(">H", PORT)


# ---- BEP 41 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "url_data"), [row[1:] for row in OPTIONS], ids=[row[0] for row in OPTIONS]
)
def test_u35_to_u39_options(options: str, url_data: bytes) -> None:
    datagram = announce_request(options=bytes.fromhex(options))
    assert parse_url_data(datagram, len(datagram)) == url_data
    assert parsed(datagram).url_data == url_data


def test_no_options_are_no_url_data() -> None:
    assert parsed(announce_request()).url_data == b""


@pytest.mark.parametrize("options", [row[1] for row in OPTIONS], ids=[row[0] for row in OPTIONS])
def test_options_cut_at_every_byte_never_fail_an_announce(options: str) -> None:
    whole = bytes.fromhex(options)
    longest = parsed(announce_request(options=whole)).url_data
    for size in range(len(whole)):
        assert longest.startswith(parsed(announce_request(options=whole[:size])).url_data)


@given(
    options=st.lists(st.tuples(st.sampled_from([1, 2, 2, 3, 127, 255]), st.binary(max_size=255)), max_size=6),
    end=st.sampled_from([b"", b"\0", b"\0\x02\x01x", b"\x02\x05x", b"\xff", b"\x02"]),
)
def test_url_data_is_joined_and_the_rest_skipped(options: list[tuple[int, bytes]], end: bytes) -> None:
    behind = b"".join(b"\x01" if kind == 1 else bytes([kind, len(value)]) + value for kind, value in options)
    expected = b"".join(value for kind, value in options if kind == 2)
    datagram = announce_request(options=behind + end)
    assert parse_url_data(datagram, len(datagram)) == expected


@given(st.binary(max_size=1500))
def test_p1_any_options_are_taken(options: bytes) -> None:
    url_data = parsed(announce_request(options=options)).url_data
    assert len(url_data) <= len(options)


# ---- Answers out -------------------------------------------------------------------------------------------


@given(transaction_ids, st.binary(min_size=8, max_size=8), st.binary(max_size=100))
def test_p5_connect_answer(transaction_id: bytes, connection_id: bytes, behind: bytes) -> None:
    request = connect_request(transaction_id=transaction_id) + behind
    head = written(lambda out: write_connect_head(out, request))
    assert head + connection_id == connect_answer(connection_id, transaction_id)


@given(
    transaction_ids,
    st.integers(1, 86400),
    counts,
    counts,
    st.lists(st.binary(min_size=6, max_size=6), max_size=200),
)
def test_p5_announce_answer(
    transaction_id: bytes, interval: int, leechers: int, seeders: int, peers: list[bytes]
) -> None:
    a = Announce(both_families=False)
    a.interval, a.incomplete, a.complete, a.downloaded, a.peers = (
        interval,
        leechers,
        seeders,
        9,
        b"".join(peers),
    )
    request = announce_request(transaction_id=transaction_id)
    assert written(lambda out: write_announce(out, request, a)) == announce_answer(
        leechers, seeders, *peers, interval=struct.pack(">I", interval), transaction_id=transaction_id
    )


@given(transaction_ids, st.lists(st.tuples(counts, counts, counts), max_size=74))
def test_p5_scrape_answer(transaction_id: bytes, entries: list[tuple[int, int, int]]) -> None:
    request = scrape_request(*[HASH_A] * len(entries), transaction_id=transaction_id)

    def write(out: BytesWriter) -> None:
        write_scrape_head(out, request)
        for complete, downloaded, incomplete in entries:
            write_scrape_entry(out, complete, downloaded, incomplete)

    assert written(write) == scrape_answer(*entries, transaction_id=transaction_id)


@given(transaction_ids, st.binary(max_size=100))
def test_p5_error_answer(transaction_id: bytes, text: bytes) -> None:
    request = announce_request(transaction_id=transaction_id)
    assert written(lambda out: write_error(out, request, text)) == error_answer(text, transaction_id)


def test_the_answer_to_a_wrong_id_is_not_larger_than_the_least_it_answers() -> None:
    assert len(BADID) == 33
    assert SHORTEST_ANSWERABLE >= 33


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (16, 0),
        (35, 0),
        (36, 1),
        (37, 1),
        (55, 1),
        (56, 2),
        (16 + 74 * 20, 74),
        (16 + 75 * 20, 74),
        (65_507, 74),
    ],
)
def test_u42_u43_u44_how_many_hashes_are_answered(size: int, expected: int) -> None:
    assert scrape_count(size) == min(expected, OT_MAX_SCRAPE_UDP)
