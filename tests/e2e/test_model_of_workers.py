"""A long random walk: a tracker of one, two and three workers answers as the naive model does, over UDP and HTTP."""

import random
import socket
from pathlib import Path
from urllib.parse import quote_from_bytes

from opentracker._features import WANT_FULLSCRAPE, WANT_MODEST_FULLSCRAPES
from opentracker.protocol.bencode import decode
from opentracker.protocol.messages import (
    EVENT_COMPLETED,
    EVENT_NONE,
    EVENT_STARTED,
    EVENT_STOPPED,
    Announce,
)
from tests.server.live import HOME, announce_packet, connect_packet, family_of, packed, scrape_packet
from tests.server.process import PATIENCE, Tracker
from tests.server.workers.several import INFO_HASHES, fetch, needs_several, options, several
from tests.swarm.model import Model, Torrent, check_peers

STEPS = 3000
EVENTS = {EVENT_NONE: "", EVENT_COMPLETED: "completed", EVENT_STARTED: "started", EVENT_STOPPED: "stopped"}
TORRENTS = INFO_HASHES[:24]
CROWDED = TORRENTS[:2]  # the torrents that most peers are in, so that they become large swarms
PORTS = 400


class Client:
    """Asks a tracker over both protocols."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.sock = socket.socket(family_of(HOME), socket.SOCK_DGRAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(tracker.endpoint("UDP"))
        self.connection_id = self.ask(connect_packet())[8:16]

    def ask(self, packet: bytes) -> bytes:
        """The answer to a datagram."""
        self.sock.send(packet)
        return self.sock.recv(4096)

    def announce_udp(self, a: Announce, port: int) -> None:
        """Fill in the answer to an announce over UDP, which has no count of downloads."""
        left = 0 if a.seeding else 1
        packet = announce_packet(
            self.connection_id, info_hash=a.info_hash, port=port, left=left, event=a.event, num_want=a.numwant
        )
        answer = self.ask(packet)
        assert answer[:4] == bytes.fromhex("00000001")
        a.incomplete, a.complete = (int.from_bytes(answer[at : at + 4], "big") for at in (12, 16))
        a.peers = answer[20:]

    def announce_http(self, a: Announce, port: int) -> None:
        """Fill in the answer to an announce over HTTP."""
        query = f"info_hash={quote_from_bytes(a.info_hash)}&port={port}&left={0 if a.seeding else 1}"
        query += f"&event={EVENTS[a.event]}&numwant={a.numwant}"
        answer = decode(fetch(self.tracker, f"/announce?{query}"))
        assert isinstance(answer, dict)
        found = {key: answer.get(key, b"") for key in (b"peers", b"peers6")}
        a.complete, a.incomplete = number(answer[b"complete"]), number(answer[b"incomplete"])
        if a.event != EVENT_STOPPED:
            a.downloaded = number(answer[b"downloaded"])
        a.peers, a.peers6 = text(found[b"peers"]), text(found[b"peers6"])

    def scrape(self, info_hashes: list[bytes]) -> list[tuple[int, ...]]:
        """The counts of torrents, by one scrape over UDP."""
        answer = self.ask(scrape_packet(self.connection_id, *info_hashes))
        words = [int.from_bytes(answer[at : at + 4], "big") for at in range(8, len(answer), 4)]
        return list(zip(words[::3], words[1::3], words[2::3], strict=True))


def number(value: object) -> int:
    """A value that is a number."""
    assert isinstance(value, int)
    return value


def text(value: object) -> bytes:
    """A value that is a string."""
    assert isinstance(value, bytes)
    return value


def step(walk: random.Random, client: Client, model: Model) -> None:
    """One announce to both."""
    is_udp = walk.random() < 0.6
    a = Announce(both_families=not is_udp)
    a.info_hash = walk.choice(CROWDED if walk.random() < 0.7 else TORRENTS)
    port = 10_000 + walk.randrange(PORTS)
    a.peer, a.stored = packed(HOME) + port.to_bytes(2, "big"), True
    a.seeding, a.event = walk.random() < 0.4, walk.choice([*EVENTS, EVENT_NONE, EVENT_NONE, EVENT_STARTED])
    a.numwant = walk.choice([1, 5, 30, 50])
    known = model.torrents.get(a.info_hash, Torrent()).peers
    others = {address: other.seeding for address, other in known.items() if address != a.peer}
    (client.announce_udp if is_udp else client.announce_http)(a, port)
    torrent = model.announce(a, 0)
    seeders, downloaded, leechers = torrent.counts()
    assert (a.complete, a.incomplete) == (seeders, leechers)
    assert is_udp or a.event == EVENT_STOPPED or a.downloaded == downloaded
    check_peers(a, others)


@needs_several
@several
def test_several_workers_are_one_tracker(tmp_path: Path, workers: int) -> None:
    walk, model = random.Random(workers), Model()
    with Tracker(*options(tmp_path, workers), sockets=2) as tracker:
        client = Client(tracker)
        for count in range(STEPS):
            step(walk, client, model)
            if count % 300 == 0:
                some = walk.sample(TORRENTS, 12)
                assert client.scrape(some) == [model.torrents.get(each, Torrent()).counts() for each in some]
        assert client.scrape(TORRENTS) == [model.torrents.get(each, Torrent()).counts() for each in TORRENTS]
        lines = fetch(tracker, "/stats?mode=peer").splitlines()
        peers = [
            sum(column) for column in zip(*[each.counts() for each in model.torrents.values()], strict=True)
        ]
        assert [int(lines[0]), int(lines[1])] == [peers[0] + peers[2], peers[0]]
        if WANT_FULLSCRAPE and not WANT_MODEST_FULLSCRAPES:
            rows = fetch(tracker, "/stats?mode=tpbs&format=txt").decode().splitlines()
            wanted = {
                each.hex().upper(): f"{torrent.counts()[0]}:{torrent.counts()[2]}"
                for each, torrent in model.torrents.items()
                if torrent.peers or torrent.downloaded
            }
            found = {row.partition(":")[0]: row.partition(":")[2] for row in rows}
            assert {key: found.get(key) for key in wanted} == wanted
        client.sock.close()
