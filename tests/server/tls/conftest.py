from collections.abc import Iterator

import pytest

from opentracker._features import WANT_TLS
from tests.server.live import Live

if WANT_TLS:
    from opentracker.server.tls.certificates import Certificates
    from tests.server.tls.authority import Authority, certificates_of


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> "Authority":
    """A certificate authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificates(authority: "Authority") -> "Certificates":
    """One pair, for `tracker.example`."""
    return certificates_of(authority)


@pytest.fixture
def live() -> Iterator[Live]:
    """A tracker in this process."""
    tracker = Live()
    yield tracker
    tracker.close()
