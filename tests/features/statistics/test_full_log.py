"""`/announce?lognet=NET` and `mode=fulllog`."""

import json
from collections.abc import Iterator

import pytest

from opentracker.config.settings import Settings
from opentracker.features.statistics.full_log import INVALID_NETWORK, MOST_BYTES, MOST_NETWORKS, TOO_MANY
from tests.features.stats import blessed, live_with, stats, text
from tests.protocol.http_cases import announce, failure_body, get, is_like
from tests.server.live import HOME, Endpoint, Live

Asked = tuple[Live, Endpoint]


@pytest.fixture
def asked() -> Iterator[Asked]:
    live, to = live_with()
    yield live, to
    live.close()


def lognet(live: Live, to: Endpoint, network: str, method: bytes = b"GET") -> bytes:
    answer = live.ask(to, get(b"/announce?lognet=" + network.encode()).replace(b"GET", method, 1))
    assert answer.status == 200
    return answer.body


def test_the_requests_of_a_network_as_they_came(asked: Asked) -> None:
    live, to = asked
    request = b"GET /announce?info_hash=%zz HTTP/1.1\r\nX: \xe9\xff\r\n\r\n"
    live.ask(to, request)
    assert lognet(live, to, HOME) == b"Successfully added."
    live.ask(to, request)
    live.advance(23)
    live.ask(to, get(b"/nothing"))
    logged = stats(live, to, "mode=fulllog").body
    wanted = [(100, request), (123, get(b"/nothing")), (123, get(b"/stats?mode=fulllog"))]
    assert logged == b"".join(b"%08d: %b\n%b*\n\n" % (at, HOME.encode(), each) for at, each in wanted)
    assert (
        stats(live, to, "mode=fulllog").body.count(b"*\n\n") == 1
    )  # reading has emptied it; this is the second


def test_no_network_no_log(asked: Asked) -> None:
    live, to = asked
    lognet(live, to, HOME)
    assert lognet(live, to, "-") == b"Successfully removed."
    stats(live, to, "mode=fulllog")
    live.ask(to, announce(7000))
    assert text(live, to, "mode=fulllog") == ""


def test_other_networks_are_not_logged(asked: Asked) -> None:
    live, to = asked
    lognet(live, to, "192.0.2.0/24")
    lognet(live, to, "2001:db8::/32")
    live.ask(to, announce(7000))
    assert text(live, to, "mode=fulllog") == ""


@pytest.mark.parametrize("network", ["", "x", "1.2.3", "1.2.3.4/33", "%ff", "::1/129"])
def test_a_network_that_is_none(asked: Asked, network: str) -> None:
    live, to = asked
    assert is_like(lognet(live, to, network), failure_body(INVALID_NETWORK))


def test_networks_are_bounded(asked: Asked) -> None:
    live, to = asked
    for number in range(MOST_NETWORKS):
        assert lognet(live, to, f"192.0.2.{number}") == b"Successfully added."
    assert is_like(lognet(live, to, "192.0.2.250"), failure_body(TOO_MANY))
    lognet(live, to, "-")
    assert lognet(live, to, "192.0.2.250") == b"Successfully added."


def test_memory_is_bounded_and_the_latest_are_kept(asked: Asked) -> None:
    live, to = asked
    lognet(live, to, HOME)
    for number in range(300):
        live.ask(to, get(b"/%03d/" % number + b"x" * 7000))
    logged = stats(live, to, "mode=fulllog").body
    assert MOST_BYTES - 8000 < len(logged) <= MOST_BYTES
    assert b"/299/" in logged
    assert b"/000/" not in logged


@pytest.mark.parametrize("rights", [None, 15 - 2])
def test_it_is_for_the_blessed_alone(rights: int | None) -> None:
    live, to = live_with(None, Settings() if rights is None else blessed(rights=rights))
    assert live.ask(to, get(b"/announce?lognet=-")).status == 403
    assert stats(live, to, "mode=fulllog").status == 403
    live.close()


def test_head_changes_nothing(asked: Asked) -> None:
    live, to = asked
    live.ask(to, get(b"/announce?lognet=" + HOME.encode()).replace(b"GET", b"HEAD"))
    live.ask(to, announce(7000))
    assert text(live, to, "mode=fulllog") == ""
    lognet(live, to, HOME)
    live.ask(to, announce(7000))
    assert stats(live, to, "mode=fulllog", b"HEAD").body == b""
    assert b"port=7000" in stats(live, to, "mode=fulllog").body


def test_an_announce_is_an_announce(asked: Asked) -> None:
    live, to = asked
    assert b"incomplete" in live.ask(to, announce(7000, more=b"&x=lognet=y")).body
    assert live.counters.tcp_announces == 1


def test_formats(asked: Asked) -> None:
    live, to = asked
    assert stats(live, to, "mode=fulllog&format=bogus").status == 400


@pytest.mark.needs("WANT_STATS_JSON")
def test_as_json(asked: Asked) -> None:
    live, to = asked
    lognet(live, to, HOME)
    live.ask(to, get(b"/\xff"))
    found = json.loads(stats(live, to, "mode=fulllog&format=json").body)["requests"]
    assert len(found) == 2
    assert found[0].startswith(f"00000100: {HOME}\nGET /\xff HTTP/1.1\r\n")
