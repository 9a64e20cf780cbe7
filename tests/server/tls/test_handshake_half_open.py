"""Handshakes that stop after the client's hello, thousands at a time."""

import resource
from collections.abc import Iterator

import pytest

from opentracker._features import WANT_MAX_PEER
from opentracker.config.settings import Settings
from opentracker.server.tls.certificates import Certificates
from tests.protocol.http_cases import ANN, get
from tests.server.http.talk import SWEPT, open_connections
from tests.server.live import Live, sections
from tests.server.marks import needs_ipv4
from tests.server.tls.authority import Authority, TlsClient, listen_tls
from tests.server.tls.test_handshake import failures, hello

if WANT_MAX_PEER:
    from opentracker.server.limits import LimitSettings

ASKED = get(b"/announce?" + ANN).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
MOST = 5000
SPARE = 200  # descriptors of everything else in this process


@pytest.fixture
def many() -> Iterator[int]:
    """The number of connections, 5000 where this process may have the descriptors for both of their ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST + SPARE if hard == resource.RLIM_INFINITY else min(2 * MOST + SPARE, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield (wanted - SPARE) // 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def limited(**limits: int) -> Settings:
    """Settings with limits, in a build that has any."""
    return Settings(sections=sections(LimitSettings(**limits)) if WANT_MAX_PEER else sections())


def test_e15_half_open_handshakes_take_their_places_and_give_them_back(
    many: int, certificates: Certificates, authority: Authority
) -> None:
    """Others are served meanwhile, each in a handshake of its own."""
    live = Live(limited(connections=2 * many, connections_per_address=0))
    to, context = listen_tls(live, certificates), authority.client_context()
    records = hello(context)
    for number in range(many):
        live.tcp(to).send(records)
        live.iterate()
        if number % (many // 5) == 0:
            assert TlsClient(live, to, context).shake().ask(ASKED).status == 200
    live.until(lambda: open_connections(live) == many, "the connections")
    assert TlsClient(live, to, context).shake().ask(ASKED).status == 200
    live.advance(SWEPT)
    live.until(lambda: open_connections(live) == 0, "the sweep")
    assert failures(live) == {"timeout": many}
    assert TlsClient(live, to, context).shake().ask(ASKED).status == 200
    live.close()


@needs_ipv4
@pytest.mark.needs("WANT_MAX_PEER", WANT_V6=False)
def test_e20_half_open_handshakes_of_one_address_have_its_limit(
    certificates: Certificates, authority: Authority
) -> None:
    live = Live(limited(connections=1000, connections_per_address=50))
    to, context = listen_tls(live, certificates), authority.client_context()
    records = hello(context)
    clients = [live.tcp(to) for _ in range(60)]
    for client in clients:
        client.send(records)
        live.settle()
    live.until(
        lambda: sum(client.has_ended() for client in clients) == 10, "the end of those above the limit"
    )
    assert open_connections(live) == 50
    assert live.counters.refused_connections == 10
    other = TlsClient(live, to, context, source="127.0.0.2")
    assert other.shake().ask(ASKED).status == 200
    live.close()
