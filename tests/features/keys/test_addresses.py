"""The limit on addresses of a key: over all protocols, IPv6 by /64, until an address goes out of use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.config.settings import Settings
from opentracker.errors import UsageError
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
from opentracker.server.wiring import refuse_alone
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


@pytest.mark.needs("WANT_WORKERS")
def test_several_workers_are_refused() -> None:
    settings = Settings(sections=sections())
    settings.given.append(("limits.addresses_per_key", "1"))
    settings.workers = 2
    with pytest.raises(UsageError, match=r"does not go with limits\.addresses_per_key"):
        refuse_alone([KeyAddressFeature(settings)], settings)
    settings.given.clear()
    refuse_alone([KeyAddressFeature(settings)], settings)
