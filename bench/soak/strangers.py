"""The doings of strangers, a day's worth all at once: run by bench/soak, within its network namespace.

usage: python -m soak.strangers HOST PORT SECONDS

Each kind of stranger is a thread with a pace of its own. Some of them are no attackers: full scrapes that are read to
their ends and statistics are checked for what they have to be, and one that is cut is as wrong as one that says
something else. The slow readers are others: the tracker may close them in the middle where places are scarce, so that
is counted and nothing else. The report is a line of JSON, at the end of the time or at SIGTERM.

A stranger that meets no server counts as `unreachable` and tries again. SIGUSR1 says that the server is about to be
killed, SIGUSR2 that it serves again: failures because of that are counted apart, under names that end with
`_in_restart`.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from soak.answers import CutError, parted, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC: Final = 0x41727101980
ANNOUNCE: Final = ">QII20s20sQQQIIIiH"
PEER_ID: Final = b"-XX0001-soaking00000"
ID_SECONDS: Final = 120.0  # a connection id is good for at least twice as long
SILENCE: Final = 20.0  # seconds: whatever was asked before a restart has broken by then
ENOUGH_HEADS: Final = 320  # more than one address may have open by default
SLOW_READERS: Final = 20
SIPPED: Final = 4096  # bytes that a slow reader takes at a time
MODES: Final = ("peer", "everything", "top100", "s24s", "renew", "herr", "prometheus", "html", "no-such-mode")

over = threading.Event()
counts: Counter[str] = Counter()


class Restart:
    """Until when (seconds of the monotonic clock) what breaks may be due to the last restart."""

    def __init__(self) -> None:
        self.until = 0.0

    def begin(self) -> None:
        self.until = float("inf")

    def end(self) -> None:
        self.until = time.monotonic() + SILENCE

    def name(self, failure: str) -> str:
        """The name under which a failure counts now."""
        return f"{failure}_in_restart" if time.monotonic() < self.until else failure


restart = Restart()


def pace(times_a_second: float, do: Callable[[], None]) -> None:
    """Do it so often, until it is all over; what is late is not made up for."""
    due = time.monotonic()
    while not over.is_set():
        counts["tries"] += 1
        try:
            do()
        except (ConnectionError, TimeoutError):
            counts[restart.name("unreachable")] += 1
            over.wait(0.2)
        due = max(due + 1 / times_a_second, time.monotonic() - 0.1)
        wait = due - time.monotonic()
        if wait > 0:
            over.wait(wait)


class Sources:
    """A UDP socket for each of some addresses, and their connection ids."""

    def __init__(self, server: tuple[str, int], addresses: list[str]) -> None:
        self.socks = []
        for address in addresses:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((address, 0))
            sock.connect(server)
            self.socks.append(sock)
        self.ids: dict[socket.socket, tuple[bytes, float]] = {}

    def any(self) -> socket.socket:
        return random.choice(self.socks)

    def connection_id(self, sock: socket.socket) -> bytes:
        """A good connection id of this address."""
        known, since = self.ids.get(sock, (b"", 0.0))
        if not known or time.monotonic() - since > ID_SECONDS:
            drain(sock)
            sock.settimeout(1.0)
            sock.send(struct.pack(">QII", MAGIC, 0, 7))
            answer = sock.recv(2048)
            if answer[:8] != struct.pack(">II", 0, 7):  # a late answer to something else
                raise TimeoutError
            known = answer[8:16]
            self.ids[sock] = (known, time.monotonic())
        return known


def drain(sock: socket.socket) -> int:
    """Take away what has come; gives its bytes."""
    sock.setblocking(False)  # MSG_DONTWAIT would not do: Python waits for a socket's timeout before it asks
    size = 0
    try:
        while True:
            size += len(sock.recv(2048))
    except BlockingIOError:
        return size


def random_torrents(server: tuple[str, int]) -> None:
    """Announces of torrents that nobody has, from addresses that have shown themselves; some say `completed`."""
    sources = Sources(server, [f"127.3.0.{n}" for n in range(1, 33)])

    def burst() -> None:
        sock = sources.any()
        connection_id = sources.connection_id(sock)
        for _ in range(20):
            event, left = random.choice([(0, 1), (2, 1), (1, 0), (3, 0)])
            numbers = (0, left, 0, event, 0, 0, 50, random.randrange(2, 65536))
            packet = (1, random.getrandbits(32), random.randbytes(20), PEER_ID, *numbers)
            sock.send(struct.pack(ANNOUNCE, int.from_bytes(connection_id, "big"), *packet))
            counts["random_torrents"] += 1
        drain(sock)

    pace(100, burst)


def squatters(server: tuple[str, int]) -> None:
    """All ports of a few addresses, in one torrent."""
    sources = Sources(server, [f"127.4.0.{n}" for n in range(1, 5)])
    torrent = b"squatted torrent!!!!"

    def burst() -> None:
        sock = sources.any()
        connection_id = sources.connection_id(sock)
        for _ in range(10):
            numbers = (0, random.randrange(2), 0, 0, 0, 0, 200, random.randrange(2, 65536))
            packet = (1, random.getrandbits(32), torrent, PEER_ID, *numbers)
            sock.send(struct.pack(ANNOUNCE, int.from_bytes(connection_id, "big"), *packet))
            counts["squatters"] += 1
        drain(sock)

    pace(50, burst)


def spoofed(server: tuple[str, int]) -> None:
    """Requests with connection ids that are made up; what comes back is counted beside what was sent."""
    sources = Sources(server, [f"127.5.{n}.1" for n in range(64)])

    def burst() -> None:
        sock = sources.any()
        for _ in range(20):
            size = random.choice([16, 36, 98, 98, 98, 500])
            packet = (
                random.randbytes(8)
                + struct.pack(">I", random.choice([1, 1, 1, 2, 3, 0]))
                + random.randbytes(500)
            )
            sock.send(packet[:size])
            counts["spoofed"] += 1
            counts["spoofed_bytes_sent"] += size
        counts["spoofed_bytes_answered"] += drain(sock)

    pace(150, burst)


def garbage(server: tuple[str, int]) -> None:
    """Datagrams of anything, of any size."""
    sources = Sources(server, ["127.6.0.1", "127.6.0.2"])

    def burst() -> None:
        sock = sources.any()
        for _ in range(10):
            sock.send(random.randbytes(random.randrange(1500)))
            counts["garbage"] += 1
        drain(sock)

    pace(50, burst)


def connected(server: tuple[str, int], source: str) -> socket.socket:
    sock = socket.create_connection(server, SILENCE, (source, 0))
    sock.settimeout(SILENCE)
    return sock


def hasty(server: tuple[str, int]) -> None:
    """Connections that send nothing, nonsense or half a request, and are closed or reset at once."""
    linger = struct.pack("ii", 1, 0)

    def come_and_go() -> None:
        with connected(server, f"127.7.0.{random.randrange(1, 255)}") as sock:
            sock.send(
                random.choice(
                    [b"\0", b"GET /announce?info_ha", b"\x16\x03\x01" + random.randbytes(200), b"\r\n"]
                )
            )
            if random.random() < 0.5:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        counts["hasty"] += 1

    pace(100, come_and_go)


def slow_heads(server: tuple[str, int]) -> None:
    """More connections of one address than it may have, each of which sends a byte every two seconds."""
    clients: list[socket.socket] = []
    head = b"GET /announce?" + b"a" * 4000

    def drip() -> None:
        while len(clients) < ENOUGH_HEADS and not over.is_set():
            clients.append(connected(server, "127.8.0.1"))
        for sock in list(clients):
            try:
                sock.send(head[:1])
                if select.select([sock], [], [], 0)[0] and not sock.recv(1024):
                    raise ConnectionResetError
            except OSError:
                counts["slow_heads_ended"] += 1
                clients.remove(sock)
                sock.close()

    pace(0.5, drip)
    for sock in clients:
        sock.close()


def slow_readers(server: tuple[str, int]) -> None:
    """Full scrapes that are read a few kilobytes a second, and given up in the middle now and then."""
    clients: list[socket.socket] = []

    def sip() -> None:
        while len(clients) < SLOW_READERS and not over.is_set():
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(SILENCE)
            sock.bind(("127.9.0.1", 0))
            sock.connect(server)
            sock.send(b"GET /scrape HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n")
            sock.setblocking(False)
            clients.append(sock)
        for sock in list(clients):
            try:
                data = sock.recv(SIPPED)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            counts["slow_readers_bytes"] += len(data)
            if not data or random.random() < 0.01:
                counts["slow_readers_ended"] += 1
                clients.remove(sock)
                sock.close()

    pace(1, sip)
    for sock in clients:
        sock.close()


def fetched(server: tuple[str, int], target: str, headers: str = "") -> tuple[bytes, bytes]:
    """Head and body of an answer. Raises CutError for a part of one, a ConnectionError or TimeoutError for nothing."""
    with connected(server, f"127.10.0.{random.randrange(1, 255)}") as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n".encode())
        received = bytearray()
        try:
            while data := sock.recv(1 << 18):
                received += data
        except (ConnectionError, TimeoutError) as error:
            if received:
                raise CutError(repr(error)) from None
            raise
    if not received:
        raise ConnectionResetError
    return parted(bytes(received))


def full_scrapes(server: tuple[str, int]) -> None:
    """Full scrapes read to the end, plain and by gzip; each has to be one dictionary."""

    def scrape() -> None:
        packed = random.random() < 0.5
        try:
            _, body = fetched(server, "/scrape", "Accept-Encoding: gzip\r\n" if packed else "")
            text = unpacked(body) if packed else body
        except CutError:
            counts[restart.name("full_scrapes_wrong")] += 1
            return
        whole = text.startswith(b"d5:filesd") and text.endswith(b"ee") and text.count(b"10:downloadedi") > 0
        counts["full_scrapes" if whole else "full_scrapes_wrong"] += 1

    pace(1 / 10, scrape)


def statistics(server: tuple[str, int]) -> None:
    """One mode after the other, known and unknown."""

    def ask() -> None:
        mode = random.choice(MODES)
        try:
            head, body = fetched(server, f"/stats?mode={mode}")
        except CutError:
            counts[restart.name("statistics_wrong")] += 1
            return
        status = b"400" if mode == "no-such-mode" else b"200"
        right = head.startswith(b"HTTP/1.1 " + status) and body
        counts["statistics" if right else "statistics_wrong"] += 1

    pace(1 / 2, ask)


KINDS: Final = (
    random_torrents,
    squatters,
    spoofed,
    garbage,
    hasty,
    slow_heads,
    slow_readers,
    full_scrapes,
    statistics,
)


def run(kind: Callable[[tuple[str, int]], None], server: tuple[str, int]) -> None:
    """A kind of stranger; one that ends by itself is a fault of this program, and ends it."""
    try:
        kind(server)
    except BaseException as error:
        print(f"strangers: {kind.__name__}: {error!r}", file=sys.stderr, flush=True)
        os._exit(1)


def main(host: str, port: str, seconds: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    signal.signal(signal.SIGUSR1, lambda *_: restart.begin())
    signal.signal(signal.SIGUSR2, lambda *_: restart.end())
    server = (host, int(port))
    threads = [threading.Thread(target=run, args=(kind, server)) for kind in KINDS]
    for thread in threads:
        thread.start()
    over.wait(float(seconds))
    over.set()
    for thread in threads:
        thread.join()
    print(json.dumps(counts, sort_keys=True), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
