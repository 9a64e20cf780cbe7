"""UDP over several workers: announces at their owners, scrapes of several owners, datagrams that are astray."""

import pytest

from opentracker._features import WANT_PROXY_PROTOCOL, WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Settings
from opentracker.swarm.policy.permissions import MAY_PROXY
from tests.server.live import (
    HOME,
    MISMATCH,
    TRANSACTION,
    announce_packet,
    connect_packet,
    packed,
    scrape_packet,
)
from tests.server.workers.crew import Crew

if WANT_PROXY_PROTOCOL:
    from opentracker.features.proxy import proxy_header
    from tests.server.test_proxy_protocol import CLIENT, OTHER, head


def counts(answer: bytes) -> list[tuple[int, int, int]]:
    """The seeders, downloads and leechers of a scrape's answer."""
    assert answer[:8] == bytes.fromhex("00000002") + TRANSACTION
    words = [int.from_bytes(answer[at : at + 4], "big") for at in range(8, len(answer), 4)]
    return list(zip(words[::3], words[1::3], words[2::3], strict=True))


@pytest.mark.parametrize("steered", [True, False], ids=["steered", "astray"])
@pytest.mark.parametrize("many", [1, 2, 3])
@pytest.mark.parametrize("wildcard", [True, False], ids=["wildcard", "address"])
def test_announces_and_scrapes(many: int, steered: bool, wildcard: bool) -> None:
    home = ("::" if WANT_V6 else "0.0.0.0") if wildcard else HOME
    crew = Crew(many, steered=steered, home=home)
    info_hashes = [each for worker in range(many) for each in crew.owned_by(worker, 5)]
    clients = [crew.connect((HOME, crew.udp[1])) for _ in range(6)]
    for number, (client, connection_id) in enumerate(clients):
        for info_hash in info_hashes:
            packet = announce_packet(connection_id, info_hash=info_hash, port=7000 + number)
            answer = crew.exchange(client, packet)
            assert answer[:8] == bytes.fromhex("00000001") + TRANSACTION
            assert int.from_bytes(answer[12:16], "big") == number + 1
    for client, connection_id in clients:
        answer = crew.exchange(client, scrape_packet(connection_id, *info_hashes, bytes(20)))
        assert counts(answer) == [(0, 0, 6)] * len(info_hashes) + [(0, 0, 0)]
        client.close()
    for number, worker in enumerate(crew.workers):
        assert worker.tracker.store.totals.torrents == 5
        assert all(worker.tracker.store.has(each) for each in info_hashes[5 * number : 5 * number + 5])
    assert sum(int(each.counters.udp_announces) for each in crew.workers) == 6 * len(info_hashes)
    assert sum(int(each.counters.udp_scrapes) for each in crew.workers) == 6
    crew.close()


@pytest.mark.parametrize("steered", [True, False], ids=["steered", "astray"])
def test_a_wrong_connection_id(steered: bool) -> None:
    crew = Crew(2, steered=steered)
    for worker in (0, 1):
        client, connection_id = crew.connect()
        wrong = bytes([connection_id[0] ^ 1]) + connection_id[1:]
        for packet in (
            announce_packet(wrong, info_hash=crew.owned_by(worker)[0]),
            scrape_packet(wrong, *crew.owned_by(worker)),
        ):
            assert crew.exchange(client, packet) == MISMATCH
        client.close()
    assert sum(int(each.counters.udp_mismatches) for each in crew.workers) == 4
    crew.close()


def test_a_dual_stack_socket_answers_ipv4_with_its_addresses() -> None:
    if WANT_V4_ONLY or WANT_V6:
        pytest.skip("needs a build for both families")
    crew = Crew(2, steered=False, home="::")
    client, connection_id = crew.connect(("::1", crew.udp[1]))
    for worker in (0, 1):
        answer = crew.exchange(client, announce_packet(connection_id, info_hash=crew.owned_by(worker)[0]))
        assert len(answer) == 20
    client.close()
    crew.close()


@pytest.mark.needs("WANT_PROXY_PROTOCOL")
@pytest.mark.parametrize("many", [1, 2, 3])
def test_clients_behind_a_proxy_that_names_them_in_heads(many: int) -> None:
    """The kernel finds no info_hash behind a head: datagrams are handed on."""

    def trust(settings: Settings) -> None:
        proxy_header(settings, "proxy-protocol")
        settings.permissions.bless(packed(HOME), 8 * len(packed(HOME)), MAY_PROXY)

    crew = Crew(many, prepare=trust)
    info_hashes = [each for worker in range(many) for each in crew.owned_by(worker, 3)]
    for number, client in enumerate((CLIENT, OTHER)):
        proxy = crew.client()
        connection_id = crew.exchange(proxy, head(client) + connect_packet())[46:54]
        for info_hash in info_hashes:
            packet = head(client) + announce_packet(connection_id, info_hash=info_hash, port=7000)
            answer = crew.exchange(proxy, packet)
            assert answer[:46] == head(client) + bytes.fromhex("00000001") + TRANSACTION
            assert int.from_bytes(answer[50:54], "big") == number + 1
        answer = crew.exchange(proxy, head(client) + scrape_packet(connection_id, *info_hashes))
        assert answer[:38] == head(client)
        assert counts(answer[38:]) == [(0, 0, number + 1)] * len(info_hashes)
        proxy.close()
    for number, worker in enumerate(crew.workers):
        assert all(worker.tracker.store.has(each) for each in info_hashes[3 * number : 3 * number + 3])
    crew.close()
