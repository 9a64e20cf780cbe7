from urllib.parse import quote_from_bytes, unquote_to_bytes

import pytest
from _pytest.mark import ParameterSet
from hypothesis import example, given
from hypothesis import strategies as st

from opentracker import _features
from opentracker._features import OT_MAX_MULTISCRAPE, OT_MAX_REQUEST
from opentracker.errors import TrackerFailure
from opentracker.protocol.bencode import write_scrape
from opentracker.protocol.messages import (
    EVENT_COMPLETED,
    EVENT_PAUSED,
    EVENT_STARTED,
    EVENT_STOPPED,
    Announce,
)
from opentracker.protocol.query import (
    MOST_FIELDS,
    SHORTEST,
    TOO_MANY_FIELDS,
    parse_announce,
    parse_scrape,
    unquote,
)
from tests.protocol.http_cases import (
    ANN,
    ANNOUNCES,
    DEFAULT_NUMWANT,
    HASH_A,
    HASH_B,
    INVALID_ESCAPE,
    INVALID_INFO_HASH,
    INVALID_PORT,
    NO_INFO_HASH,
    PEER_ID,
    SCRAPES,
    Case,
    scrape_query,
)

ADDRESS = b"\x7f\x00\x00\x01"
ADDRESS6 = bytes(15) + b"\x01"


def parsed(query: bytes, address: bytes = ADDRESS) -> Announce:
    announce = Announce(both_families=True)
    parse_announce(query, address, announce)
    return announce


def reason_of(query: bytes) -> bytes:
    with pytest.raises(TrackerFailure) as caught:
        parse_announce(query, ADDRESS, Announce(both_families=True))
    return caught.value.reason


def request_fields(announce: Announce) -> list[object]:
    return [
        announce.info_hash,
        announce.peer_id,
        announce.peer,
        announce.stored,
        announce.seeding,
        announce.event,
        announce.numwant,
        announce.both_families,
        announce.url_data,
    ]


def params(cases: list[Case]) -> list[ParameterSet]:
    """Those that the query parser sees, each with the flags it needs."""
    return [
        pytest.param(case, id=case.id, marks=pytest.mark.needs(**case.flags))
        for case in cases
        if case.status == 200
    ]


@pytest.mark.parametrize("case", params(ANNOUNCES))
def test_announce_case(case: Case) -> None:
    if case.failure is not None:
        assert reason_of(case.query or b"") == case.failure
        return
    announce = parsed(case.query or b"")
    assert {name: getattr(announce, name) for name in case.announce} == case.announce


@pytest.mark.parametrize("case", params(SCRAPES))
def test_scrape_case(case: Case) -> None:
    if case.failure is not None:
        with pytest.raises(TrackerFailure) as caught:
            parse_scrape(case.query or b"")
        assert caught.value.reason == case.failure
        return
    assert case.body is not None
    info_hashes = parse_scrape(case.query or b"")
    assert case.body == write_scrape(dict.fromkeys(info_hashes, (0, 0, 0)), dict.fromkeys(info_hashes, 0))


def test_scrape_keeps_order_and_repetitions() -> None:
    assert parse_scrape(scrape_query([HASH_B, HASH_A, HASH_B])) == [HASH_B, HASH_A, HASH_B]


def test_scrape_ignores_what_is_over_the_limit_but_a_broken_escape() -> None:
    most = _features.OT_MAX_MULTISCRAPE
    query = scrape_query([HASH_A] * most)
    assert parse_scrape(query + b"&info_hash=short") == [HASH_A] * most
    with pytest.raises(TrackerFailure) as caught:
        parse_scrape(query + b"&info_hash=%4")
    assert caught.value.reason == INVALID_ESCAPE


def test_scrape_with_one_bad_hash_fails() -> None:
    with pytest.raises(TrackerFailure) as caught:
        parse_scrape(b"info_hash=" + HASH_A + b"&info_hash=short")
    assert caught.value.reason == INVALID_INFO_HASH


def test_ipv6_peer() -> None:
    assert parsed(ANN, ADDRESS6).peer == ADDRESS6 + b"\x1a\xe1"


def test_the_last_of_repeated_keys_counts() -> None:
    firsts = b"&port=abc&left=1&event=stopped&numwant=x&peer_id=x"
    lasts = b"&port=80&left=0&event=completed&numwant=1&peer_id=" + PEER_ID
    announce = parsed(b"info_hash=" + HASH_A + firsts + lasts)
    assert announce.peer == ADDRESS + b"\x00\x50"
    assert announce.seeding
    assert announce.event == EVENT_COMPLETED
    assert announce.numwant == 1
    assert announce.peer_id == PEER_ID
    announce = parsed(b"info_hash=" + HASH_A + lasts + b"&left=&event=paused&numwant=&peer_id=x")
    assert (announce.seeding, announce.event, announce.peer_id) == (False, EVENT_PAUSED, b"")
    assert announce.numwant == DEFAULT_NUMWANT
    assert reason_of(b"info_hash=" + HASH_A + lasts + firsts) == INVALID_PORT


NUMBERS = [b"", b"0", b"1", b"50", b"51413", b"99999999999"]
ODD_VALUES = [b"started", b"completed", b"=", b"%41", b"%4", b"\r\n", b"x", HASH_A, HASH_B, PEER_ID]
FIELD_VALUES = st.sampled_from(NUMBERS) | st.sampled_from(ODD_VALUES)
USED = [b"info_hash", b"peer_id", b"port", b"left", b"event", b"numwant", b"ip", b"%65vent"]
UNUSED = [b"no_peer_id", b"numwant2", b"n", b"key", b"compact", b"e", b""]
FIELD_KEYS = st.sampled_from(USED) | st.sampled_from(UNUSED)
OTHER_FIELDS = st.lists(st.tuples(FIELD_KEYS, FIELD_VALUES).map(b"=".join) | FIELD_KEYS, max_size=6)


@given(values=st.tuples(*[FIELD_VALUES] * 6), others=OTHER_FIELDS)
@example(
    values=(HASH_A, PEER_ID, b"51413", b"0", b"0", b"0"), others=[b"key=x", b"event=started", b"numwant=7"]
)
@example(values=(HASH_A, PEER_ID, b"51413", b"0", b"0", b"1"), others=[b"a=1"] * 50)
def test_the_usual_order_of_fields_is_read_as_another_order(
    values: tuple[bytes, ...], others: list[bytes]
) -> None:
    """Builds may have a faster way for the order that most clients use."""
    keys = [b"info_hash", b"peer_id", b"port", b"uploaded", b"downloaded", b"left"]
    fields = [b"=".join(both) for both in zip(keys, values, strict=True)]
    usual = b"&".join(fields + others)
    uploaded = fields.pop(3)
    assert outcome_of(usual) == outcome_of(b"&".join([uploaded, *fields, *others]))


def outcome_of(query: bytes) -> list[object] | bytes:
    """The request of an announce, or the reason for its failure."""
    try:
        return request_fields(parsed(query))
    except TrackerFailure as failure:
        return failure.reason


def test_keys_may_be_escaped() -> None:
    announce = parsed(b"%69nfo%5Fhash=" + HASH_A + b"&p%6Frt=80&%65vent=started&lef%74=0")
    assert (announce.info_hash, announce.peer) == (HASH_A, ADDRESS + b"\x00\x50")
    assert (announce.event, announce.seeding) == (EVENT_STARTED, True)
    assert parsed(ANN + b"&port%3D=9").peer == ADDRESS + b"\x1a\xe1"


def test_keys_are_case_sensitive_and_whole() -> None:
    assert reason_of(b"INFO_HASH=" + HASH_A) == NO_INFO_HASH
    assert reason_of(b"info_hash2=" + HASH_A) == NO_INFO_HASH
    assert reason_of(b"xinfo_hash=" + HASH_A) == NO_INFO_HASH
    assert parsed(ANN + b"&ports=9&portt&numwants=9").peer == ADDRESS + b"\x1a\xe1"


def test_value_with_an_equals_sign() -> None:
    assert parsed(b"info_hash=" + b"=" * 20).info_hash == b"=" * 20
    assert parsed(b"info_hash=" + b"=%3D" * 10).info_hash == b"=" * 20


def test_long_integers_cost_nothing() -> None:
    long = b"9" * 8000
    announce = parsed(b"info_hash=" + HASH_A + b"&left=" + long + b"&numwant=" + long)
    assert not announce.seeding
    assert announce.numwant == _features.OT_MAX_PEERS_HTTP
    zeros = b"0" * 8000
    query = b"&left=" + zeros + b"&numwant=" + zeros + b"&port=" + zeros + b"80"
    announce = parsed(b"info_hash=" + HASH_A + query)
    assert announce.seeding
    assert announce.numwant == 0
    assert announce.peer == ADDRESS + b"\x00\x50"


def test_a_used_record_keeps_nothing() -> None:
    announce = Announce(both_families=True)
    announce.url_data = b"/x"
    parse_announce(ANN + b"&left=0&event=stopped&numwant=7", ADDRESS6, announce)
    query = b"info_hash=" + HASH_B
    parse_announce(query, ADDRESS, announce)
    assert request_fields(announce) == request_fields(parsed(query))
    assert announce.event != EVENT_STOPPED


BROKEN = [b"%", b"%4", b"a%", b"%zz", b"%4z", b"%z4", b"%%41", b"%4%1", b"%=41", b"%\r41"]


@pytest.mark.parametrize("value", BROKEN)
def test_broken_escapes(value: bytes) -> None:
    with pytest.raises(TrackerFailure) as caught:
        unquote(value)
    assert caught.value.reason == INVALID_ESCAPE


PIECES = st.binary(max_size=5) | st.integers(0, 255).flatmap(
    lambda byte: st.sampled_from([b"%%%02x" % byte, b"%%%02X" % byte])
)
ESCAPED = st.lists(PIECES, max_size=30).map(b"".join)
HEX = b"0123456789abcdefABCDEF"


def is_well_escaped(value: bytes) -> bool:
    _, *parts = value.split(b"%")
    return all(len(part) >= 2 and part[0] in HEX and part[1] in HEX for part in parts)


NEARLY_ESCAPED = st.lists(st.sampled_from([b"%", b"=", b"\r", b"\n", b"41", b"_"])).map(b"".join)


@given(ESCAPED | st.binary() | NEARLY_ESCAPED)
@example(b"%3D=%0d\r%0A\n_%5F%25")
@example(b"%41\r\n%41")
@example(b"==%41==")
def test_p8_unquote_is_urllibs(value: bytes) -> None:
    if is_well_escaped(value):
        assert unquote(value) == unquote_to_bytes(value)
    else:
        with pytest.raises(TrackerFailure):
            unquote(value)


@given(st.binary(), st.sampled_from([b"", b"/", b"~-._%&=\r\n"]))
def test_unquote_gives_back_what_was_quoted(value: bytes, safe: bytes) -> None:
    quoted = quote_from_bytes(value, safe=safe.replace(b"%", b"")).encode()
    assert unquote(quoted) == value


KEYS = [b"info_hash=" + HASH_A, b"port=", b"left=", b"event=", b"numwant=", b"peer_id=", b"ip=", b"key="]
WORDS = [b"&", b"=", b"%", b"80", b"0", b"stopped", b"%30", PEER_ID, HASH_B]
FIELDS = st.lists(st.sampled_from(KEYS) | st.sampled_from(WORDS) | st.binary(max_size=3), max_size=20)


@given(FIELDS.map(b"".join) | FIELDS.map(b"&".join) | st.binary(max_size=300))
def test_any_bytes_fill_in_a_request_or_fail(query: bytes) -> None:
    announce = Announce(both_families=True)
    try:
        parse_announce(query, ADDRESS, announce)
    except TrackerFailure:
        return
    assert len(announce.info_hash) == 20
    assert len(announce.peer_id) in (0, 20)
    assert len(announce.peer) in (6, 18)
    assert announce.stored is (int.from_bytes(announce.peer[-2:], "big") > 1)
    assert 0 <= announce.numwant <= _features.OT_MAX_PEERS_HTTP


@given(FIELDS.map(b"&".join) | st.binary(max_size=300))
def test_any_bytes_are_a_scrape_or_fail(query: bytes) -> None:
    try:
        info_hashes = parse_scrape(query)
    except TrackerFailure:
        return
    assert 1 <= len(info_hashes) <= _features.OT_MAX_MULTISCRAPE
    assert {len(info_hash) for info_hash in info_hashes} == {20}


@given(
    st.binary(min_size=20, max_size=20),
    st.binary(min_size=20, max_size=20),
    st.integers(0, 65535),
    st.integers(-1, 2**70),
    st.sampled_from([(b"started", 2), (b"completed", 1), (b"stopped", 3), (b"", 0)]),
)
def test_parse_gives_back_what_was_written(
    info_hash: bytes, peer_id: bytes, port: int, left: int, event: tuple[bytes, int]
) -> None:
    query = b"numwant=1&info_hash=%b&left=%d&port=%d&peer_id=%b&event=%b" % (
        quote_from_bytes(info_hash).encode(),
        left,
        port,
        quote_from_bytes(peer_id).encode(),
        event[0],
    )
    announce = parsed(query)
    assert (announce.info_hash, announce.peer_id) == (info_hash, peer_id)
    assert announce.peer == ADDRESS + port.to_bytes(2, "big")
    assert (announce.seeding, announce.event, announce.numwant) == (left == 0, event[1], 1)


def test_a_query_of_too_many_fields_fails() -> None:
    just = ANN + b"&" * (MOST_FIELDS - 1 - ANN.count(b"&"))
    assert parsed(just).info_hash == HASH_A
    assert reason_of(just + b"&") == TOO_MANY_FIELDS
    assert parse_scrape(b"info_hash=" + HASH_A + b"&" * (MOST_FIELDS - 1)) == [HASH_A]
    with pytest.raises(TrackerFailure) as caught:
        parse_scrape(b"info_hash=" + HASH_A + b"&" * MOST_FIELDS)
    assert caught.value.reason == TOO_MANY_FIELDS


def test_as_many_info_hashes_as_fit_into_a_request_are_not_too_many() -> None:
    """All info_hashes of the longest request are accepted; those that are not answered are ignored."""
    field = b"info_hash=" + HASH_A
    assert len(field + b"&") == SHORTEST
    many = max(1, OT_MAX_REQUEST // SHORTEST)
    assert parse_scrape(b"&".join([field] * many)) == [HASH_A] * min(many, OT_MAX_MULTISCRAPE)
