"""A real client: two libtorrent sessions that know each other through the tracker alone exchange a file.

The tracker is the installed one, in a process of its own. Distributed hash table, local service discovery, peer
exchange and port mapping are off, so that only the tracker can have told one session of the other. Both sessions have
the same address: libtorrent keeps one connection id a process and tracker's address for a minute, and ids are bound to
the address that asks. For the same reason there is one exchange over UDP for each family, and no more.
"""

import hashlib
import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from opentracker._features import BUILD_RECORD, WANT_TLS
from opentracker.protocol.bencode import decode
from tests.protocol.http_cases import CASES, CONVERSATIONS, scrape
from tests.server.live import Live
from tests.server.marks import needs_ipv4, needs_ipv6
from tests.server.process import Tracker, allow, list_loopback

if WANT_TLS:
    from tests.server.tls.authority import Authority

lt: Any = pytest.importorskip(
    "libtorrent", reason="there is no wheel of libtorrent for this Python or machine"
)

FLAGS: dict[str, bool] = json.loads(BUILD_RECORD)["flags"]
PATIENCE = 20.0  # seconds; for a test that fails, no other
NAME = "shared.bin"
CONTENT = b"".join(hashlib.sha256(number.to_bytes(2, "big")).digest() for number in range(10_000))  # 312 KiB


class Torrent:
    """The torrent of CONTENT, made anew of it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / NAME).write_bytes(CONTENT)
        entry = lt.create_file_entry(NAME, len(CONTENT))
        torrent = lt.create_torrent([entry], 16384, lt.create_torrent.v1_only)
        lt.set_piece_hashes(torrent, str(folder))
        generated = torrent.generate()
        self.folder = folder
        self.data: bytes = lt.bencode(generated)
        self.info_hash = hashlib.sha1(lt.bencode(generated[b"info"])).digest()


class Client:
    """A libtorrent session."""

    def __init__(self, host: str) -> None:
        categories = lt.alert.category_t
        self.session: Any = lt.session(
            {
                "listen_interfaces": f"[{host}]:0" if ":" in host else f"{host}:0",
                "alert_mask": categories.tracker_notification
                | categories.status_notification
                | categories.error_notification
                | categories.connect_notification
                | categories.storage_notification,
                "enable_dht": False,
                "enable_lsd": False,
                "enable_upnp": False,
                "enable_natpmp": False,
                "allow_multiple_connections_per_ip": True,
                "ssrf_mitigation": False,  # else nothing but /announce is asked for on loopback
                "stop_tracker_timeout": 2,
            }
        )
        self.handle: Any = None
        self.unread: list[Any] = []
        self.told: list[str] = []

    def add(self, torrent: Torrent, folder: Path, url: str, *, has_it: bool) -> None:
        """Take part in a torrent."""
        parameters = lt.load_torrent_buffer(torrent.data)
        parameters.trackers = [url]
        parameters.save_path = str(folder)
        flags = lt.torrent_flags
        parameters.flags |= flags.disable_dht | flags.disable_lsd | flags.disable_pex
        parameters.flags &= ~(flags.auto_managed | flags.paused)
        if has_it:
            parameters.flags |= flags.seed_mode
        self.handle = self.session.add_torrent(parameters)

    def wait_for(self, kind: type) -> Any:
        """The next alert of a kind; what comes before it is passed over."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if not self.unread:
                self.session.wait_for_alert(200)
                self.unread = self.session.pop_alerts()  # good until they are popped the next time
            while self.unread:
                alert = self.unread.pop(0)
                self.told.append(f"{type(alert).__name__}: {alert}")
                if isinstance(alert, kind):
                    return alert
        return pytest.fail(f"waited in vain for a {kind.__name__} after\n" + "\n".join(self.told))

    def leave(self) -> None:
        """Take part no longer, and tell the tracker."""
        self.session.remove_torrent(self.handle)
        self.wait_for(lt.torrent_removed_alert)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unread.clear()
        self.handle = None
        self.session = None


def scraped(endpoint: tuple[str, int], info_hash: bytes) -> tuple[int, int, int]:
    """(complete, downloaded, incomplete) that the tracker counts."""
    with socket.create_connection(endpoint, timeout=PATIENCE) as client:
        client.sendall(scrape(info_hash).replace(b"Host: x", b"Host: x\r\nConnection: close"))
        answer = b""
        while data := client.recv(65536):
            answer += data
    body: Any = decode(answer.partition(b"\r\n\r\n")[2])
    entry = body[b"files"][info_hash]
    return entry[b"complete"], entry[b"downloaded"], entry[b"incomplete"]


def with_tls(folder: Path, host: str) -> list[str]:
    """Options that serve HTTPS, by a certificate for `localhost`; the authority's own is `authority/ca.pem`."""
    folder.chmod(0o755)
    (folder / "authority").mkdir()
    authority = Authority(folder / "authority")
    for source, name in zip(
        authority.issue("localhost", "localhost"), ("chain.pem", "chain.key"), strict=True
    ):
        shutil.copy(source, folder / name)
        (folder / name).chmod(0o644)
    config = folder / "tls.conf"
    address = f"[{host}]" if ":" in host else host
    lines = (f"listen.tls {address}:0", f"tls.certificate {folder}/chain.pem", f"tls.key {folder}/chain.key")
    config.write_text("".join(f"{line}\n" for line in lines))
    return ["-d", str(folder), "-f", str(config)]


def announce_url(scheme: str, tracker: Tracker) -> str:
    """The URL of a tracker; that of HTTPS has the last of its sockets, and a name, as its certificate has."""
    if scheme == "https":
        return f"https://localhost:{tracker.endpoints[-1][2]}/announce"
    where, port = tracker.endpoint("UDP" if scheme == "udp" else "TCP")
    return f"{scheme}://{f'[{where}]' if ':' in where else where}:{port}/announce"


def exchange(scheme: str, host: str, folder: Path, *options: str) -> None:
    """One session has the file, the other gets it, and the tracker counts both."""
    torrent = Torrent(folder / "seeder")
    target = folder / "leecher"
    target.mkdir()
    listed = (*allow(folder, torrent.info_hash), *list_loopback(folder))
    sockets = 3 if scheme == "https" else 2
    with Tracker("-i", host, "-p", "0", "-P", "0", *listed, *options, sockets=sockets) as tracker:
        url = announce_url(scheme, tracker)
        counts = tracker.endpoint("TCP")
        with Client(host) as seeder, Client(host) as leecher:
            seeder.add(torrent, torrent.folder, url, has_it=True)
            assert seeder.wait_for(lt.tracker_reply_alert).num_peers == 0
            assert scraped(counts, torrent.info_hash) == (1, 0, 0)

            leecher.add(torrent, target, url, has_it=False)
            assert leecher.wait_for(lt.tracker_reply_alert).num_peers == 1
            leecher.wait_for(lt.torrent_finished_alert)
            leecher.wait_for(lt.tracker_reply_alert)  # to `completed`
            assert scraped(counts, torrent.info_hash) == (2, 1, 0)

            leecher.handle.scrape_tracker()
            reply = leecher.wait_for(lt.scrape_reply_alert)
            assert (reply.complete, reply.incomplete) == (2, 0)
            leecher.handle.flush_cache()
            leecher.wait_for(lt.cache_flushed_alert)
            got = hashlib.sha256((target / NAME).read_bytes()).hexdigest()
            assert got == hashlib.sha256(CONTENT).hexdigest()

            for client in (seeder, leecher):
                client.leave()
            end = time.monotonic() + PATIENCE
            while scraped(counts, torrent.info_hash) != (0, 1, 0):
                assert time.monotonic() < end, scraped(counts, torrent.info_hash)
        assert not [line for line in tracker.lines if "Traceback" in line]


@needs_ipv4
@pytest.mark.parametrize("scheme", ["udp", "http"])
def test_r13_a_file_changes_hands_over_ipv4(scheme: str, tmp_path: Path) -> None:
    exchange(scheme, "127.0.0.1", tmp_path)


@needs_ipv6
@pytest.mark.parametrize("scheme", ["udp", "http"])
def test_r13_a_file_changes_hands_over_ipv6(scheme: str, tmp_path: Path) -> None:
    exchange(scheme, "::1", tmp_path)


@needs_ipv4
@pytest.mark.needs("WANT_TLS")
def test_e21_a_file_changes_hands_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sessions trust the authority of the tests, and no other."""
    options = with_tls(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority/ca.pem"))
    exchange("https", "127.0.0.1", tmp_path, *options)


@needs_ipv4
@pytest.mark.needs("WANT_TLS")
def test_e11_libtorrent_does_not_announce_to_a_tracker_that_it_does_not_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    torrent = Torrent(tmp_path / "seeder")
    served = ("-i", "127.0.0.1", "-p", "0", "-P", "0", *allow(tmp_path, torrent.info_hash))
    with (
        Tracker(*served, *with_tls(tmp_path, "127.0.0.1"), sockets=3) as tracker,
        Client("127.0.0.1") as client,
    ):
        client.add(torrent, torrent.folder, announce_url("https", tracker), has_it=True)
        refused = client.wait_for(lt.tracker_error_alert)
        assert "certificate verify failed" in str(refused)
        assert scraped(tracker.endpoint("TCP"), torrent.info_hash) == (0, 0, 0)


@pytest.fixture
def live() -> Iterator[Live]:
    tracker = Live()
    yield tracker
    tracker.close()


def test_h53_libtorrent_reads_every_body(live: Live) -> None:
    to = live.listen_tcp()
    of_this_build = [
        case for case in CASES if all(FLAGS[flag] is value for flag, value in case.flags.items())
    ]
    requests = [case.request for case in of_this_build if case.status == 200 and not case.head_only]
    requests += [request for conversation in CONVERSATIONS for request, _ in conversation.steps]
    for request in requests:
        body = live.ask(to, request).body
        if body:
            assert lt.bencode(lt.bdecode(body)) == body
