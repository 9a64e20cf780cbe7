"""The page for people: well-formed, self-contained, right, and made in small parts."""

import re
from collections import deque
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from opentracker.features.statistics.html.charts import LEFT
from opentracker.features.statistics.html.history import INTERVAL, SHOWN, Sample
from opentracker.features.statistics.html.page import PageForm
from opentracker.features.statistics.page import Statistics
from tests.features.stats import live_with, stats
from tests.protocol.http_cases import announce, get
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
    assert next(page.iter("code")).text == "01" * 20
    assert len(page.findall(".//svg")) == 7
    assert (page.findtext(".//h1") or "").endswith(f"{live.server.tracker_id:08x}")
    told = [each.text or "" for each in page.findall("body/header/p")]
    assert re.fullmatch(r"as of \d{4}-\d\d-\d\d \d\d:\d\d UTC, up for 1 min", told[0])
    assert f"TCP {to[0]}" in told[1].replace("[", "").replace("]", "")


def test_nothing_is_loaded_from_anywhere(asked: Asked) -> None:
    live, to = asked
    minutes_pass(live, 3)
    answer = stats(live, to, "mode=html")
    page = page_of(answer)
    loading = {"script", "img", "link", "iframe", "object", "embed", "use", "base", "form"}
    assert {each.tag for each in page.iter()} & loading == set()
    for each in page.iter():
        for name, value in each.attrib.items():
            assert name not in ("src", "srcset", "action", "xlink:href"), name
            assert name != "href" or (each.tag == "a" and value.startswith("?mode=")), value
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
    assert len(identifiers) == len(set(identifiers)) == 14
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
    assert body.count(b"min ago: UDP") == 2 * SHOWN  # announces and traffic
    assert len(body) < 100_000


def test_head(asked: Asked) -> None:
    live, to = asked
    answer = stats(live, to, "mode=html", b"HEAD")
    assert answer.body == b""
    assert "Content-Security-Policy" in answer.headers


def facts(page: ElementTree.Element) -> dict[str, str]:
    return {
        row.findtext("th") or "": row.findtext("td") or ""
        for table in page.iter("table")
        if table.get("class") == "facts"
        for row in table.iter("tr")
    }


def test_health_comes_first(asked: Asked) -> None:
    live, to = asked
    page = page_of(stats(live, to, "mode=html"))
    main = page.find("body/main")
    assert main is not None
    assert (main[0].get("class"), main[0].get("role")) == ("banner good", "status")
    live.counters.udp_errors += 3
    page = page_of(stats(live, to, "mode=html"))
    main = page.find("body/main")
    assert main is not None
    assert (main[0].get("class"), main[0].get("role")) == ("banner bad", "alert")
    assert [each.text for each in main[0].iter("li")] == [
        "Datagrams are lost. Errors of UDP sockets: 3 in the last 10 minutes."
    ]
    assert (page.findtext("head/title") or "").startswith("(1) opentracker")
    assert facts(page)["Loop busy"].endswith(" %")


def test_the_reasons_why_requests_were_turned_down(asked: Asked) -> None:
    live, to = asked
    for _ in range(3):
        live.ask(to, get(b"/nothing"))
    live.ask(to, get(b"/announce"))
    page = page_of(stats(live, to, "mode=html"))
    section = next(
        each for each in page.iter("section") if (each.findtext(".//h2") or "").startswith("Turned")
    )
    rows = [(row[0].text, row[2].text) for row in section.findall(".//tbody/tr")]
    own = [row for row in rows if "X-Forwarded-For" not in (row[0] or "")]  # of builds with proxies
    assert own == [("HTTP 404: an unknown path", "3"), ("HTTP requests with a failure reason", "1")]


def test_charts_begin_where_the_tracker_did(asked: Asked) -> None:
    live, to = asked
    for minutes in (1, 6, 58):
        minutes_pass(live, minutes)
        page = page_of(stats(live, to, "mode=html"))
        samples = min(SHOWN, len(history_of(live)) - 1)
        chart = next(each for each in page.iter("svg") if (each.findtext("title") or "").startswith("Peers"))
        labels = [
            each.text for each in chart.findall("./g[@class='grid']/text") if each.get("class") == "first"
        ]
        assert labels == [f"{samples} min"]
        strips = chart.findall("./g[@class='tips']/rect")
        assert len(strips) == samples
        assert float(strips[0].get("x") or 0) == LEFT


def history_of(live: Live) -> deque[Sample]:
    form = live.server.part(Statistics).renderings[""]["html"]
    assert isinstance(form, PageForm)
    return form.history.samples


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        (b"TEXT/HTML", True),
        (b"*/*", False),
        (b"text/plain", False),
        (None, False),
    ],
)
def test_a_browser_gets_the_page_and_a_program_what_it_got(
    asked: Asked, accept: bytes | None, is_page: bool
) -> None:
    live, to = asked
    header = b"" if accept is None else b"Accept: " + accept + b"\r\n"
    bare = live.ask(to, get(b"/stats", header))
    assert bare.body.startswith(b"<!DOCTYPE html>" if is_page else b"15\n4\n")
    assert live.ask(to, get(b"/stats?mode=peer", header)).body.startswith(b"15\n4\n")
