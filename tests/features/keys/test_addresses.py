"""The limit on addresses of a key: over all protocols, IPv6 by /64, until an address goes out of use."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.config.settings import Settings
from opentracker.features.keys.addresses import (
    BUCKET,
    ENTRY,
    LEAST_BUCKETS,
    KeyAddresses,
    KeyAddressFeature,
    KeyAddressSettings,
)
from opentracker.features.keys.feature import KeySettings
from opentracker.features.keys.key_list import CROWDED_KEY
from opentracker.protocol.addresses import parse_ip
from tests.features.keys.test_feature import ERROR, KEY, OTHER, QUERY, keyed
from tests.protocol.http_cases import announced, failure_body, get, is_like
from tests.server.live import HOME, Live, packed, sections

ONE, TWO, THREE = [bytes([number]) * 16 for number in (1, 2, 3)]
HOSTS = [parse_ip(text) for text in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1")]


class Desk:
    """A table of addresses; the minute is the test's."""

    def __init__(self, most: int) -> None:
        self.minute = 65530  # a stamp is modulo 65536
        self.table = KeyAddresses(most, 0, lambda: self.minute)

    def admits(self, digest: bytes, address: str) -> bool:
        return self.table.admits(digest, parse_ip(address))


def test_k14_a_key_is_in_use_from_so_many_addresses_and_no_more() -> None:
    desk = Desk(2)
    assert [desk.admits(ONE, f"192.0.2.{number}") for number in (1, 2, 3, 1, 2)] == [
        True,
        True,
        False,
        True,
        True,
    ]
    assert desk.admits(TWO, "192.0.2.3"), "another key"


def test_k14_a_network_of_ipv6_is_one_address() -> None:
    desk = Desk(1)
    assert desk.admits(ONE, "2001:db8:0:1::1")
    assert desk.admits(ONE, "2001:db8:0:1:ffff::2")
    assert not desk.admits(ONE, "2001:db8:0:2::1")


def test_k15_an_address_goes_out_of_use_when_its_peers_do() -> None:
    desk = Desk(1)
    assert desk.admits(ONE, "192.0.2.1")
    desk.minute += OT_PEER_TIMEOUT - 1
    assert not desk.admits(ONE, "192.0.2.2")
    assert desk.admits(ONE, "192.0.2.1"), "it is still in use, and for as long again"
    desk.minute += OT_PEER_TIMEOUT - 1
    assert not desk.admits(ONE, "192.0.2.2"), "its refusal before has not counted"
    desk.minute += 1
    assert desk.admits(ONE, "192.0.2.2")
    assert not desk.admits(ONE, "192.0.2.1")


def test_another_limit_holds_at_once_for_addresses_that_are_not_in_use() -> None:
    desk = Desk(2)
    assert desk.admits(ONE, "192.0.2.1")
    assert desk.admits(ONE, "192.0.2.2")
    desk.table.most = 1
    assert desk.admits(ONE, "192.0.2.2")
    assert not desk.admits(ONE, "192.0.2.3")
    desk.table.most = 0
    assert desk.admits(ONE, "192.0.2.3")


def test_memory_is_that_of_the_addresses_in_use() -> None:
    desk = Desk(2)
    empty = desk.table.weight()
    assert empty == LEAST_BUCKETS * BUCKET
    for number in range(256):
        desk.admits(ONE, f"192.0.2.{number}")
    assert desk.table.weight() == empty + 2 * ENTRY
    desk.minute += OT_PEER_TIMEOUT
    desk.admits(ONE, "192.0.2.9")
    assert desk.table.weight() == empty + ENTRY


def test_the_buckets_are_made_for_the_keys_that_there_are() -> None:
    assert KeyAddresses(1, 1_000_000, lambda: 0).weight() > 32 * Desk(1).table.weight() - BUCKET


@given(
    st.integers(1, 3),
    st.lists(
        st.tuples(st.sampled_from([ONE, TWO, THREE]), st.sampled_from(HOSTS), st.integers(0, 40)), max_size=60
    ),
)
def test_the_table_equals_a_naive_model(most: int, uses: list[tuple[bytes, bytes, int]]) -> None:
    desk = Desk(most)
    model: dict[bytes, dict[bytes, int]] = {}
    for digest, address, minutes in uses:
        desk.minute += minutes
        its = model.setdefault(digest, {})
        in_use = {host for host, minute in its.items() if desk.minute - minute < OT_PEER_TIMEOUT}
        expected = address in in_use or len(in_use) < most
        if expected:
            its[address] = desk.minute
        assert desk.table.admits(digest, address) is expected


# ---- Several workers ---------------------------------------------------------------------------------------


class Desks:
    """The tables of three workers, whose messages are under way until `deliver` is called."""

    def __init__(self, most: int) -> None:
        self.minute = 65530
        self.tables = [KeyAddresses(most, 0, lambda: self.minute) for _ in range(3)]
        self.under_way: list[tuple[KeyAddresses, bytes]] = []
        for table in self.tables:
            others = [each for each in self.tables if each is not table]
            table.tell_others = partial(self.send, others)

    def send(self, others: list[KeyAddresses], use: bytes) -> None:
        self.under_way += [(each, use) for each in others]

    def deliver(self) -> None:
        for table, use in self.under_way:
            table.hear(use)
        self.under_way.clear()

    def admits(self, worker: int, digest: bytes, address: str) -> bool:
        return self.tables[worker].admits(digest, parse_ip(address))


def gathered(pieces: Iterator[bytes]) -> list[bytes]:
    """The pieces that are not empty."""
    return [piece for piece in pieces if piece]


def give(piece: bytes, table: KeyAddresses) -> None:
    """Give a piece to a table."""
    for _ in table.take_part(piece):
        pass


def test_k14_the_limit_is_that_of_all_workers() -> None:
    desks = Desks(2)
    assert desks.admits(0, ONE, "192.0.2.1")
    desks.deliver()
    assert desks.admits(1, ONE, "192.0.2.2")
    desks.deliver()
    for worker in range(3):
        assert not desks.admits(worker, ONE, "192.0.2.3")
        assert desks.admits(worker, ONE, "192.0.2.1")
        assert desks.admits(worker, ONE, "192.0.2.2")
        assert desks.admits(worker, TWO, "2001:db8::3")
        assert desks.under_way == [] or worker == 0, "an address that is in use is told once a minute"
        desks.deliver()
    assert {table.weight() for table in desks.tables} == {LEAST_BUCKETS * BUCKET + 3 * ENTRY}


def test_k15_an_address_stays_in_use_by_requests_to_any_worker() -> None:
    desks = Desks(1)
    assert desks.admits(0, ONE, "192.0.2.1")
    desks.deliver()
    for worker in (1, 2, 0):
        desks.minute += OT_PEER_TIMEOUT - 1
        assert desks.admits(worker, ONE, "192.0.2.1")
        desks.deliver()
    assert not any(desks.admits(worker, ONE, "192.0.2.2") for worker in range(3))
    desks.minute += OT_PEER_TIMEOUT
    assert desks.admits(1, ONE, "192.0.2.2")
    desks.deliver()
    assert not any(desks.admits(worker, ONE, "192.0.2.1") for worker in range(3))


@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), max_size=9))
def test_addresses_at_the_same_moment_exceed_the_limit_once(most: int, uses: list[tuple[int, int]]) -> None:
    """Each worker may admit as many as the limit, until it hears of the others'; then all refuse the same ones."""
    desks = Desks(most)
    assert desks.admits(0, ONE, "192.0.2.250")
    desks.deliver()
    desks.minute += 2
    admitted = {number for worker, number in uses if desks.admits(worker, ONE, f"192.0.2.{number}")}
    assert len(admitted) <= 3 * (most - 1)
    desks.deliver()
    found = [
        {number for number in [*range(1, 10), 250] if desks.admits(worker, ONE, f"192.0.2.{number}")}
        for worker in range(3)
    ]
    full = [each for each in found if len(each) == most]
    assert all(250 in each for each in found), "the address that was in use before stays"
    if len(admitted) >= most - 1:
        assert len(full) == 3
        assert found[0] == found[1] == found[2]
        assert found[0] <= admitted | {250}


def test_a_lower_limit_strikes_out_nothing_that_is_in_use() -> None:
    desks = Desks(3)
    for number in (1, 2, 3):
        assert desks.admits(0, ONE, f"192.0.2.{number}")
    desks.deliver()
    desks.minute += 2
    for table in desks.tables:
        table.most = 1
    for number in (1, 2, 3):
        assert desks.admits(1, ONE, f"192.0.2.{number}")
    desks.deliver()
    assert all(desks.admits(2, ONE, f"192.0.2.{number}") for number in (1, 2, 3))
    assert not desks.admits(0, ONE, "192.0.2.4")
    desks.tables[0].most = 0
    desks.tables[0].hear(ONE[:10] + bytes(8))
    assert desks.tables[0].weight() == desks.tables[1].weight()


def test_a_worker_whose_clock_is_a_minute_ahead() -> None:
    ahead, behind = KeyAddresses(1, 0, lambda: 8), KeyAddresses(1, 0, lambda: 7)
    ahead.tell_others = behind.hear
    assert ahead.admits(ONE, HOSTS[0])
    assert not behind.admits(ONE, HOSTS[1])
    behind.tell_others = ahead.hear
    assert behind.admits(ONE, HOSTS[0])
    assert not ahead.admits(ONE, HOSTS[1])


@pytest.mark.parametrize(("of_one", "of_other"), [(0, 0), (0, 100_000), (100_000, 0)])
def test_a_worker_that_begins_takes_the_table_of_another(of_one: int, of_other: int) -> None:
    """The number of buckets is that of the keys at a worker's own start."""
    minute = 100
    one, other = [KeyAddresses(2, keys, lambda: minute) for keys in (of_one, of_other)]
    digests = [number.to_bytes(2, "big") * 8 for number in range(3000)]
    for digest in digests:
        assert one.admits(digest, HOSTS[0])
    assert one.admits(ONE, HOSTS[1])
    minute += OT_PEER_TIMEOUT - 1
    assert one.admits(digests[7], HOSTS[2])
    assert other.admits(digests[8], HOSTS[3]), "meanwhile"
    pieces = gathered(one.part())
    assert len(pieces) > 1
    for piece in pieces:
        give(piece, other)
    assert not other.admits(digests[7], HOSTS[3])
    assert not other.admits(digests[8], HOSTS[1])
    assert all(other.admits(digest, HOSTS[0]) for digest in digests[9:20])
    minute += 1
    assert other.admits(digests[0], HOSTS[1]), "the table has the minute of each last request"
    assert other.admits(digests[0], HOSTS[2])
    assert not other.admits(digests[0], HOSTS[0])
    assert gathered(KeyAddresses(1, 0, lambda: 0).part()) == []


# ---- As a feature ------------------------------------------------------------------------------------------


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A tracker whose keys may be used from one address."""
    path = tmp_path / "keys"
    path.write_bytes(KEY + b"\n" + OTHER + b"\n")
    tracker = Live(Settings(sections=sections(KeySettings(path), KeyAddressSettings(1))))
    yield tracker
    tracker.close()


def use_elsewhere(live: Live, key: bytes) -> None:
    """Use a key from another address than that of the clients here."""
    family = len(packed(HOME))
    live.server.tracker.keys.check(key, (b"\x20" + bytes(7)).ljust(family, b"\1")[:family])


def test_k14_over_http(live: Live) -> None:
    use_elsewhere(live, KEY)
    to = live.listen_tcp()
    answer = live.ask(to, get(b"/" + KEY + b"/announce?" + QUERY))
    assert is_like(answer.body, failure_body(CROWDED_KEY))
    assert live.counters.value("refused_key_addresses") == 1
    assert live.server.tracker.store.totals.torrents == 0
    answer = live.ask(to, get(b"/" + OTHER + b"/announce?" + QUERY))
    assert is_like(answer.body, announced(0, 0, 1, []))


def test_k14_over_udp(live: Live) -> None:
    use_elsewhere(live, KEY)
    client = live.udp(live.listen_udp())
    assert keyed(client, b"/announce/" + KEY) == ERROR + CROWDED_KEY
    assert live.counters.value("refused_key_addresses") == 1
    assert keyed(client, b"/announce/" + OTHER)[:4] == bytes.fromhex("00000001")


@pytest.mark.needs("WANT_WEBTORRENT")
def test_k14_over_websocket(live: Live) -> None:
    use_elsewhere(live, KEY)
    head = b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    head += b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
    answer = live.ask(live.listen_tcp(), get(b"/" + KEY + b"/announce", head))
    assert answer.status == 403
    assert CROWDED_KEY in answer.body
    assert live.counters.value("refused_key_addresses") == 1


def test_the_key_of_config_files_and_a_reload(live: Live) -> None:
    settings = Settings()
    KeyAddressFeature.keys["limits.addresses_per_key"](settings, "3")
    assert settings.of(KeyAddressSettings).most == 3
    feature = KeyAddressFeature(Settings())
    feature.renew(settings)
    feature.join(live.server)
    feature.renew(settings)
    for _ in range(2):
        use_elsewhere(live, KEY)
    assert is_like(
        live.ask(live.listen_tcp(), get(b"/" + KEY + b"/announce?" + QUERY)).body, announced(0, 0, 1, [])
    )
