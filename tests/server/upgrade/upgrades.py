"""Trackers as processes that are upgraded, and a client that knows every answer which it has had."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from opentracker._features import WANT_RESTRICT_STATS
from tests.server.live import (
    HOME,
    PATIENCE,
    announce_packet,
    connect_packet,
    family_of,
    scrape_packet,
)
from tests.server.process import Tracker, allow, list_loopback

INFO_HASHES: Final = [blake2b(bytes([number]), digest_size=20).digest() for number in range(60)]
SERVES: Final = re.compile(r"upgrade: process (\d+) serves")


def options(folder: Path, workers: int, *lines: str) -> list[str]:
    """The options of a tracker that may be upgraded and serves INFO_HASHES."""
    config = folder / "upgrade.conf"
    config.write_text(
        f"listen.workers {workers}\ntracker.upgrade yes\n"
        + f"access.stats {HOME}\n" * WANT_RESTRICT_STATS
        + "".join(f"{line}\n" for line in lines),
        encoding="ascii",
    )
    return [
        *["-f", str(config), "-i", HOME, "-p", "0", "-P", "0"],
        *allow(folder, *INFO_HASHES),
        *list_loopback(folder),
    ]


class Client:
    """A UDP client with one connection id."""

    def __init__(self, tracker: Tracker) -> None:
        self.to = tracker.endpoint("UDP")
        self.sock = socket.socket(family_of(HOME), socket.SOCK_DGRAM)
        self.sock.connect(self.to)
        self.sock.settimeout(PATIENCE)
        self.id = self.ask(connect_packet())[8:16]

    def ask(self, packet: bytes) -> bytes:
        """The answer to a datagram."""
        self.sock.send(packet)
        return self.sock.recv(2048)

    def announce(self, info_hashes: Iterable[bytes], port: int) -> None:
        """Announce a leecher to each torrent; each is answered."""
        for info_hash in info_hashes:
            answer = self.ask(announce_packet(self.id, info_hash=info_hash, port=port, event=0))
            assert answer[:4] == bytes.fromhex("00000001"), answer

    def leechers(self, info_hash: bytes) -> int:
        """The leechers of a torrent."""
        return int.from_bytes(self.ask(scrape_packet(self.id, info_hash))[16:20], "big")

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


def upgraded(tracker: Tracker, pid: int) -> int:
    """Upgrade the tracker with this process id, and return that of the next one."""
    os.kill(pid, signal.SIGUSR2)
    found = SERVES.search(tracker.line_with("serves, after a pause"))
    assert found is not None, tracker.lines
    return int(found[1])


def end(tracker: Tracker, pid: int) -> None:
    """End the last tracker of a line of upgrades; the first one has ended before."""
    os.kill(pid, signal.SIGTERM)
    assert tracker.wait() == 0, tracker.lines
    assert not [line for line in tracker.lines if "Traceback" in line or "Warning" in line]


def talk(path: Path, line: bytes) -> dict[str, Any]:
    """The answer of a control socket; a connection that an upgrade has ended before the command came is made anew."""
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE)
            client.connect(str(path))
            try:
                client.sendall(line + b"\n")
                answer = client.makefile("rb").readline()
            except ConnectionError:
                continue
        if answer:
            found: dict[str, Any] = json.loads(answer)
            return found
