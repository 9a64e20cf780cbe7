"""A libtorrent whose user wants one file of two: it is a partial seed to the tracker, over HTTP and over UDP.

In one process libtorrent keeps a connection id for each address of a tracker, so each test has an address of its own.
"""

import socket
from pathlib import Path
from typing import Any

import pytest

from opentracker.protocol.bencode import decode
from tests.e2e.test_keys import until
from tests.e2e.test_libtorrent import Client, lt
from tests.protocol.http_cases import get, scrape_query
from tests.server.process import Tracker, allow, list_loopback

CONTENT = bytes(range(256)) * 64  # a piece each: a.bin is there, b.bin is not wanted
SESSION = "127.0.0.12"

pytestmark = pytest.mark.needs("WANT_EXTENDED_ANSWERS", WANT_V6=False)


class TwoFiles:
    """A torrent of two files, of which the folder has the first."""

    def __init__(self, folder: Path) -> None:
        (folder / "two").mkdir()
        for name in ("a.bin", "b.bin"):
            (folder / "two" / name).write_bytes(CONTENT)
        files = [lt.create_file_entry(f"two/{name}", len(CONTENT)) for name in ("a.bin", "b.bin")]
        torrent = lt.create_torrent(files, 16384, lt.create_torrent.v1_only)
        lt.set_piece_hashes(torrent, str(folder))
        (folder / "two" / "b.bin").unlink()
        self.data: bytes = lt.bencode(torrent.generate())
        self.info_hash: bytes = lt.load_torrent_buffer(self.data).info_hashes.v1.to_bytes()


def downloading(tracker: Tracker, info_hash: bytes) -> tuple[int, int]:
    """The leechers that a scrape tells of, and those of them that download."""
    with socket.create_connection(tracker.endpoint("TCP"), 10, ("127.0.0.1", 0)) as client:
        client.sendall(get(b"/scrape?" + scrape_query([info_hash]), b"Host: x\r\nConnection: close\r\n"))
        answer = b""
        while data := client.recv(65536):
            answer += data
    body: Any = decode(answer.partition(b"\r\n\r\n")[2])
    counts = body[b"files"][info_hash]
    return counts[b"incomplete"], counts[b"downloaders"]


@pytest.mark.parametrize(("scheme", "host"), [("http", "127.0.0.13"), ("udp", "127.0.0.14")])
def test_h56_libtorrent_is_a_partial_seed_until_its_user_wants_more(
    scheme: str, host: str, tmp_path: Path
) -> None:
    torrent: Any = TwoFiles(tmp_path)
    options = [*allow(tmp_path, torrent.info_hash), *list_loopback(tmp_path)]
    with (
        Tracker("-i", host, "-p", "0", "-P", "0", *options, sockets=2) as tracker,
        Client(SESSION) as client,
    ):
        port = tracker.endpoint("UDP" if scheme == "udp" else "TCP")[1]
        parameters = lt.load_torrent_buffer(torrent.data)
        parameters.trackers = [f"{scheme}://{host}:{port}/announce"]
        parameters.save_path = str(tmp_path)
        parameters.file_priorities = [4, 0]
        parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        client.handle = client.session.add_torrent(parameters)
        until(lambda: downloading(tracker, torrent.info_hash) == (1, 0), "a partial seed")
        client.handle.prioritize_files([4, 4])
        client.handle.force_reannounce(0, -1, lt.reannounce_flags_t.ignore_min_interval)
        until(lambda: downloading(tracker, torrent.info_hash) == (1, 1), "a leecher")
