"""TLS as a feature: its keys, its files, its sockets, and the reload."""

import shutil
from pathlib import Path

import pytest

from opentracker._features import WANT_V6
from opentracker.config.settings import Bind, Sections, Settings
from opentracker.errors import UsageError
from opentracker.server.binding import planned_binds
from opentracker.server.tls.certificates import DAY
from opentracker.server.tls.feature import CERTIFICATES, KEYS, TlsFeature, TlsSettings, listen_tls
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.protocol.http_cases import ANN, get
from tests.server.live import HOME, Endpoint, Live, endpoint, packed
from tests.server.tls.authority import Authority, TlsClient


class Served:
    """A tracker with the feature on a free port, and copies of a pair's files that can be replaced."""

    def __init__(self, live: Live, authority: Authority, folder: Path) -> None:
        self.live = live
        self.authority = authority
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        self.install("old.example")
        self.feature = TlsFeature(
            Settings(
                sections=Sections(TlsSettings([Bind(False, packed(HOME), 0)], [self.certificate], [self.key]))
            )
        )
        self.feature.check()
        self.feature.open()
        self.feature.load()
        live.counters.bring(self.feature.counters)
        self.feature.join(live.server)
        self.feature.begin(live.server)

    def install(self, name: str, days: int = 90) -> None:
        """Put another pair in the place of the files."""
        certificate, key = self.authority.issue(name, name, days=days)
        shutil.copy(certificate, self.certificate)
        shutil.copy(key, self.key)

    def to(self) -> Endpoint:
        """The address and the port."""
        return endpoint(self.feature.sockets[0])

    def reload(self) -> None:
        """Reload, as SIGHUP does."""
        for reload in self.live.server.reloads:
            reload()

    def serves(self, name: str) -> bool:
        """Whether a client that wants this name is served."""
        context = self.authority.client_context()
        context.check_hostname = False
        client = TlsClient(self.live, self.to(), context, name).shake()
        certificate = client.session.getpeercert()
        assert certificate is not None
        assert client.ask(get(b"/announce?" + ANN)).status == 200
        return certificate["subjectAltName"] == (("DNS", name),)

    def gauges(self) -> dict[str, float]:
        """The values of the feature's gauges."""
        snapshot = StatsSnapshot("", 0, 0)
        self.feature.tell(snapshot)
        return {f"{each.gauge.name}{{{each.labels}}}": each.value for each in snapshot.readings.values()}


@pytest.fixture
def served(live: Live, authority: Authority, tmp_path: Path) -> Served:
    return Served(live, authority, tmp_path)


def test_the_keys() -> None:
    settings = Settings()
    listen_tls(settings, HOME if not WANT_V6 else f"[{HOME}]:8443")
    for key, value in ((CERTIFICATES, "a.pem"), (KEYS, "a.key"), (CERTIFICATES, "b.pem"), (KEYS, "b.key")):
        key.take(settings, value)
    port = 8443 if WANT_V6 else 443
    asked = TlsSettings(
        [Bind(False, packed(HOME), port)], [Path("a.pem"), Path("b.pem")], [Path("a.key"), Path("b.key")]
    )
    assert settings.of(TlsSettings) == asked
    assert list(TlsFeature(settings).plan())[1:] == [
        "would load the certificate a.pem",
        "would load the certificate b.pem",
        "would load the key a.key",
        "would load the key b.key",
    ]


def test_a_tls_port_alone_opens_no_other() -> None:
    settings = Settings()
    listen_tls(settings, f"[{HOME}]:8443" if WANT_V6 else f"{HOME}:8443")
    assert planned_binds(settings) == []
    assert planned_binds(Settings()) != []


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (TlsSettings([Bind(False, None, 443)]), "listen.tls needs a tls.certificate"),
        (TlsSettings([], [Path("a"), Path("b")], [Path("k")]), "there are 2 certificates and 1 keys"),
    ],
)
def test_settings_that_are_incomplete(asked: TlsSettings, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        TlsFeature(Settings(sections=Sections(asked))).check()


def test_a_build_with_the_feature_needs_no_certificate(live: Live) -> None:
    feature = TlsFeature(Settings())
    feature.check()
    feature.open()
    feature.join(live.server)
    feature.begin(live.server)
    assert feature.sockets == []


def test_a_pair_is_checked_without_a_socket(tmp_path: Path) -> None:
    asked = TlsSettings([Bind(False, packed(HOME), 0)], [tmp_path / "missing"], [tmp_path / "missing"])
    feature = TlsFeature(Settings(sections=Sections(asked)))
    with pytest.raises(UsageError, match="cannot read the certificate"):
        feature.try_open()


def test_a_relative_path_is_meant_from_the_directory_of_the_tracker(
    authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.issue("relative", "relative.example")
    shutil.copy(certificate, tmp_path / "a.pem")
    shutil.copy(key, tmp_path / "a.key")
    asked = TlsSettings([], [Path("a.pem")], [Path("a.key")])
    feature = TlsFeature(Settings(directory=tmp_path, sections=Sections(asked)))
    feature.open()
    assert feature.certificates is not None


def test_a_reload_serves_new_connections_with_the_new_pair(served: Served) -> None:
    assert served.serves("old.example")
    served.install("new.example")
    assert served.serves("old.example")
    served.reload()
    assert served.serves("new.example")
    assert served.gauges()["opentracker_tls_certificates_last_reload_success{}"] == 1


def test_a_bad_pair_keeps_the_one_before_and_says_so(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.key.write_text("nothing")
    served.reload()
    assert "the certificates stay as they were" in caplog.text
    assert served.serves("old.example")
    assert served.feature.complaint().startswith("cannot use the certificate")
    assert served.gauges()["opentracker_tls_certificates_last_reload_success{}"] == 0
    served.install("new.example")
    served.reload()
    assert served.feature.complaint() == ""


def test_a_reload_has_the_paths_of_the_config_that_was_read_again(served: Served, tmp_path: Path) -> None:
    certificate, key = served.authority.issue("moved", "moved.example")
    served.feature.renew(Settings(sections=Sections(TlsSettings([], [certificate], [key]))))
    served.reload()
    assert served.serves("moved.example")


def test_a_certificate_that_expires_soon_is_told(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    assert "expires" not in caplog.text
    served.install("soon.example", days=3)
    served.reload()
    assert "the certificate for soon.example expires in 2 days" in caplog.text
    assert served.feature.complaint() == "the certificate for soon.example expires in 2 days"
    caplog.clear()
    served.live.advance(DAY + 1)
    assert "the certificate for soon.example expires in 2 days" in caplog.text
    value = served.gauges()['opentracker_tls_certificate_not_after_seconds{certificate="soon.example"}']
    assert served.feature.certificates is not None
    assert value == served.feature.certificates.loaded[0].not_after
