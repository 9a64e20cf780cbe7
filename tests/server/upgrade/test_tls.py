"""The TLS port across an upgrade: handshakes before, in the middle and after, and connections that are open."""

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker._features import WANT_TLS
from opentracker.server.upgrade.door import MOMENT, Door
from tests.protocol.http_cases import get
from tests.server.live import HOME, PATIENCE, Live
from tests.server.process import Tracker
from tests.server.upgrade.upgrades import end, options, upgraded
from tests.server.workers.allowed import may_be_several

if WANT_TLS:
    from tests.server.tls.authority import Authority, TlsClient, certificates_of, listen_tls

pytestmark = pytest.mark.needs("WANT_TLS")
many = pytest.mark.parametrize("workers", [1, 2] if may_be_several() else [1])
NAME = "tracker.example"
ASKED = get(b"/scrape?info_hash=" + b"A" * 20).replace(b"HTTP/1.0", b"HTTP/1.1")


class Served:
    """The lines of the config for a TLS port, and the contexts of its clients."""

    def __init__(self, folder: Path, version: str) -> None:
        secret = folder / "authority"
        secret.mkdir()
        self.authority = Authority(secret)
        chain, key = self.authority.issue(NAME, NAME)
        for source, target in ((chain, "chain.pem"), (key, "chain.key")):
            shutil.copy(source, folder / target)
            (folder / target).chmod(0o644)
        address = f"[{HOME}]:0" if ":" in HOME else f"{HOME}:0"
        self.lines = [
            *(f"tracker.rootdir {folder}", f"listen.tls {address}"),
            *(f"tls.certificate {folder}/chain.pem", f"tls.key {folder}/chain.key"),
        ]
        self.context = self.authority.client_context()
        self.context.maximum_version = ssl.TLSVersion[version]

    def connect(self, port: int, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        """A connection whose handshake is complete; an end without close_notify is an error."""
        plain = socket.create_connection((HOME, port), timeout=PATIENCE)
        return self.context.wrap_socket(
            plain, server_hostname=NAME, session=session, suppress_ragged_eofs=False
        )


def ask(client: ssl.SSLSocket) -> bytes:
    """The first bytes of the answer to a request, which are its head at least."""
    client.sendall(ASKED)
    return client.recv(65536)


def tls_port(tracker: Tracker) -> int:
    """The port of the line that names it."""
    line = next(line for line in tracker.lines if line.endswith("speaks TLS"))
    return int(line.split()[1].rpartition(":")[2])


@many
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_e22_each_request_is_answered_and_sessions_begin_anew(
    tmp_path: Path, workers: int, version: str
) -> None:
    """The keys of session tickets are those of a process, so a session of before takes a full handshake."""
    tmp_path.chmod(0o755)
    served = Served(tmp_path, version)
    with Tracker(*options(tmp_path, workers, *served.lines), sockets=2) as tracker:
        if not any(line.endswith("speaks TLS") for line in tracker.lines):
            tracker.line_with("speaks TLS")
        port = tls_port(tracker)
        with served.connect(port) as client:
            assert ask(client).startswith(b"HTTP/1.1 200")
            session = client.session
        with served.connect(port, session) as client:
            assert client.session_reused
            assert ask(client).startswith(b"HTTP/1.1 200")
            session = client.session

        is_over = threading.Event()
        answers: list[bytes] = []

        def keep_asking() -> None:
            while not is_over.is_set():
                with served.connect(port) as client:
                    answers.append(ask(client)[:12])

        kept = served.connect(port)
        assert ask(kept).startswith(b"HTTP/1.1 200")
        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            pid = upgraded(tracker, tracker.process.pid)
        finally:
            is_over.set()
            asking.join()
        assert set(answers) == {b"HTTP/1.1 200"}
        assert kept.recv(1) == b""
        kept.close()
        with served.connect(port, session) as client:
            assert not client.session_reused
            assert ask(client).startswith(b"HTTP/1.1 200")
            session = client.session
        with served.connect(port, session) as client:
            assert client.session_reused
            assert ask(client).startswith(b"HTTP/1.1 200")
        end(tracker, pid)


@pytest.fixture
def live() -> Iterator[Live]:
    """A tracker in this process."""
    tracker = Live()
    yield tracker
    tracker.close()


def client_of(live: Live, folder: Path) -> "TlsClient":
    """A client whose handshake has begun."""
    authority = Authority(folder)
    client = TlsClient(live, listen_tls(live, certificates_of(authority)), authority.client_context())
    with pytest.raises(ssl.SSLWantReadError):
        client.session.do_handshake()
    client.move()
    live.until(lambda: len(live.server.http.connections) == 1, "the connection")
    return client


@pytest.mark.parametrize("is_complete", [False, True])
def test_e22_a_handshake_that_has_begun_is_finished_and_its_request_answered(
    live: Live, tmp_path: Path, is_complete: bool
) -> None:
    client = client_of(live, tmp_path)
    if is_complete:
        client.shake()
    door = Door(live.server)
    door.shut()
    live.settle()
    assert not door.is_quiet()
    client.shake()
    answer = client.ask(ASKED)
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    assert client.read_some() == b""
    live.until(lambda: door.is_quiet() and door.is_empty(), "the end of the connection")


def test_a_handshake_that_does_not_end_is_waited_for_a_moment(live: Live, tmp_path: Path) -> None:
    client = client_of(live, tmp_path)
    door = Door(live.server)
    door.shut()
    assert not door.is_quiet()
    live.advance(MOMENT)
    assert door.is_quiet()
    client.tcp.read_to_end()
