"""HTTP over several workers: the owner of each torrent is asked, and the connection waits for its answer."""

import socket

import pytest

from opentracker._features import WANT_KEEPALIVE
from opentracker.protocol.bencode import decode
from tests.server.workers.crew import Crew


def test_announces_of_one_torrent_meet(crew: Crew) -> None:
    for worker in range(len(crew.workers)):
        (info_hash,) = crew.owned_by(worker)
        for number in range(5):  # each over a connection that another worker may accept
            answer = decode(crew.announce(info_hash, 7000 + number))
            assert isinstance(answer, dict)
            assert answer[b"incomplete"] == number + 1
        held = [each.tracker.store.has(info_hash) for each in crew.workers]
        assert held == [number == worker for number in range(len(crew.workers))]
    assert sum(int(each.counters.tcp_announces) for each in crew.workers) == 5 * len(crew.workers)


def test_a_failure_of_the_owner_and_one_of_the_request(crew: Crew) -> None:
    assert b"failure reason" in crew.fetch("/announce?info_hash=short")
    assert b"failure reason" in crew.fetch("/scrape?info_hash=short")
    assert sum(int(each.counters.tcp_failures) for each in crew.workers) == 2


def test_a_head_request_changes_nothing(crew: Crew) -> None:
    for worker in range(len(crew.workers)):
        (info_hash,) = crew.owned_by(worker)
        target = "/announce?port=7000&info_hash=" + "".join(f"%{byte:02x}" for byte in info_hash)
        answer = crew.fetch(target, head=b"HEAD", whole=True)
        assert answer.startswith((b"HTTP/1.0 200 OK", b"HTTP/1.1 200 OK"))
        assert answer.endswith(b"\r\n\r\n")
        assert not any(each.tracker.store.has(info_hash) for each in crew.workers)


def test_a_scrape_of_torrents_of_all(crew: Crew) -> None:
    info_hashes = [each for worker in range(len(crew.workers)) for each in crew.owned_by(worker, 4)]
    for info_hash in info_hashes[1:]:
        crew.announce(info_hash, 7000, "&left=0")
    query = "&".join("info_hash=" + "".join(f"%{byte:02x}" for byte in each) for each in info_hashes)
    for _ in range(3):
        answer = decode(crew.fetch(f"/scrape?{query}"))
        assert isinstance(answer, dict)
        files = answer[b"files"]
        assert isinstance(files, dict)
        seeders = {each: files[each][b"complete"] for each in info_hashes}  # type: ignore[index,call-overload]
        assert seeders == {each: int(each != info_hashes[0]) for each in info_hashes}


@pytest.mark.skipif(not WANT_KEEPALIVE, reason="needs a build with WANT_KEEPALIVE=1")
def test_requests_that_follow_each_other_are_answered_in_order(crew: Crew) -> None:
    info_hashes = [each for worker in range(len(crew.workers)) for each in crew.owned_by(worker, 3)]
    requests = [
        b"GET /announce?port=%d&info_hash=%b HTTP/1.1\r\n\r\n"
        % (7000 + number, "".join(f"%{byte:02x}" for byte in info_hash).encode())
        for number, info_hash in enumerate(info_hashes)
    ]
    requests[-1] = requests[-1].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    requests.insert(1, b"GET /health HTTP/1.1\r\n\r\n")
    with socket.create_connection(crew.tcp) as client:
        client.setblocking(False)
        client.sendall(b"".join(requests))
        answers = crew.read(client).split(b"HTTP/1.1 200 OK")[1:]
    assert len(answers) == len(requests)
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in answers]
    assert [body.startswith(b"d8:complete") for body in bodies] == [
        b"announce" in request for request in requests
    ]


def test_a_client_that_leaves_while_its_connection_waits(two: Crew) -> None:
    target = "/announce?port=7000&info_hash="
    clients = []
    for worker in (0, 1):
        (info_hash,) = two.owned_by(worker)
        client = socket.create_connection(two.tcp)
        client.sendall(
            f"GET {target}{''.join(f'%{byte:02x}' for byte in info_hash)} HTTP/1.0\r\n\r\n".encode()
        )
        client.close()
        clients.append(info_hash)
    two.until(
        lambda: all(any(each.tracker.store.has(it) for each in two.workers) for it in clients), "announces"
    )
    two.until(lambda: not any(each.http.connections for each in two.workers), "closed connections")
    assert [each.loop.faults for each in two.workers] == [0, 0]
