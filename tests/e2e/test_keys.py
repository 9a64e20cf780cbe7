"""Real clients with a key in their announce URL: libtorrent, aria2 and Transmission over HTTP and UDP.

Without a key, or with an unknown one, a client is not counted, and its user can read the reason. Over UDP aria2 1.36
and Transmission 3.00 send no URL data (BEP 41), so their key does not arrive; a URL of HTTP beside it serves them.
"""

import hashlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.protocol.bencode import decode
from tests.protocol.http_cases import get, scrape_query
from tests.server.process import Tracker, allow, list_loopback

KEY, UNKNOWN = "3f2a9c5e8b7d4f6190a2c4e6b8d0f214", "00000000000000000000000000000000"
PATIENCE = 30.0  # seconds; for a test that fails, no other
HOST = "127.0.0.9"
CONTENT = bytes(range(256)) * 64

pytestmark = pytest.mark.needs("WANT_AUTH_KEYS", WANT_V6=False)


class Torrent:
    """A torrent of one file and its announce URLs, a tier each, in a file."""

    def __init__(self, folder: Path, *urls: str) -> None:
        info = b"d6:lengthi%de4:name4:file12:piece lengthi16384e6:pieces20:%be" % (
            len(CONTENT),
            hashlib.sha1(CONTENT).digest(),
        )
        self.info_hash = hashlib.sha1(info).digest()
        self.path = folder / "file.torrent"
        texts = [b"%d:%b" % (len(url), url.encode()) for url in urls]
        tiers = b"".join(b"l%be" % text for text in texts)
        self.path.write_bytes(b"d8:announce%b13:announce-listl%be4:info%be" % (texts[0], tiers, info))


INFO_HASH = hashlib.sha1(
    b"d6:lengthi%de4:name4:file12:piece lengthi16384e6:pieces20:%be"
    % (len(CONTENT), hashlib.sha1(CONTENT).digest())
).digest()


@contextmanager
def private(folder: Path, host: str = HOST, more: str = "") -> Iterator[Tracker]:
    """A tracker that knows KEY."""
    keys, config = folder / "keys", folder / "keys.conf"
    keys.write_text(f"{KEY}\n")
    config.write_text(f"access.keys {keys}\n{more}")
    options = [*allow(folder, INFO_HASH), *list_loopback(folder)]
    with Tracker("-i", host, "-p", "0", "-P", "0", "-f", str(config), *options, sockets=2) as tracker:
        yield tracker


def ask(tracker: Tracker, target: str) -> bytes:
    """The body of an answer."""
    with socket.create_connection(tracker.endpoint("TCP"), PATIENCE, (HOST, 0)) as client:
        client.sendall(get(target.encode("latin-1"), b"Host: x\r\nConnection: close\r\n"))
        answer = b""
        while data := client.recv(65536):
            answer += data
    return answer.partition(b"\r\n\r\n")[2]


def members(tracker: Tracker) -> int:
    """The number of peers in the torrent."""
    body: Any = decode(ask(tracker, f"/{KEY}/scrape?" + scrape_query([INFO_HASH]).decode("latin-1")))
    entry = body[b"files"][INFO_HASH]
    return int(entry[b"complete"] + entry[b"incomplete"])


def refused(tracker: Tracker, kind: str) -> int:
    """The number of requests that were refused."""
    text = ask(tracker, "/stats?mode=prometheus").decode()
    return int(text.partition(f'opentracker_keys_refused_total{{kind="{kind}"}} ')[2].split("\n")[0])


def aria2(torrent: Torrent, folder: Path) -> list[str]:
    """The command that joins a torrent with aria2, which needs a socket of DHT for trackers over UDP."""
    quiet = [f"--dht-file-path={folder}/dht", "--bt-enable-lpd=false", "--seed-time=0", "--no-conf"]
    return [
        "aria2c",
        "--enable-dht=true",
        "--enable-dht6=false",
        *quiet,
        f"--dir={folder}",
        str(torrent.path),
    ]


def transmission(torrent: Torrent, folder: Path) -> list[str]:
    """The command that joins a torrent with Transmission."""
    return ["transmission-cli", "-g", str(folder / "config"), "-w", str(folder), "-M", str(torrent.path)]


CLIENTS = {"aria2c": aria2, "transmission-cli": transmission}


@contextmanager
def joined(name: str, torrent: Torrent, folder: Path) -> Iterator[Path]:
    """A client that is in the torrent; gives the file with its output."""
    if shutil.which(name) is None:
        pytest.skip(f"needs the command {name}")
    folder.mkdir()
    output = folder / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(
            CLIENTS[name](torrent, folder), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield output
    finally:
        process.kill()
        process.wait()


def until(condition: Any, what: str) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.1)


@pytest.mark.parametrize("form", ["/{key}/announce", "/announce/{key}", "/announce?passkey={key}"])
@pytest.mark.parametrize("name", CLIENTS)
def test_k01_k02_k03_a_client_with_a_key_is_served(name: str, form: str, tmp_path: Path) -> None:
    with private(tmp_path) as tracker:
        port = tracker.endpoint("TCP")[1]
        torrent = Torrent(tmp_path, f"http://{HOST}:{port}" + form.format(key=KEY))
        assert torrent.info_hash == INFO_HASH
        with joined(name, torrent, tmp_path / "client"):
            until(lambda: members(tracker) == 1, "the client")


@pytest.mark.needs("WANT_STATS_PROMETHEUS", WANT_RESTRICT_STATS=False)
@pytest.mark.parametrize("name", CLIENTS)
def test_k07_a_client_with_an_unknown_key_is_refused(name: str, tmp_path: Path) -> None:
    with private(tmp_path) as tracker:
        port = tracker.endpoint("TCP")[1]
        torrent = Torrent(tmp_path, f"http://{HOST}:{port}/{UNKNOWN}/announce")
        with joined(name, torrent, tmp_path / "client"):
            until(lambda: refused(tracker, "unknown") == 1, "the refusal")
            assert members(tracker) == 0


@pytest.mark.needs("WANT_STATS_PROMETHEUS", WANT_RESTRICT_STATS=False)
@pytest.mark.parametrize("form", ["/{key}/announce", "/announce?passkey={key}"])
@pytest.mark.parametrize("name", CLIENTS)
def test_k04_a_client_whose_key_does_not_arrive_over_udp_is_served_over_http(
    name: str, form: str, tmp_path: Path
) -> None:
    with private(tmp_path) as tracker:
        path = form.format(key=KEY)
        urls = [f"udp://{HOST}:{tracker.endpoint('UDP')[1]}{path}"]
        with joined(name, Torrent(tmp_path, *urls), tmp_path / "udp"):
            until(lambda: refused(tracker, "missing") >= 1, "the refusal")
            assert members(tracker) == 0
        urls.append(f"http://{HOST}:{tracker.endpoint('TCP')[1]}{path}")
        with joined(name, Torrent(tmp_path, *urls), tmp_path / "both"):
            until(lambda: members(tracker) == 1, "the client")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        # libtorrent keeps a connection id for each address of a tracker, whatever the port.
        ("127.0.0.9", "http://{place}/{key}/announce"),
        ("127.0.0.10", "udp://{place}/{key}/announce"),
        ("127.0.0.11", "udp://{place}/announce?passkey={key}"),
    ],
)
def test_k01_k03_k04_libtorrent(host: str, url: str, tmp_path: Path) -> None:
    lt: Any = pytest.importorskip("libtorrent", reason="there is no wheel of libtorrent here")
    with private(tmp_path, host) as tracker:
        kind = "UDP" if url.startswith("udp") else "TCP"
        place = f"{host}:{tracker.endpoint(kind)[1]}"
        for key, alert in ((UNKNOWN, lt.tracker_error_alert), (KEY, lt.tracker_reply_alert)):
            session = lt.session(
                {
                    "listen_interfaces": f"{HOST}:0",
                    "alert_mask": lt.alert.category_t.tracker_notification,
                    "enable_dht": False,
                    "enable_lsd": False,
                    "enable_upnp": False,
                    "enable_natpmp": False,
                    "ssrf_mitigation": False,
                }
            )
            parameters = lt.load_torrent_file(str(Torrent(tmp_path, url.format(place=place, key=key)).path))
            parameters.save_path = str(tmp_path)
            session.add_torrent(parameters)
            told: list[str] = []
            end = time.monotonic() + PATIENCE
            while alert.__name__ not in told:
                assert time.monotonic() < end, f"waited in vain for {alert.__name__}: {told}"
                session.wait_for_alert(200)
                told += [type(each).__name__ for each in session.pop_alerts()]
            assert members(tracker) == (1 if key == KEY else 0)
            del session


@pytest.mark.needs("WANT_WORKERS", "WANT_CONTROL", WANT_SYNC_LIVE=False, WANT_WEBTORRENT=False)
def test_k16_a_key_of_the_control_socket_is_known_to_every_worker(tmp_path: Path) -> None:
    with private(tmp_path, more=f"listen.workers 2\ncontrol.socket {tmp_path}/control\n") as tracker:
        for action, is_known in (("add", True), ("remove", False)):
            client = [sys.executable, "-P", "-m", "opentracker.control", "-s", f"{tmp_path}/control"]
            told = subprocess.run(
                [*client, "keys", action, UNKNOWN],
                capture_output=True,
                text=True,
                check=True,
                timeout=PATIENCE,
            )
            assert told.stdout == "changed: 1\n"
            for number in range(8):
                query = f"info_hash={'A' * 19}{number}"
                assert (b"failure" not in ask(tracker, f"/{UNKNOWN}/scrape?{query}")) is is_known


@pytest.mark.needs("WANT_WORKERS", WANT_SYNC_LIVE=False, WANT_WEBTORRENT=False)
def test_k07_every_worker_asks_for_keys(tmp_path: Path) -> None:
    with private(tmp_path, more="listen.workers 2\n") as tracker:
        for number in range(8):
            query = f"info_hash={'A' * 19}{number}&peer_id=-qB4650-abcdefghijkl&port=6881&left=1"
            assert b"failure" in ask(tracker, f"/{UNKNOWN}/announce?{query}")
            assert b"members alone" in ask(tracker, f"/announce?{query}")
            if not WANT_ACCESSLIST_WHITE:
                assert b"failure" not in ask(tracker, f"/{KEY}/announce?{query}")
        until(lambda: members(tracker) == 0, "the scrape")
