"""One full scrape for each address, and no more for a while."""

from collections.abc import Iterator

import pytest

from opentracker._features import OT_MODEST_PEER_TIMEOUT
from opentracker.errors import HttpError
from opentracker.features.fullscrape.rate_limit import RateLimiter
from tests.server.live import Clock, Live, packed
from tests.server.marks import needs_ipv4

FULL = b"GET /scrape HTTP/1.1\r\nConnection: close\r\n\r\n"


@pytest.fixture
def live() -> Iterator[Live]:
    tracker = Live()
    yield tracker
    tracker.close()


def is_served(modesty: RateLimiter, address: str, takes: bool = True) -> bool:
    try:
        modesty.ask(packed(address), takes)
    except HttpError as error:
        return error.status != 402
    return True


def test_s11_a_second_one_has_to_wait() -> None:
    clock = Clock()
    modesty = RateLimiter(clock)
    assert is_served(modesty, "10.0.0.1")
    assert not is_served(modesty, "10.0.0.1")
    assert is_served(modesty, "10.0.0.2")
    clock.seconds += OT_MODEST_PEER_TIMEOUT - 0.5
    assert not is_served(modesty, "10.0.0.1")
    clock.seconds += 0.5
    assert is_served(modesty, "10.0.0.1")


def test_a_refusal_does_not_make_the_wait_longer() -> None:
    clock = Clock()
    modesty = RateLimiter(clock)
    assert is_served(modesty, "10.0.0.1")
    for _ in range(10):
        clock.seconds += OT_MODEST_PEER_TIMEOUT / 10
        last = is_served(modesty, "10.0.0.1")
    assert last


def test_a_64_of_ipv6_is_one_customer() -> None:
    modesty = RateLimiter(Clock())
    assert is_served(modesty, "2001:db8:0:1::1")
    assert not is_served(modesty, "2001:db8:0:1:ffff::9")
    assert is_served(modesty, "2001:db8:0:2::1")


def test_what_is_not_taken_does_not_count() -> None:
    modesty = RateLimiter(Clock())
    assert is_served(modesty, "10.0.0.1", takes=False)
    assert is_served(modesty, "10.0.0.1")
    assert not is_served(modesty, "10.0.0.1", takes=False)


def test_memory_is_bounded() -> None:
    modesty = RateLimiter(Clock(), most=3)
    for number in range(10):
        assert is_served(modesty, f"10.0.0.{number}")
    assert len(modesty.served) == 3
    assert not is_served(modesty, "10.0.0.9")
    assert is_served(modesty, "10.0.0.0")


@needs_ipv4
@pytest.mark.needs(WANT_RESTRICT_STATS=False)
def test_s11_t08_it_covers_scrapes_and_dumps_alike(live: Live) -> None:
    to = live.listen_tcp()
    asked = [b"/scrape", b"/stats?mode=tpbs&format=txt", b"/stats?mode=statedump"]
    for number, first in enumerate(asked):
        source = f"127.0.0.{number + 2}"
        assert live.ask(to, FULL.replace(b"/scrape", first), source).status == 200
        for target in asked:
            answer = live.ask(to, FULL.replace(b"/scrape", target), source)
            assert answer.status_line == "HTTP/1.1 402 Payment Required"
    assert live.counters.value("http_402") == 9
    assert live.counters.value("full_scrapes") == 3


def test_s11_after_the_time_another_one(live: Live) -> None:
    to = live.listen_tcp()
    assert live.ask(to, FULL).status == 200
    assert live.ask(to, FULL.replace(b"GET", b"HEAD", 1)).status == 402
    live.advance(OT_MODEST_PEER_TIMEOUT)
    assert live.ask(to, FULL.replace(b"GET", b"HEAD", 1)).status == 200
    assert live.ask(to, FULL).status == 200
    assert live.ask(to, b"GET /scrape?info_hash=" + b"a" * 20 + b" HTTP/1.0\r\n\r\n").status == 200
