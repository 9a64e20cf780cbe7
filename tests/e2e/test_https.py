"""HTTPS of a tracker that is a process, with the commands `openssl` and `curl` as its clients."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker._features import WANT_TLS, WANT_V6
from tests.protocol.http_cases import ANN
from tests.server.live import HOME
from tests.server.process import Tracker, run
from tests.server.workers.several import needs_several

pytestmark = pytest.mark.needs("WANT_TLS")
if WANT_TLS:
    from tests.server.tls.authority import Authority

NAME = "tracker.example"


def command(name: str) -> str:
    """The path of a command."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Served:
    """A tracker with a TLS port, its authority, and its folder, which is its root directory if root starts it."""

    def __init__(self, folder: Path, workers: int) -> None:
        folder.chmod(0o755)
        self.folder = folder
        secret = folder / "authority"
        secret.mkdir()
        self.authority = Authority(secret)
        self.install(NAME)
        address = f"[{HOME}]:0" if WANT_V6 else f"{HOME}:0"
        self.config = folder / "tracker.conf"
        self.config.write_text(
            f"listen.tls {address}\nlisten.tcp {address}\n"
            f"tls.certificate {folder}/chain.pem\ntls.key {folder}/chain.key\n"
            + f"listen.workers {workers}\n"
            * (workers > 1)
        )
        self.tracker = Tracker("-f", str(self.config), "-d", str(folder), sockets=2)
        self.plain, self.port = (port for _, _, port in self.tracker.endpoints)

    def install(self, name: str) -> None:
        """Put a new pair into the tracker's files, which its user may read."""
        chain, key = self.authority.issue(name, name)
        for source, target in ((chain, "chain.pem"), (key, "chain.key")):
            shutil.copy(source, self.folder / target)
            (self.folder / target).chmod(0o644)

    def s_client(self, *arguments: str | Path, text: str = "") -> str:
        """The output of `openssl s_client`."""
        done = subprocess.run(
            [
                *(command("openssl"), "s_client", "-connect", f"[{HOME}]:{self.port}", "-servername", NAME),
                *("-CAfile", str(self.authority.certificate), *map(str, arguments)),
            ],
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout + done.stderr

    def curl(self, url: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """The result of `curl` for a path of the tracker."""
        to = f"[{HOME}]" if WANT_V6 else HOME
        return subprocess.run(
            [
                *(command("curl"), "-s", "--cacert", str(self.authority.certificate)),
                *("--resolve", f"{NAME}:{self.port}:{to}", *map(str, arguments)),
                f"https://{NAME}:{self.port}{url}",
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture(params=[1, pytest.param(3, marks=needs_several)])
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    made = Served(tmp_path, request.param)
    with made.tracker:
        yield made


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_openssl_agrees_with_the_protocol_and_the_chain(served: Served, version: str) -> None:
    said = served.s_client(f"-{version}", "-alpn", "h2,http/1.1", "-verify_return_error")
    assert "Verify return code: 0 (ok)" in said
    assert "ALPN protocol: http/1.1" in said
    assert f"New, TLSv1.{version[-1]}, Cipher is" in said
    assert "Compression: NONE" in said
    assert "Secure Renegotiation IS" in said


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_openssl_gets_an_alert_for_old_versions(served: Served, version: str) -> None:
    said = served.s_client(f"-{version}", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in said
    assert "Cipher is (NONE)" in said


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_openssl_resumes_a_session_and_sends_no_early_data(
    served: Served, tmp_path: Path, version: str
) -> None:
    kept = tmp_path / "session"
    request = f"GET /announce?{ANN.decode()} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"
    first = served.s_client(f"-{version}", "-sess_out", kept, "-ign_eof", text=request)
    assert "200 OK" in first
    again = served.s_client(f"-{version}", "-sess_in", kept, "-ign_eof", text=request)
    assert f"Reused, TLSv1.{version[-1]}, Cipher is" in again
    assert "200 OK" in again
    if version == "tls1_3":
        assert "Max Early Data: 0" in first


def test_openssl_may_not_renegotiate(served: Served) -> None:
    said = served.s_client("-tls1_2", text="R\n")
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said


def test_curl_announces_with_the_authority_of_the_tests(served: Served) -> None:
    done = served.curl("/announce?" + ANN.decode())
    assert done.returncode == 0
    assert "8:intervali" in done.stdout


def test_curl_without_that_authority_refuses(served: Served, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    done = served.curl("/announce", "--cacert", Authority(other).certificate)
    assert done.returncode == 60  # the peer's certificate cannot be authenticated


def test_plain_http_on_the_tls_port_and_tls_on_the_plain_one(served: Served) -> None:
    with socket.create_connection((HOME, served.port), timeout=30) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while data := plain.recv(4096):
            answer += data
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"this port speaks TLS: use https://" in answer
    served.port = served.plain
    assert "alert handshake failure" in served.s_client()


def test_sighup_reads_the_certificate_again_and_keeps_the_old_one_if_it_is_bad(served: Served) -> None:
    (served.folder / "chain.key").write_text("nothing")
    served.tracker.signal(signal.SIGHUP)
    served.tracker.line_with("the certificates stay as they were")
    assert served.curl("/announce?" + ANN.decode()).returncode == 0
    served.install("new.example")
    served.tracker.signal(signal.SIGHUP)
    served.tracker.line_with("1 certificates were read again")
    assert "CN = new.example" in served.s_client("-showcerts")
    assert served.curl("/announce?" + ANN.decode()).returncode == 60


def test_a_check_reads_the_pair(served: Served) -> None:
    status, output, _ = run("-t", "-f", str(served.config), "-d", str(served.folder))
    assert status == 0
    assert f"would load the certificate {served.folder}/chain.pem" in output
    (served.folder / "chain.key").write_text("nothing")
    status, _, complaint = run("-t", "-f", str(served.config), "-d", str(served.folder))
    assert status == 1
    assert "cannot use the certificate" in complaint
