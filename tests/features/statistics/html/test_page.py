"""The page for people: well-formed, self-contained, right, and made in small parts."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from opentracker.features.statistics.html.history import INTERVAL, SHOWN
from opentracker.features.statistics.html.page import duration
from tests.features.stats import live_with, stats
from tests.protocol.http_cases import announce
from tests.server.live import Answer, Endpoint, Live

Asked = tuple[Live, Endpoint]


@pytest.fixture
def asked() -> Iterator[Asked]:
    live, to = live_with()
    yield live, to
    live.close()


def page_of(answer: Answer) -> ElementTree.Element:
    """The page as a tree: it is XML too, but for its first line."""
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    first, _, rest = answer.body.decode().partition("\n")
    assert first == "<!DOCTYPE html>"
    return ElementTree.fromstring(rest)


def minutes_pass(live: Live, minutes: int) -> None:
    for _ in range(minutes):
        live.advance(INTERVAL)
        live.until(lambda: not live.work, "a sample to be taken")


def test_it_is_well_formed_and_tells_what_there_is(asked: Asked) -> None:
    live, to = asked
    live.ask(to, announce(7000, 0, b"&event=completed"))
    page = page_of(stats(live, to, "mode=html"))
    assert page.get("lang") == "en"
    numbers = {
        section.findtext("h2"): "".join(big.itertext())
        for section in page.iter("section")
        for big in section.findall("div[@class='big']")
    }
    assert numbers["Peers"] == "16"
    assert numbers["Torrents"] == "12"
    assert numbers["Downloads completed"] == "1"
    assert page.findtext("head/title") == "opentracker: 16 peers"
    hashes = [each.get("title") for each in page.iter("code")]
    assert hashes[0] == "01" * 20
    assert len(page.findall(".//svg")) == 6


def test_nothing_is_loaded_from_anywhere(asked: Asked) -> None:
    live, to = asked
    minutes_pass(live, 3)
    answer = stats(live, to, "mode=html")
    page = page_of(answer)
    loading = {"script", "img", "link", "iframe", "object", "embed", "use", "base", "form"}
    assert {each.tag for each in page.iter()} & loading == set()
    for each in page.iter():
        for name, value in each.attrib.items():
            assert name not in ("src", "href", "srcset", "action", "xlink:href"), name
            assert not name.startswith("on"), name
            assert "url(" not in value
    style = page.findtext("head/style") or ""
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(rb"https?:|//", answer.body)
    policy = dict(each.strip().split(" ", 1) for each in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'unsafe-inline'"
    assert policy.keys() == {"default-src", "style-src", "base-uri", "form-action", "frame-ancestors"}


def test_pictures_have_names_and_descriptions(asked: Asked) -> None:
    live, to = asked
    minutes_pass(live, 2)
    page = page_of(stats(live, to, "mode=html"))
    identifiers = [each.get("id") for each in page.iter() if each.get("id")]
    assert len(identifiers) == len(set(identifiers)) == 12
    for picture in page.iter("svg"):
        assert picture.findtext("title")
        assert picture.findtext("desc")
    assert page.find("head/meta[@name='viewport']") is not None


def test_an_hour_is_shown(asked: Asked) -> None:
    live, to = asked
    for minute in range(SHOWN + 5):
        live.counters.udp_announces += 60 * (100 + minute)
        minutes_pass(live, 1)
    page = page_of(stats(live, to, "mode=html"))
    picture = next(
        each for each in page.iter("svg") if (each.findtext("title") or "").startswith("Announces")
    )
    told = [each.findtext("title") for each in picture.findall("./g[@class='tips']/rect")]
    assert len(told) == SHOWN
    assert told[0] == "59 min ago: UDP 105/s, HTTP 0/s"
    assert told[-1] == "0 min ago: UDP 164/s, HTTP 0/s"
    assert picture.findtext("desc") == "UDP: 164/s at last, 164/s at most; HTTP: 0/s at last, 0/s at most."


def test_samples_are_taken_and_bounded(asked: Asked) -> None:
    live, to = asked
    minutes_pass(live, SHOWN * 2)
    body = stats(live, to, "mode=html").body
    assert body.count(b"min ago: UDP") == SHOWN
    assert len(body) < 100_000


def test_head(asked: Asked) -> None:
    live, to = asked
    answer = stats(live, to, "mode=html", b"HEAD")
    assert answer.body == b""
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (61, "1 min"),
        (3600, "1 h 0 min"),
        (90_000, "1 d 1 h"),
        (900_000, "10 d 10 h"),
    ],
)
def test_durations(seconds: int, text: str) -> None:
    assert duration(seconds) == text
