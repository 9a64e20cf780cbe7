"""The lines of the workers of `opentracker.debug` about refused requests: one for each, with its bytes."""

import logging
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import pytest

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.protocol.bencode import decode
from opentracker.server.workers.debug_worker import DebugWorker
from opentracker.server.workers.refusals import TellingSharedHttpResponder, TellingSharedUdpResponder
from tests.server.live import HOME, MISMATCH, announce_packet, connect_packet, scrape_packet
from tests.server.workers.crew import Crew

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import UNAUTHORIZED, Admission
    from opentracker.swarm.tracker import admit_by

    class Nothing(Admission):
        """An access list that allows no torrent."""

        def allows(self, info_hash: bytes) -> bool:
            """See Admission."""
            return False


has_list = pytest.mark.skipif(
    not (WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE), reason="needs a build with an access list"
)
MANY = [1, 2, 3]


@pytest.fixture(params=[(many, steered) for many in MANY for steered in (True, False)])
def crew(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Crew]:
    """One to three workers, whose datagrams the kernel steers, or does not."""
    many, steered = request.param
    workers = Crew(many, steered=steered, make=DebugWorker)
    caplog.set_level(logging.DEBUG, "opentracker")
    caplog.clear()
    yield workers
    workers.close()


def refuse_all(crew: Crew) -> None:
    """Have the owners refuse all torrents."""
    for worker in crew.workers:
        admit_by(worker.tracker, Nothing())


def test_requests_that_are_served_are_not_told(crew: Crew, caplog: pytest.LogCaptureFixture) -> None:
    info_hashes = [each for worker in range(len(crew.workers)) for each in crew.owned_by(worker, 2)]
    client, connection_id = crew.connect()
    for info_hash in info_hashes:
        assert b"incomplete" in crew.announce(info_hash, 7000)
        answer = crew.exchange(client, announce_packet(connection_id, info_hash=info_hash, port=7001))
        assert answer[:4] == bytes.fromhex("00000001")
    assert len(crew.exchange(client, scrape_packet(connection_id, *info_hashes))) == 8 + 12 * len(info_hashes)
    query = "&".join(f"info_hash={quote_from_bytes(each)}" for each in info_hashes)
    assert b"files" in crew.fetch(f"/scrape?{query}")
    client.close()
    assert caplog.messages == []
    assert {type(worker.shared_http) for worker in crew.workers} == {TellingSharedHttpResponder}
    assert {type(each) for worker in crew.workers for each in worker.udp_responders()} == {
        TellingSharedUdpResponder
    }


def test_malformed_requests_are_told_by_the_worker_that_gets_them(
    crew: Crew, caplog: pytest.LogCaptureFixture
) -> None:
    client = crew.client()
    for _ in range(5):
        client.send(b"nonsense")
        assert len(crew.exchange(client, connect_packet())) == 16
    wrong = announce_packet(bytes(8), info_hash=crew.owned_by(len(crew.workers) - 1)[0])
    assert crew.exchange(client, wrong) == MISMATCH
    client.close()
    assert caplog.messages == [
        *[f"refused UDP from {HOME}, with silence (8 bytes are not a request): b'nonsense'"] * 5,
        f"refused UDP from {HOME}, with {MISMATCH[8:]!r}: {wrong!r}",
    ]
    caplog.clear()
    assert b" 404 " in crew.fetch("/nowhere", whole=True)
    assert b"failure reason" in crew.fetch("/announce?info_hash=short")
    assert len(caplog.messages) == 2
    assert caplog.messages[0] == f"refused HTTP from {HOME}, with 404: b'GET /nowhere'"
    assert caplog.messages[1].startswith(f"refused HTTP from {HOME}, with b'd14:failure reason")
    assert caplog.messages[1].endswith("b'GET /announce?info_hash=short'")


@has_list
def test_an_announce_that_its_owner_refuses_is_told_once(
    crew: Crew, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_all(crew)
    client, connection_id = crew.connect()
    for worker in range(len(crew.workers)):
        (info_hash,) = crew.owned_by(worker)
        for _ in range(4):  # each over a connection that another worker may accept
            body = decode(crew.announce(info_hash, 7000))
            assert isinstance(body, dict)
            assert body[b"failure reason"] == UNAUTHORIZED
        target = f"/announce?info_hash={quote_from_bytes(info_hash)}&port=7000"
        assert len(caplog.messages) == 4
        assert all(
            line.startswith(f"refused HTTP from {HOME}, with b'd14:failure reason")
            and line.endswith(f": {b'GET ' + target.encode()!r}")
            for line in caplog.messages
        )
        caplog.clear()
        packet = announce_packet(connection_id, info_hash=info_hash)
        assert crew.exchange(client, packet)[8:] == UNAUTHORIZED
        assert caplog.messages == [f"refused UDP from {HOME}, with {UNAUTHORIZED!r}: {packet!r}"]
        caplog.clear()
    client.close()


def test_bytes_that_are_no_request_are_told(crew: Crew, caplog: pytest.LogCaptureFixture) -> None:
    assert b" 400 " in crew.fetch(" x y", whole=True)
    assert [line for line in caplog.messages if line.startswith(f"refused HTTP from {HOME}, with 400: ")]
