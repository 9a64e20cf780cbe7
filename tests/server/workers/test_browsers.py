"""Browsers over several workers: one meeting point, whichever workers have their connections and their torrents."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote_from_bytes

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.features.webtorrent.rendezvous import MOST_PEERS
from opentracker.protocol.bencode import decode
from opentracker.server.webtorrent.framing import MOST_MESSAGE
from opentracker.server.webtorrent.hub import Hub
from opentracker.server.workers.browsers import MOST_PART, SharedRendezvous
from opentracker.server.workers.frames import MOST_PAYLOAD
from opentracker.swarm.browsers import Link
from tests.server.live import Endpoint, Live, TcpClient
from tests.server.process import PATIENCE, Tracker
from tests.server.webtorrent.browser import Browser
from tests.server.workers.crew import Crew
from tests.server.workers.several import (
    INFO_HASHES,
    fetch,
    needs_several,
    options,
    several,
    until,
    workers_of,
)

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import UNAUTHORIZED
    from tests.server.workers.test_refusals import refuse_all


class Place:
    """A crew as the browsers of other tests need it."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.until = crew.until
        self.clients: list[TcpClient] = []

    def tcp(self, to: Endpoint) -> TcpClient:
        """A TCP connection."""
        client = TcpClient(cast("Live", self), to)
        self.clients.append(client)
        return client

    def hub(self, worker: int) -> Hub:
        """The WebSockets of a worker."""
        return self.crew.workers[worker].part(Hub)

    def browser(self, worker: int, name: str) -> Browser:
        """A browser whose connection a worker has: the kernel chooses, until it is the right one."""
        while True:
            before = len(self.hub(worker).links)
            browser = Browser(cast("Live", self), self.crew.tcp, name)
            if len(self.hub(worker).links) > before:
                return browser
            browser.tcp.close()

    def torrents(self) -> list[str]:
        """A torrent of each worker."""
        return [self.crew.owned_by(worker)[0].decode("latin-1") for worker in range(len(self.crew.workers))]

    def held(self) -> int:
        """The number of peers in the swarms of all workers."""
        return sum(int(worker.tracker.browsers.peers) for worker in self.crew.workers)


@pytest.fixture(params=[1, 2, 3])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """One to three workers."""
    place = Place(Crew(request.param))
    yield place
    for client in place.clients:
        client.close()
    place.crew.close()


def offers(*names: str, sdp: str = "sdp") -> list[dict[str, object]]:
    return [{"offer": {"type": "offer", "sdp": sdp}, "offer_id": name * 20} for name in names]


def test_offers_and_answers_between_all_workers(place: Place) -> None:
    many = len(place.crew.workers)
    for torrent in place.torrents():
        for one in range(many):
            for other in range(many):
                a, b = place.browser(one, "A"), place.browser(other, "B")
                a.announce(torrent, left=0)
                assert (a.next_message()["complete"]) == 1
                b.announce(torrent, left=5, offers=offers("1", "2"))
                answer, offer = b.next_message(), a.next_message()
                assert (answer["complete"], answer["incomplete"]) == (1, 1)
                assert (offer["offer_id"], offer["peer_id"]) == ("1" * 20, b.peer_id)
                a.announce(
                    torrent, answer={"type": "answer", "sdp": "x"}, to_peer_id=b.peer_id, offer_id="1" * 20
                )
                forwarded = b.next_message()
                assert (forwarded["peer_id"], forwarded["answer"]["sdp"]) == (a.peer_id, "x")
                a.announce(torrent, event="stopped")
                assert a.next_message()["complete"] == 0
                b.tcp.close()
                place.crew.until(lambda: place.held() == 0, "the end of the swarm")
    values = [worker.counters for worker in place.crew.workers]
    assert sum(each.value("web_messages") for each in values) == 4 * many**3
    assert sum(each.value("web_announces") for each in values) == 3 * many**3
    assert sum(each.value("web_answers") for each in values) == many**3


def test_w14_counts_are_those_of_all_workers(place: Place) -> None:
    torrents = place.torrents()
    for worker in range(len(torrents)):
        browser = place.browser(worker, "ABC"[worker])
        for number, torrent in enumerate(torrents):
            browser.announce(torrent, left=number)
            browser.next_message()
    for worker in range(len(torrents)):
        browser = place.browser(worker, "D")
        browser.say({"action": "scrape", "info_hash": [*torrents, "?" * 20]})
        files = browser.next_message()["files"]
        found = [(files[each]["complete"], files[each]["incomplete"]) for each in [*torrents, "?" * 20]]
        assert found == [(len(torrents), 0), *[(0, len(torrents))] * (len(torrents) - 1), (0, 0)]
    for number, torrent in enumerate(torrents):
        target = f"/scrape?info_hash={quote_from_bytes(torrent.encode('latin-1'))}"
        answer = decode(place.crew.fetch(target))
        assert isinstance(answer, dict)
        (row,) = cast("dict[bytes, dict[bytes, int]]", answer[b"files"]).values()
        assert row[b"complete"] == (len(torrents) if number == 0 else 0)
        announced = decode(place.crew.announce(torrent.encode("latin-1"), 7000))
        assert isinstance(announced, dict)
        assert announced[b"incomplete"] == 1 + (0 if number == 0 else len(torrents))


def test_w15_a_connection_that_ends_takes_its_peers_along(place: Place) -> None:
    for worker in range(len(place.crew.workers)):
        browser = place.browser(worker, "A")
        for torrent in place.torrents():
            browser.announce(torrent)
            assert browser.next_message()["incomplete"] == 1
        assert place.held() == len(place.crew.workers)
        browser.tcp.close()
        place.crew.until(lambda: place.held() == 0, "the end of all its peers")


def test_w16_a_peer_on_a_second_connection_stays_when_the_first_one_ends(place: Place) -> None:
    many = len(place.crew.workers)
    for torrent in place.torrents():
        for one in range(many):
            for other in range(many):
                first, second = place.browser(one, "A"), place.browser(other, "A")
                for browser in (first, second):
                    browser.announce(torrent)
                    assert browser.next_message()["incomplete"] == 1
                first.tcp.close()
                links = sum(len(place.hub(worker).links) for worker in range(many))
                place.crew.until(
                    lambda links=links: sum(len(place.hub(each).links) for each in range(many)) < links,  # type: ignore[misc]
                    "the end of the first",
                )
                assert second.counts(torrent) == (0, 1)
                third = place.browser(one, "B")
                third.announce(torrent, offers=offers("1"))
                assert second.next_message()["offer_id"] == "1" * 20
                second.tcp.close()
                third.tcp.close()
                place.crew.until(lambda: place.held() == 0, "the end of the swarm")


def test_w18_w21_w24_refusals_come_back(place: Place) -> None:
    for torrent in place.torrents():
        for worker in range(len(place.crew.workers)):
            browser, thief = place.browser(worker, "A"), place.browser(worker, "B")
            browser.announce(torrent[:19])
            assert "info_hash" not in browser.next_message()
            browser.announce(torrent, event="nonsense")
            assert browser.next_message()["failure reason"] == "invalid event"
            browser.announce(torrent)
            browser.next_message()
            for liar in (browser, thief):
                liar.announce(
                    torrent,
                    peer_id=browser.peer_id,
                    to_peer_id=browser.peer_id,
                    offer_id="1" * 20,
                    answer={"type": "answer", "sdp": "x"},
                )
                refusal = liar.next_message()
                assert refusal["failure reason"] == "no offer is waiting for this answer"
                assert refusal["info_hash"] == torrent
            browser.tcp.close()
            place.crew.until(lambda: place.held() == 0, "the end of the swarm")


@pytest.mark.skipif(
    not (WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE), reason="needs a build with an access list"
)
def test_w27_a_torrent_that_its_owner_refuses(place: Place) -> None:
    refuse_all(place.crew)
    browser = place.browser(0, "A")
    for torrent in place.torrents():
        browser.announce(torrent)
        refusal = browser.next_message()
        assert refusal["failure reason"] == UNAUTHORIZED.decode("ascii")
        assert refusal["info_hash"] == torrent


def test_a_message_that_is_longer_than_a_frame(place: Place) -> None:
    for torrent in place.torrents():
        a, b = place.browser(0, "A"), place.browser(len(place.crew.workers) - 1, "B")
        a.announce(torrent)
        a.next_message()
        message = {
            "action": "announce",
            "info_hash": torrent,
            "peer_id": b.peer_id,
            "offers": offers("1", sdp=""),
        }
        sdp = "x" * (MOST_MESSAGE - len(json.dumps(message)))
        message["offers"] = offers("1", sdp=sdp)
        assert len(json.dumps(message)) > MOST_PART
        b.say(message)
        assert a.next_message()["offer"]["sdp"] == sdp
        b.next_message()
        for browser in (a, b):
            browser.announce(torrent, event="stopped")
            browser.next_message()
            browser.tcp.close()
    assert MOST_PART < MOST_PAYLOAD


class Client(Link):
    """A connection without a socket."""

    def __init__(self, name: str = "A") -> None:
        super().__init__()
        self.name = name
        self.received: list[bytes] = []

    def send(self, message: bytes) -> None:
        """See Link."""
        self.received.append(message)

    def say(self, rendezvous: SharedRendezvous, info_hash: bytes) -> None:
        """Announce."""
        message = {"action": "announce", "info_hash": info_hash.decode("latin-1"), "peer_id": self.name * 20}
        rendezvous.receive(json.dumps(message).encode(), self, 0.0)


def rendezvous_of(crew: Crew, worker: int) -> SharedRendezvous:
    """The meeting point of a worker."""
    found = crew.workers[worker].part(Hub).rendezvous
    assert isinstance(found, SharedRendezvous)
    return found


def test_w25_the_torrents_of_a_connection_are_counted_over_all_workers(place: Place) -> None:
    crew, client = place.crew, Client()
    rendezvous = rendezvous_of(crew, 0)
    torrents = [os.urandom(20) for _ in range(MOST_PEERS + 9)]
    for info_hash in torrents[:-20]:
        client.say(rendezvous, info_hash)
    crew.until(lambda: len(client.received) == len(torrents) - 20, "the answers")
    assert not any(b"failure" in each for each in client.received)
    for number, info_hash in enumerate(torrents[-20:]):
        client.received.clear()
        client.say(rendezvous, info_hash)
        crew.until(lambda: len(client.received) == 1, "the answer")
        assert (b"failure" in client.received[0]) is (number > 10)
    assert place.held() == MOST_PEERS
    client.received.clear()
    client.say(rendezvous, torrents[0])
    crew.until(lambda: len(client.received) == 1, "the answer to a known peer")
    assert b"failure" not in client.received[0]
    rendezvous.leave(client)
    crew.until(lambda: place.held() == 0, "the end of all peers")


def test_long_messages_for_one_connection_do_not_mix(two: Crew) -> None:
    one, other = Client("A"), Client("B")
    rendezvous = rendezvous_of(two, 0)
    for client in (one, other):
        client.say(rendezvous, two.owned_by(1)[0])
        two.until(lambda client=client: len(client.received) == 1, "the answer")  # type: ignore[misc]
        client.received.clear()
    links = list(rendezvous_of(two, 1).remote_links.values())
    assert len(links) == 2
    for size in (MOST_PART - 1, MOST_PART, MOST_PART + 1, 3 * MOST_PART, 1):
        for link, letter in zip(links, (b"a", b"b"), strict=True):
            link.send(letter * size)
        two.until(lambda: len(one.received) == len(other.received) == 1, "the messages")
        assert (one.received.pop(), other.received.pop()) == (b"a" * size, b"b" * size)


def test_a_connection_that_has_ended_gets_nothing(two: Crew) -> None:
    client, next_one = Client("A"), Client("B")
    rendezvous = rendezvous_of(two, 0)
    client.say(rendezvous, two.owned_by(1)[0])
    rendezvous.leave(client)
    next_one.say(rendezvous, two.owned_by(1)[0])
    two.until(lambda: len(next_one.received) == 1, "the answer to another one")
    assert client.received == []
    assert int(two.workers[1].tracker.browsers.peers) == 1


def test_a_successor_has_no_browsers_and_no_peers_of_others(two: Crew) -> None:
    of_first, of_second = Client("A"), Client("B")
    first, second = rendezvous_of(two, 0), rendezvous_of(two, 1)
    its, others = two.owned_by(1)[0], two.owned_by(0)[0]
    for client, rendezvous in ((of_first, first), (of_second, second)):
        for info_hash in (its, others):
            client.say(rendezvous, info_hash)
        two.until(lambda client=client: len(client.received) == 2, "the answers")  # type: ignore[misc]
    assert (len(first.remote_links), of_first.elsewhere) == (1, 1)
    two.workers[1].succeed()
    two.until(lambda: of_first.elsewhere == 0, "the news")
    assert first.remote_links == {}
    assert int(two.workers[0].tracker.browsers.peers) == 1  # of the first one itself


def ws(tracker: Tracker, stack: ExitStack) -> ClientConnection:
    """A WebSocket of a tracker in another process."""
    host, port = tracker.endpoint("TCP")
    shown = f"[{host}]" if ":" in host else host
    return stack.enter_context(connect(f"ws://{shown}:{port}/announce", open_timeout=PATIENCE, proxy=None))


def say(client: ClientConnection, name: str, info_hash: bytes, **more: Any) -> None:
    """Announce."""
    torrent = info_hash.decode("latin-1")
    client.send(json.dumps({"action": "announce", "info_hash": torrent, "peer_id": name * 20, **more}))


def heard(client: ClientConnection) -> Any:
    """The next message."""
    return json.loads(client.recv(timeout=PATIENCE))


def peers(tracker: Tracker) -> int:
    """The browsers in all swarms, by the scrapes over HTTP."""
    query = "&".join(f"info_hash={quote_from_bytes(each)}" for each in INFO_HASHES)
    answer = decode(fetch(tracker, f"/scrape?{query}"))
    assert isinstance(answer, dict)
    rows = cast("dict[bytes, dict[bytes, int]]", answer[b"files"]).values()
    return sum(row[b"complete"] + row[b"incomplete"] for row in rows)


@needs_several
@several
def test_w15_the_browsers_of_a_worker_that_dies_vanish(tmp_path: Path, workers: int) -> None:
    with ExitStack() as stack, Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        clients = [ws(tracker, stack) for _ in range(12)]
        for client, name in zip(clients, "ABCDEFGHIJKL", strict=True):
            for info_hash in INFO_HASHES:
                say(client, name, info_hash)
                assert heard(client)["action"] == "announce"
        assert peers(tracker) == 12 * len(INFO_HASHES)
        for pid in workers_of(tracker):
            os.kill(pid, signal.SIGKILL)
            tracker.line_with("serves again")
        alive = []
        for client, name in zip(clients, "ABCDEFGHIJKL", strict=True):
            try:
                for info_hash in INFO_HASHES:
                    say(client, name, info_hash)
                    heard(client)
                alive.append(client)
            except ConnectionClosed:
                continue
        assert len(alive) == (12 if workers == 1 else 0)
        until(lambda: peers(tracker) == len(alive) * len(INFO_HASHES), "the end of the others")
        newcomer = ws(tracker, stack)
        for info_hash in INFO_HASHES:
            say(newcomer, "N", info_hash)
            assert heard(newcomer)["incomplete"] == 1 + len(alive)


@needs_several
@several
def test_an_end_is_told(tmp_path: Path, workers: int) -> None:
    with ExitStack() as stack:
        with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
            clients = [ws(tracker, stack) for _ in range(12)]
            tracker.signal(signal.SIGTERM)
            assert tracker.wait() == 0
        for client in clients:
            with pytest.raises(ConnectionClosed):
                client.recv(timeout=PATIENCE)
            assert client.close_code == 1001


@needs_several
@several
def test_the_limit_on_websockets_is_that_of_all_workers(tmp_path: Path, workers: int) -> None:
    (tmp_path / "limit.conf").write_text("limits.websockets 6\n")
    given = options(tmp_path, workers, "-f", str(tmp_path / "limit.conf"))
    with ExitStack() as stack, Tracker(*given, sockets=2) as tracker:
        clients: list[ClientConnection] = []
        refused: list[int] = []
        for _ in range(100):
            try:
                clients.append(ws(tracker, stack))
            except InvalidStatus as error:
                refused.append(error.response.status_code)
        assert (len(clients), refused) == (6, [503] * 94)
        for client in clients:
            say(client, "A", INFO_HASHES[0])
            assert heard(client)["incomplete"] == 1
