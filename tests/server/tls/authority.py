"""A certificate authority of the tests' own, by the command `openssl`, and clients that trust it."""

import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from opentracker.server.http.accepting import acceptor_for
from opentracker.server.sockets import answer_at_once, open_tcp
from opentracker.server.tls.certificates import Certificates, Pair, load_all
from opentracker.server.tls.feature import TlsListener
from opentracker.server.tls.metrics import HandshakeCounts
from tests.server.live import HOME, Answer, Endpoint, Live, TcpClient, endpoint, packed

NEW_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*arguments: str | Path) -> None:
    """Run a command of openssl."""
    command = shutil.which("openssl")
    if command is None:
        pytest.skip("openssl is not installed")
    subprocess.run([command, *map(str, arguments)], check=True, capture_output=True, timeout=30)


class Authority:
    """A certificate authority with its files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate, self.key = folder / "ca.pem", folder / "ca.key"
        openssl(
            *("req", "-x509", *NEW_KEY, "-keyout", self.key, "-out", self.certificate),
            *("-days", "30", "-subj", "/CN=tests"),
        )

    def issue(self, name: str, *names: str, days: int = 90) -> Pair:
        """The files of a new certificate, with its chain, for these DNS names."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        openssl("req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        extensions = self.folder / f"{name}.ext"
        listed = ",".join(f"DNS:{each}" for each in names)
        extensions.write_text(f"subjectAltName={listed}\n" if names else "basicConstraints=CA:FALSE\n")
        openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial"),
            *("-days", str(days), "-extfile", extensions, "-out", certificate),
        )
        chain = self.folder / f"{name}.pem"
        chain.write_text(certificate.read_text() + self.certificate.read_text())
        return chain, key

    def client_context(self) -> ssl.SSLContext:
        """The context of a client that trusts this authority."""
        return ssl.create_default_context(cafile=self.certificate)


def listen_tls(live: Live, certificates: Certificates) -> Endpoint:
    """Serve TLS on a free port."""
    sock = open_tcp(packed(HOME), 0, True)
    answer_at_once(sock.fileno())
    counts = HandshakeCounts(live.counters)
    live.server.listeners.append(TlsListener(acceptor_for(sock), live.server.http, certificates, counts))
    live.server.sockets.append(sock)
    return endpoint(sock)


class TlsClient:
    """A client's TLS session on a connection to a tracker in this process."""

    def __init__(
        self,
        live: Live,
        to: Endpoint,
        context: ssl.SSLContext,
        name: str | None = "tracker.example",
        session: ssl.SSLSession | None = None,
        source: str | None = None,
    ) -> None:
        self.live = live
        self.tcp: TcpClient = live.tcp(to, source)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name, session=session)
        self.has_ended = False

    def move(self) -> None:
        """Pass records on, in both directions."""
        if self.outgoing.pending:
            self.tcp.send(self.outgoing.read())
        self.tcp.poll()
        if self.tcp.received:
            self.incoming.write(self.tcp.received)
            self.tcp.received = b""

    def until_done(self, step: Callable[[], object], what: str) -> object:
        """Repeat a step of the session until it does not want to read."""
        results: list[object] = []

        def is_done() -> bool:
            try:
                results.append(step())
            except ssl.SSLWantReadError:
                self.move()
                return False
            self.move()
            return True

        self.live.until(is_done, what)
        return results[-1]

    def shake(self) -> "TlsClient":
        """Complete the handshake."""
        self.until_done(self.session.do_handshake, "a handshake")
        return self

    def send(self, data: bytes) -> None:
        """Send text."""
        self.session.write(data)
        self.move()

    def read_some(self) -> bytes:
        """The next text; b"" for the record that ends it."""
        data = self.until_done(lambda: self.session.read(1 << 16), "text")
        assert isinstance(data, bytes)
        return data

    def read_to_end(self) -> bytes:
        """All text up to the record that ends it."""
        text = b""
        while part := self.read_some():
            text += part
        return text

    def ask(self, request: bytes) -> Answer:
        """Send a request; its answer has to say how long it is."""
        self.send(request)
        text = b""
        while True:
            text += self.read_some()
            head, found, body = text.partition(b"\r\n\r\n")
            if found:
                answer = Answer(head + found)
                if len(body) == int(answer.headers["Content-Length"]):
                    answer.body = body
                    return answer


def certificates_of(authority: Authority) -> Certificates:
    """One pair, for `tracker.example`."""
    return load_all([authority.issue("tracker", "tracker.example")])
