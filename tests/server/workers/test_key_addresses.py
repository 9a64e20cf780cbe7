"""The limit on addresses of a key over several workers: it is one limit, whichever worker gets a request."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest

from opentracker._features import WANT_V6
from opentracker.config.settings import Settings
from opentracker.features.keys.addresses import KeyAddresses, KeyAddressSettings
from opentracker.features.keys.feature import KeySettings
from opentracker.features.keys.key_list import CROWDED_KEY
from opentracker.server.workers.key_addresses import HEARER, STREAM, SharedKeyAddresses
from tests.features.keys.test_feature import KEY, OTHER, options
from tests.server.live import HOME, announce_packet, connect_packet, packed
from tests.server.process import PATIENCE, Tracker
from tests.server.workers import several as processes
from tests.server.workers.crew import Crew
from tests.server.workers.several import INFO_HASHES, needs_several, several, until, workers_of

ELSEWHERE = (b"\x20" + bytes(7)).ljust(len(packed(HOME)), b"\1")[: len(packed(HOME))]


@pytest.fixture(params=[(many, steered) for many in (1, 2, 3) for steered in (True, False)])
def crew(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crew]:
    """Workers whose keys may be used from one address."""
    path = tmp_path / "keys"
    path.write_bytes(KEY + b"\n" + OTHER + b"\n")

    def prepare(settings: Settings) -> None:
        settings.of(KeySettings).path = path
        settings.of(KeyAddressSettings).most = 1

    many, steered = request.param
    workers = Crew(many, steered=steered, prepare=prepare)
    yield workers
    workers.close()


def answers(crew: Crew, key: bytes) -> list[bytes]:
    """The answers to announces with a key, over UDP and HTTP, of torrents of all workers."""
    found = []
    client = crew.client()
    for _ in range(3):  # each over a connection that another worker may accept
        for worker in range(len(crew.workers)):
            (info_hash,) = crew.owned_by(worker)
            connection_id = crew.exchange(client, connect_packet())[8:16]
            packet = announce_packet(connection_id, info_hash=info_hash)
            found.append(crew.exchange(client, packet + options(b"/announce/" + key)))
            path = f"/{key.decode()}/announce?info_hash={quote_from_bytes(info_hash)}&port=7000"
            found.append(crew.fetch(path))
    client.close()
    return found


def test_k14_a_key_that_is_in_use_elsewhere_with_any_worker(crew: Crew) -> None:
    crew.workers[-1].tracker.keys.check(KEY, ELSEWHERE)
    crew.until(lambda: all(knows(crew, worker) for worker in range(len(crew.workers))), "its address")
    found = answers(crew, KEY)
    assert all(CROWDED_KEY in answer for answer in found)
    refused = sum(each.counters.value("refused_key_addresses") for each in crew.workers)
    assert refused == len(found)
    assert not any(CROWDED_KEY in answer for answer in answers(crew, OTHER))


def knows(crew: Crew, worker: int) -> bool:
    """Whether a worker knows of one address in use."""
    return crew.workers[worker].part(KeyAddresses).size == 1


def test_k14_addresses_that_come_at_the_same_moment(crew: Crew) -> None:
    """Each of two workers admits one, and they refuse the same one when they have told each other."""
    family = len(ELSEWHERE)
    addresses = [bytes([32, number]).ljust(family, b"\1") for number in range(len(crew.workers))]
    for worker, address in zip(crew.workers, addresses, strict=True):
        worker.tracker.keys.check(KEY, address)
    for _ in range(5):
        crew.iterate()
    table = [each.part(KeyAddresses) for each in crew.workers]
    assert [each.size for each in table] == [1] * len(crew.workers)
    for worker in crew.workers:
        worker.tracker.keys.check(KEY, addresses[0])


def test_a_worker_that_begins_learns_all_addresses(crew: Crew) -> None:
    first, last = crew.workers[0], crew.workers[-1]
    first.tracker.keys.check(KEY, ELSEWHERE)
    first.tracker.keys.check(OTHER, ELSEWHERE)
    fresh = KeyAddresses(1, 0, last.minute)
    last.loop.start(SharedKeyAddresses(fresh, last.mesh).catch_up())
    crew.until(lambda: not last.loop.has_work(), "the addresses of the others")
    assert fresh.size == (2 if first is not last else 0)
    assert HEARER != STREAM


@pytest.mark.skipif(WANT_V6, reason="a machine has one address of IPv6 on loopback")
@needs_several
@several
def test_k14_after_the_death_of_workers(tmp_path: Path, workers: int) -> None:
    (tmp_path / "keys").write_bytes(KEY + b"\n")
    config = tmp_path / "keys.conf"
    config.write_text(f"access.keys {tmp_path / 'keys'}\nlimits.addresses_per_key 1\n")
    with Tracker(*processes.options(tmp_path, workers, "-f", str(config)), sockets=2) as tracker:

        def is_refused(source: str) -> bool:
            """Whether all of some requests with the key are refused."""
            found = [CROWDED_KEY in ask(tracker, source, info_hash) for info_hash in INFO_HASHES]
            assert source != HOME or not any(found)
            return all(found)

        assert not is_refused(HOME)
        until(lambda: is_refused("127.0.0.2"), "a refusal")
        for pid in workers_of(tracker):
            os.kill(pid, signal.SIGKILL)
            tracker.line_with("serves again")
            until(lambda: is_refused("127.0.0.2"), "a refusal, once the successor has asked the others")
        assert not is_refused(HOME)


def ask(tracker: Tracker, source: str, info_hash: bytes) -> bytes:
    """The answer to an announce with the key, from an address of this machine."""
    with socket.create_connection(tracker.endpoint("TCP"), PATIENCE, (source, 0)) as client:
        target = f"/{KEY.decode()}/announce?info_hash={quote_from_bytes(info_hash)}&port=7000"
        client.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while data := client.recv(65536):
            answer += data
    return answer
