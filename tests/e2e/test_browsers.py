"""Browsers and their libraries at a tracker that is a process.

`npm install --ignore-scripts` in tests/e2e/web installs what the tests with node need. Two pages of a headless Chromium
exchange a file by WebTorrent over wss://, with this tracker and nothing else between them.
"""

import hashlib
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentracker._features import WANT_TLS, WANT_V6, WANT_WEBTORRENT
from tests.server.live import HOME
from tests.server.process import Tracker

pytestmark = pytest.mark.needs("WANT_WEBTORRENT", WANT_ACCESSLIST_WHITE=False)
if WANT_WEBTORRENT:
    from websockets.exceptions import ConnectionClosedError
    from websockets.sync.client import ClientConnection, connect
if WANT_TLS:
    from tests.server.tls.authority import Authority

WEB = Path(__file__).with_name("web")
HOST = f"[{HOME}]" if WANT_V6 else HOME
HASH = "".join(map(chr, (0, 0x1F, 0x22, 0x5C, 0x7F, 0x80, 0xFF))) + "h" * 13
SCHEMES = ["ws", pytest.param("wss", marks=pytest.mark.needs("WANT_TLS"))]


class Served:
    """A tracker with a plain port, and one for TLS in builds that have it."""

    def __init__(self, folder: Path, *more: str) -> None:
        folder.chmod(0o755)
        lines = [f"listen.tcp {HOST}:0", *more]
        self.context: ssl.SSLContext | None = None
        if WANT_TLS:
            secret = folder / "authority"
            secret.mkdir()
            authority = Authority(secret)
            self.context = authority.client_context()
            self.context.check_hostname = False
            for source, target in zip(
                authority.issue("tracker", "tracker.example"), ("a.pem", "a.key"), strict=True
            ):
                shutil.copy(source, folder / target)
                (folder / target).chmod(0o644)
            lines += [
                f"listen.tls {HOST}:0",
                f"tls.certificate {folder}/a.pem",
                f"tls.key {folder}/a.key",
            ]
        config = folder / "tracker.conf"
        config.write_text("\n".join(lines) + "\n")
        self.tracker = Tracker("-f", str(config), "-d", str(folder), sockets=1 + WANT_TLS)
        self.ports = dict(zip(("ws", "wss"), (port for *_, port in self.tracker.endpoints), strict=False))

    def url(self, scheme: str) -> str:
        """The tracker's URL."""
        return f"{scheme}://{HOST}:{self.ports[scheme]}/announce"

    def connect(self, scheme: str) -> "ClientConnection":
        """A connection of the package `websockets`, which offers compression as browsers do."""
        return connect(self.url(scheme), ssl=self.context if scheme == "wss" else None)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    with made.tracker:
        yield made


def say(client: "ClientConnection", message: dict[str, Any]) -> None:
    client.send(json.dumps({"action": "announce", "info_hash": HASH, **message}))


def hear(client: "ClientConnection") -> Any:
    return json.loads(client.recv(timeout=30))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_offer_and_its_answer(served: Served, scheme: str) -> None:
    with served.connect(scheme) as a, served.connect("ws") as b:
        say(a, {"peer_id": "a" * 20, "left": 0})
        assert (hear(a)["complete"], hear_nothing(a)) == (1, True)
        offers = [{"offer": {"type": "offer", "sdp": f"sdp {n}"}, "offer_id": str(n) * 20} for n in range(3)]
        say(b, {"peer_id": "b" * 20, "left": None, "offers": offers})
        assert hear(b)["incomplete"] == 1
        offer = hear(a)
        assert (offer["info_hash"], offer["offer"]["sdp"]) == (HASH, "sdp 0")
        answer = {"answer": {"type": "answer", "sdp": "sdp"}, "to_peer_id": "b" * 20, "offer_id": "0" * 20}
        say(a, {"peer_id": "a" * 20, **answer})
        assert hear(b)["answer"] == answer["answer"]


def hear_nothing(client: "ClientConnection") -> bool:
    """Whether a scrape is answered next: nothing else has come."""
    client.send(json.dumps({"action": "scrape", "info_hash": []}))
    return bool(hear(client) == {"action": "scrape", "files": {}})


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_long_message_is_refused_with_a_reason(served: Served, scheme: str) -> None:
    with served.connect(scheme) as client:
        client.send("x" * 70000)
        with pytest.raises(ConnectionClosedError) as caught:
            client.recv(timeout=30)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


def test_the_end_of_the_tracker_is_told(tmp_path: Path) -> None:
    made = Served(tmp_path)
    with made.tracker, made.connect("ws") as client:
        made.tracker.signal(15)
        with pytest.raises(Exception, match="1001"):
            client.recv(timeout=30)
        assert made.tracker.wait() == 0


def node(script: str, *arguments: str, served: Served) -> Any:
    """The JSON that a script prints."""
    command = shutil.which("node")
    if command is None:
        pytest.skip("node is not installed")
    if not (WEB / "node_modules").exists():
        pytest.skip("tests/e2e/web has no node_modules: npm install --ignore-scripts")
    done = subprocess.run(
        [command, str(WEB / script), *arguments],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env={
            "NODE_TLS_REJECT_UNAUTHORIZED": "0",
            "NODE_NO_WARNINGS": "1",
            "PATH": "/usr/bin:/bin",
            "HOME": "/tmp",
        },
    )
    assert done.returncode == 0, done.stderr + "\n".join(served.tracker.lines)
    return json.loads(done.stdout)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_client_of_bittorrent_tracker(served: Served, scheme: str) -> None:
    found = node("client.mjs", served.url(scheme), served=served)
    counts = {
        name: (each["complete"], each["incomplete"]) for name, each in found.items() if name != "warnings"
    }
    assert counts == {
        "started": (0, 1),
        "updated": (0, 1),
        "completed": (1, 0),
        "scraped": (1, 0),
        "stopped": (0, 0),
    }
    assert found["warnings"] == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_browsers_exchange_a_file(served: Served, scheme: str) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    found = node("browsers.mjs", chromium, served.url(scheme), served=served)
    content = bytes(index * 7 % 251 for index in range(300_000))
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["peers"] >= 1
    assert found["warnings"] == []
