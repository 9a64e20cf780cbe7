"""Whole datagrams in, whole answers out, without a socket: the UDP cases, and what holds for any bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random
from librt.strings import BytesWriter

from opentracker._features import (
    OT_CLIENT_REQUEST_INTERVAL,
    OT_CLIENT_REQUEST_VARIATION,
    OT_CONNECTION_ID_EPOCH,
    OT_DEFAULT_NUMWANT,
    OT_MAX_PEERS_UDP4,
    OT_MAX_PEERS_UDP6,
    OT_MAX_SCRAPE_UDP,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
)
from opentracker.server.udp.responder import UdpResponder
from opentracker.swarm.connection_ids import ConnectionIds
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.tracker import Tracker
from tests.protocol.udp_cases import (
    BADID,
    CASES,
    CONNECTION_ID,
    HASH_A,
    HASH_B,
    HOME,
    NEIGHBOUR,
    NO_ID,
    PROTOCOL_ID,
    STOPPED,
    UNAUTHORIZED,
    V4,
    V6,
    Case,
    announce_answer,
    announce_request,
    connect_request,
    error_answer,
    is_like,
    scrape_answer,
    scrape_request,
)

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.accesslist import AccessList
    from opentracker.swarm.tracker import admit_by

SECRET = bytes(range(32))
LARGEST = 1472  # bytes of a datagram that one Ethernet frame carries


class Desk:
    """A tracker, and someone to hand datagrams to; every torrent is served unless told otherwise."""

    def __init__(self, secret: bytes = SECRET, tracker: Tracker | None = None) -> None:
        self.tracker = tracker or Tracker(Random(1))
        self.ids = ConnectionIds(secret)
        self.counters = Counters()
        self.answers = UdpResponder(self.tracker, self.ids, self.counters)
        self.turn_to(0)

    def turn_to(self, seconds: int) -> None:
        """Let the epoch be the one of this second."""
        self.ids.rotate(seconds // OT_CONNECTION_ID_EPOCH)

    def ask(self, datagram: bytes, source: bytes = HOME) -> bytes:
        """The answer, or no bytes."""
        out = BytesWriter()
        self.answers.answer(datagram, len(datagram), source, 0, out)
        return out.getvalue()

    def connect(self, source: bytes = HOME) -> bytes:
        """A connection id for an address."""
        return self.ask(connect_request(), source)[8:]

    def ask_connected(self, datagram: bytes, source: bytes = HOME) -> bytes:
        """The answer, CONNECTION_ID having been replaced by one for the source."""
        if datagram[:8] == CONNECTION_ID:
            datagram = self.connect(source) + datagram[8:]
        return self.ask(datagram, source)

    def torrents(self) -> int:
        return self.tracker.store.totals.torrents


# ---- The table ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.id, marks=pytest.mark.needs(**case.flags)) for case in CASES],
)
def test_case(case: Case) -> None:
    desk = Desk()
    if case.flags.get("WANT_ACCESSLIST_WHITE"):
        admit_by(desk.tracker, AccessList(frozenset()))
    for exchange in case.exchanges:
        answer = desk.ask_connected(exchange.datagram, exchange.source)
        if exchange.answer is None:
            assert answer == b""
        else:
            assert is_like(answer, exchange.answer), answer.hex(" ", 4)


@pytest.mark.needs("WANT_ACCESSLIST_BLACK")
@pytest.mark.parametrize("event", [0, STOPPED])
def test_u46_a_refused_torrent(event: int) -> None:
    desk = Desk()
    admit_by(desk.tracker, AccessList(frozenset([HASH_B])))
    assert desk.ask_connected(announce_request(info_hash=HASH_B, event=event)) == error_answer(UNAUTHORIZED)
    assert is_like(desk.ask_connected(announce_request()), announce_answer(1, 0))
    assert desk.torrents() == 1
    assert desk.ask_connected(scrape_request(HASH_B, HASH_A)) == scrape_answer((0, 0, 0), (0, 0, 1))


@pytest.mark.parametrize("datagram", [announce_request(event=STOPPED), announce_request(port=1)])
def test_u28b_u29_some_announces_make_no_torrent(datagram: bytes) -> None:
    desk = Desk()
    assert is_like(desk.ask_connected(datagram), announce_answer(0, 0))
    assert desk.torrents() == 0


# ---- Connection ids ----------------------------------------------------------------------------------------


def accepted(desk: Desk, connection_id: bytes, source: bytes = HOME) -> bool:
    """Whether an id is good; a bad one is met with BADID and nothing else."""
    answer = desk.ask(announce_request(connection_id), source)
    if answer == BADID:
        return False
    assert answer[:8] == announce_answer(0, 0)[:8]
    return True


def test_u05_u14_an_id_is_bound_to_the_address() -> None:
    desk = Desk()
    assert desk.connect(HOME) != desk.connect(NEIGHBOUR)
    assert accepted(desk, desk.connect(NEIGHBOUR), NEIGHBOUR)
    assert not accepted(desk, desk.connect(HOME), NEIGHBOUR)


def test_u06_every_id_given_out_works() -> None:
    desk = Desk()
    first, second = desk.connect(), desk.connect()
    assert accepted(desk, first)
    assert accepted(desk, second)


def test_u16_u18_u19_one_secret_one_set_of_ids() -> None:
    """Sockets of one process share the secret; another process, or the next, has another."""
    first, second, stranger = Desk(), Desk(), Desk(SECRET[::-1])
    assert accepted(second, first.connect())
    assert stranger.connect() != first.connect()
    assert not accepted(stranger, first.connect())


@pytest.mark.parametrize("second", [0, 1, OT_CONNECTION_ID_EPOCH - 1, 1_000_003])
def test_u17_an_id_is_good_in_its_epoch_and_the_next(second: int) -> None:
    desk = Desk()
    for later, good in (
        (OT_CONNECTION_ID_EPOCH * 2 // 5 - 1, True),
        (OT_CONNECTION_ID_EPOCH - 1, True),
        (OT_CONNECTION_ID_EPOCH, True),
        (OT_CONNECTION_ID_EPOCH * 2 + 1, False),
    ):
        desk.turn_to(second)
        connection_id = desk.connect()
        desk.turn_to(second + later)
        assert accepted(desk, connection_id) is good


def test_u21_every_bit_of_an_id_matters() -> None:
    desk = Desk()
    connection_id = int.from_bytes(desk.connect(), "big")
    assert not any(accepted(desk, (connection_id ^ 1 << bit).to_bytes(8, "big")) for bit in range(64))


@pytest.mark.parametrize("size", [16, 35, 36, 97, 98, 200, 1500])
def test_d02_a_bad_id_is_answered_with_less_than_came_in_or_not_at_all(size: int) -> None:
    desk = Desk()
    announce = announce_request(NO_ID, options=bytes(1402))[:size]
    assert desk.ask(announce) == (BADID if size >= 98 else b"")
    scrape = scrape_request(bytes(1484), connection_id=NO_ID)[:size]
    assert desk.ask(scrape) == (BADID if size >= 36 else b"")
    assert desk.torrents() == 0


@pytest.mark.needs(WANT_V4_ONLY=False, WANT_V6=False)
def test_u49_an_id_does_not_know_which_socket_it_came_through() -> None:
    """A mapped address has become the IPv4 address before it is here; the IPv6 one beside it is another."""
    desk = Desk()
    assert desk.connect(V4) != desk.connect(V6)
    assert accepted(desk, desk.connect(V4), V4)
    assert not accepted(desk, desk.connect(V4), V6)


# ---- Peers -------------------------------------------------------------------------------------------------


def crowd(desk: Desk, address: bytes) -> set[bytes]:
    """300 leechers of one family."""
    for port in range(1_000, 1_300):
        desk.ask_connected(announce_request(port=port, num_want=0), address)
    return {address + struct.pack(">H", port) for port in range(1_000, 1_300)}


def check_num_want(address: bytes, most: int) -> None:
    desk = Desk()
    everyone = crowd(desk, address)
    stride = len(address) + 2
    wanted = [
        (0, 0),
        (1, 1),
        (2**32 - 1, OT_DEFAULT_NUMWANT),
        (2**31 - 1, 300),
        (2**32 - 2, OT_DEFAULT_NUMWANT),
    ]
    for num_want, expected in wanted:
        answer = desk.ask_connected(announce_request(num_want=num_want), address)
        assert answer[12:20] == struct.pack(">II", 301, 0)
        assert len(answer) == 20 + stride * min(expected, most, 300) <= LARGEST
        peers = [answer[at : at + stride] for at in range(20, len(answer), stride)]
        assert len(set(peers)) == len(peers)
        assert set(peers) <= everyone


@pytest.mark.needs(WANT_V6=False)
def test_u33_u34_num_want_over_ipv4() -> None:
    check_num_want(V4, OT_MAX_PEERS_UDP4)


@pytest.mark.needs(WANT_V4_ONLY=False)
def test_u33_u47_num_want_over_ipv6() -> None:
    check_num_want(V6, OT_MAX_PEERS_UDP6)


def test_u53_intervals_are_spread() -> None:
    desk = Desk()
    connection_id = desk.connect()
    seen = [int.from_bytes(desk.ask(announce_request(connection_id))[8:12], "big") for _ in range(1_000)]
    reach = OT_CLIENT_REQUEST_VARIATION // 2
    assert min(seen) >= max(1, OT_CLIENT_REQUEST_INTERVAL - reach)
    assert max(seen) <= OT_CLIENT_REQUEST_INTERVAL + OT_CLIENT_REQUEST_VARIATION - reach
    assert len(set(seen)) > min(reach, 500) // 4


# ---- Counters ----------------------------------------------------------------------------------------------


def test_t11_each_is_counted_once_where_it_belongs() -> None:
    desk = Desk()
    connection_id = desk.connect()
    desk.ask(announce_request(connection_id))
    desk.ask(announce_request(NO_ID))
    desk.ask(scrape_request(HASH_A, HASH_B, HASH_A, connection_id=connection_id))
    desk.ask(connect_request(bytes(8)))
    desk.ask(scrape_request(connection_id=NO_ID))
    counters = desk.counters
    assert (counters.udp_connects, counters.udp_announces, counters.udp_scrapes) == (1, 1, 1)
    assert counters.udp_mismatches == 2


# ---- Any bytes ---------------------------------------------------------------------------------------------


def expected_size(datagram: bytes, good_id: bool) -> set[int]:
    """How long the answer to the first datagram of a tracker's life may be: wire.md, by length alone."""
    n = len(datagram)
    if n < 16:
        return {0}
    action = int.from_bytes(datagram[8:12], "big")
    if action == 0:
        return {16 if datagram[:8] == PROTOCOL_ID else 0}
    if action not in (1, 2) or (action == 1 and n < 98):
        return {0}
    if not good_id:
        return {33 if n >= 36 else 0}
    return {20} if action == 1 else {8 + 12 * min((n - 16) // 20, OT_MAX_SCRAPE_UDP)}


@pytest.mark.parametrize("good_id", [True, False])
@pytest.mark.parametrize(
    "datagram",
    [
        connect_request(),
        announce_request(options=bytes.fromhex("02012f0100")),
        scrape_request(HASH_A, HASH_B, HASH_A),
    ],
    ids=["connect", "announce", "scrape"],
)
def test_every_datagram_cut_at_every_byte(datagram: bytes, good_id: bool) -> None:
    """Also with bytes behind it, and with nothing of a cut one left behind for the next."""
    desk = Desk()
    if datagram[:8] == CONNECTION_ID:
        datagram = (desk.connect() if good_id else NO_ID) + datagram[8:]
    for behind in (b"", b"\0", b"\xff" * 40):
        for size in range(len(datagram) + 1):
            cut = datagram[:size] + behind if size == len(datagram) else datagram[:size]
            answer = desk.ask(cut)
            assert len(answer) in expected_size(cut, good_id)
            assert answer[4:8] == (cut[12:16] if answer else b"")


heads = st.one_of(st.sampled_from([CONNECTION_ID, PROTOCOL_ID, NO_ID]), st.binary(min_size=8, max_size=8))
actions = st.one_of(
    st.sampled_from([struct.pack(">I", action) for action in (0, 1, 2, 1, 2, 3, 4)]),
    st.binary(min_size=4, max_size=4),
)
datagrams = st.one_of(
    st.binary(max_size=2_048),
    st.builds(lambda head, action, rest: head + action + rest, heads, actions, st.binary(max_size=2_036)),
    st.builds(
        lambda head, rest: head + struct.pack(">I", 1) + rest, heads, st.binary(min_size=86, max_size=400)
    ),
)


@given(st.lists(datagrams, min_size=1, max_size=8), st.sampled_from([HOME, NEIGHBOUR]))
def test_p1_p4_any_datagrams(sequence: list[bytes], source: bytes) -> None:
    """No exception, at most one answer, of one frame's size, to the one who asked; and never more for less."""
    desk = Desk()
    for datagram in sequence:
        connected = datagram[:8] == CONNECTION_ID
        answer = desk.ask_connected(datagram, source)
        assert len(answer) <= LARGEST
        if answer:
            assert answer[4:8] == datagram[12:16]
            assert answer[:4] in (datagram[8:12], b"\0\0\0\x03")
        if not connected:
            assert len(answer) <= len(datagram)
        if len(sequence) == 1:
            assert len(answer) in expected_size(datagram, connected)
    if not any(datagram[:8] == CONNECTION_ID for datagram in sequence):
        assert desk.torrents() == 0


@given(datagrams)
def test_answers_are_appended(datagram: bytes) -> None:
    """One buffer holds a batch's answers; what is in it already is another's."""
    desk = Desk()
    alone = desk.ask(datagram)
    out = BytesWriter()
    out.write(b"before")
    Desk().answers.answer(datagram, len(datagram), HOME, 0, out)
    assert out.getvalue() == b"before" + alone
