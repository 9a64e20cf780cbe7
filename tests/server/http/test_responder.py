"""The answers to the HTTP cases, without a socket: the same for clients of either family."""

import pytest
from librt.random import Random

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.errors import HttpError
from opentracker.protocol.bencode import decode
from opentracker.protocol.http import parse_request
from opentracker.server.http.responder import HttpResponder
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.tracker import Tracker
from tests.protocol.http_cases import (
    ANN,
    CASES,
    HASH_A,
    LEECHER,
    NO_INFO_HASH,
    Case,
    announce,
    failure_body,
    get,
    is_like,
    scrape,
    scrape_body,
)
from tests.server.live import packed
from tests.server.marks import needs_both

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import Admission
    from opentracker.swarm.tracker import admit_by

FOUR, SIX = packed("192.0.2.1"), packed("2001:db8::1")
addresses = pytest.mark.parametrize(
    "address",
    [
        pytest.param(FOUR, id="IPv4", marks=pytest.mark.needs(WANT_V6=False)),
        pytest.param(SIX, id="IPv6", marks=pytest.mark.needs(WANT_V4_ONLY=False)),
    ],
)


@pytest.fixture
def answers() -> HttpResponder:
    tracker = Tracker(Random(1))
    if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
        admit_by(tracker, Admission())
    return HttpResponder(tracker, Counters(), b"")


def body_of(answers: HttpResponder, data: bytes, address: bytes) -> bytes:
    request = parse_request(data)
    assert request is not None
    answer = answers.answer(request, address, 0)
    assert isinstance(answer, bytes)
    head, end, body = answer.partition(b"\r\n\r\n")
    assert end
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    return body


@addresses
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.id, marks=pytest.mark.needs(**case.flags))
        for case in CASES
        if case.status == 200 and not case.head_only
    ],
)
def test_case(answers: HttpResponder, case: Case, address: bytes) -> None:
    body = body_of(answers, case.request, address)
    decode(body)
    expected = case.body if case.failure is None else failure_body(case.failure)
    assert expected is None or is_like(body, expected)


@addresses
def test_a_head_request_changes_nothing(answers: HttpResponder, address: bytes) -> None:
    body_of(answers, announce(7000), address)
    for more in (b"", b"&event=stopped", b"&event=completed"):
        assert body_of(answers, announce(7000, 0, more).replace(b"GET", b"HEAD"), address) == b""
    assert body_of(answers, scrape(HASH_A), address) == scrape_body({HASH_A: (0, 0, 1)})


@pytest.mark.parametrize("target", [b"/", b"/Announce", b"/s", b"/index.html", b"/stats"])
def test_paths_that_lead_nowhere(answers: HttpResponder, target: bytes) -> None:
    request = parse_request(get(target))
    assert request is not None
    with pytest.raises(HttpError) as caught:
        answers.answer(request, FOUR, 0)
    assert caught.value.status == 404


@pytest.mark.parametrize("target", [b"/a", b"/announce", b"/announce.php", b"/sc?", b"/scrape.php?"])
def test_paths_that_are_taken_leniently(answers: HttpResponder, target: bytes) -> None:
    assert is_like(body_of(answers, get(target), FOUR), failure_body(NO_INFO_HASH))


@needs_both
def test_one_swarm_for_both_families(answers: HttpResponder) -> None:
    body_of(answers, announce(7000), FOUR)
    second = decode(body_of(answers, announce(7000), SIX))
    assert isinstance(second, dict)
    assert second[b"incomplete"] == 2
    assert second[b"peers"] == FOUR + (7000).to_bytes(2, "big")
    assert b"peers6" not in second


@addresses
def test_requests_are_counted(answers: HttpResponder, address: bytes) -> None:
    assert is_like(body_of(answers, get(b"/announce?" + ANN), address), LEECHER)
    body_of(answers, scrape(HASH_A), address)
    assert (answers.counters.tcp_announces, answers.counters.tcp_scrapes) == (1, 1)
