import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import WANT_EXTENDED_ANSWERS
from opentracker.protocol.bencode import Value, decode, write_announce, write_failure, write_scrape
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED, Announce
from tests.protocol.http_cases import (
    LEECHER,
    SEEDER,
    STOPPED,
    failure_body,
    is_like,
    scrape_body,
    without_extensions,
)


def announce_body(announce: Announce) -> bytes:
    """The answer to an announce, without extensions."""
    return without_extensions(write_announce(announce))


def turned_down(reason: bytes, interval: int) -> bytes:
    """The body of a failure, without extensions."""
    return without_extensions(write_failure(reason, interval))


@pytest.mark.needs("WANT_EXTENDED_ANSWERS")
@pytest.mark.parametrize("address", [b"\xc0\x00\x02\x07", b"\x20\x01\x0d\xb8" + bytes(12)])
def test_h54_a_client_is_told_its_address(address: bytes) -> None:
    announce = answered()
    announce.peer = address + b"\x1a\xe1"
    answer = decode(write_announce(announce))
    assert isinstance(answer, dict)
    assert answer[b"external ip"] == address
    assert answer[b"downloaded"] == 500
    announce.event = EVENT_STOPPED
    assert b"external ip" not in write_announce(announce)


@pytest.mark.needs("WANT_EXTENDED_ANSWERS")
@pytest.mark.parametrize(("interval", "minutes"), [(1800, 30), (1801, 31), (1, 1)])
def test_h55_a_failure_tells_when_to_try_again(interval: int, minutes: int) -> None:
    assert decode(write_failure(b"no", interval)) == {
        b"failure reason": b"no",
        b"interval": interval,
        b"retry in": minutes,
    }


def encode(value: Value) -> bytes:
    """The obvious way, to compare with."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"


def answered(event: int = EVENT_NONE, peers: bytes = b"", peers6: bytes = b"") -> Announce:
    announce = Announce(both_families=True)
    announce.event = event
    announce.interval = 1800
    announce.complete = 3
    announce.incomplete = 40
    announce.downloaded = 500
    announce.peers = peers
    announce.peers6 = peers6
    return announce


def test_announce_spelled_out() -> None:
    body = announce_body(answered(peers=b"\x7f\x00\x00\x01\x1a\xe1", peers6=b"x" * 18))
    assert body == (
        b"d8:completei3e10:downloadedi500e10:incompletei40e8:intervali1800e12:min intervali300e"
        b"5:peers6:\x7f\x00\x00\x01\x1a\xe16:peers618:xxxxxxxxxxxxxxxxxxe"
    )


@pytest.mark.parametrize("event", [EVENT_NONE, EVENT_COMPLETED, EVENT_STARTED])
def test_h01_peers_are_always_there_and_peers6_with_content_only(event: int) -> None:
    assert decode(announce_body(answered(event))) == {
        b"complete": 3,
        b"downloaded": 500,
        b"incomplete": 40,
        b"interval": 1800,
        b"min interval": 300,
        b"peers": b"",
    }


@pytest.mark.parametrize(
    ("peer_id", "interval", "expected"),
    [
        (b"-LT2110-bN.1p(X9kV*q", 1800, 300),
        (b"", 1800, 300),
        (b"-TR3000-x6kfd1lmoe12", 299, 299),
        (b"A2-1-36-0-\xb1\x9dV\x93\xe0\x00\x11abc", 1800, 1800),
    ],
)
def test_min_interval_is_short_but_for_aria2_that_announces_at_it(
    peer_id: bytes, interval: int, expected: int
) -> None:
    announce = answered()
    announce.peer_id, announce.interval = peer_id, interval
    answer = decode(announce_body(announce))
    assert isinstance(answer, dict)
    assert (answer[b"interval"], answer[b"min interval"]) == (interval, expected)


def test_h21_stopped_gets_no_peers_of_any_family() -> None:
    assert decode(announce_body(answered(EVENT_STOPPED, b"x" * 6, b"y" * 18))) == {
        b"complete": 3,
        b"incomplete": 40,
        b"interval": 1800,
        b"min interval": 300,
        b"peers": b"",
    }


@pytest.mark.parametrize(
    ("complete", "incomplete", "event", "expected"),
    [(0, 1, EVENT_NONE, LEECHER), (1, 0, EVENT_NONE, SEEDER), (0, 0, EVENT_STOPPED, STOPPED)],
)
def test_announce_is_like_the_cases(complete: int, incomplete: int, event: int, expected: bytes) -> None:
    announce = Announce(both_families=True)
    announce.complete, announce.incomplete, announce.event, announce.interval = (
        complete,
        incomplete,
        event,
        1711,
    )
    body = announce_body(announce)
    assert is_like(body, expected)
    assert not is_like(body + b"e", expected)
    announce.interval = 0
    assert not is_like(announce_body(announce), expected)


def test_h08_failure_gives_the_reason_and_an_interval() -> None:
    reason = b"Your client forgot to send your torrent's info_hash. Please upgrade your client."
    body = turned_down(reason, 1800)
    assert body.startswith(b"d14:failure reason80:Your client forgot")
    assert decode(body) == {b"failure reason": reason, b"interval": 1800}
    assert is_like(body, failure_body(reason))


def test_s03_scrape_is_sorted() -> None:
    body = write_scrape({b"B" * 20: (4, 5, 6), b"A" * 20: (1, 2, 3)}, {b"A" * 20: 0, b"B" * 20: 0})
    assert body == scrape_body({b"A" * 20: (1, 2, 3), b"B" * 20: (4, 5, 6)})
    assert write_scrape({}, {}) == b"d5:filesdee"


COUNTS = st.integers(0, 2**32)
HASHES = st.binary(min_size=20, max_size=20)


@given(st.lists(COUNTS, min_size=4, max_size=4), st.binary(max_size=90), st.binary(max_size=90))
def test_announce_reads_back(counts: list[int], peers: bytes, peers6: bytes) -> None:
    announce = answered(peers=peers, peers6=peers6)
    announce.complete, announce.downloaded, announce.incomplete, announce.interval = counts
    expected = {
        b"complete": counts[0],
        b"downloaded": counts[1],
        b"incomplete": counts[2],
        b"interval": counts[3],
        b"min interval": min(counts[3], 300),
        b"peers": peers,
    }
    if peers6:
        expected[b"peers6"] = peers6
    assert decode(announce_body(announce)) == expected


@given(st.dictionaries(HASHES, st.tuples(COUNTS, COUNTS, COUNTS), max_size=20))
def test_scrape_reads_back(entries: dict[bytes, tuple[int, int, int]]) -> None:
    names = (b"complete", b"downloaded", b"incomplete")
    files = {info_hash: dict(zip(names, counts, strict=True)) for info_hash, counts in entries.items()}
    partial_seeds = {info_hash: counts[2] // 2 for info_hash, counts in entries.items()}
    if WANT_EXTENDED_ANSWERS:
        for info_hash, counts in files.items():
            counts[b"downloaders"] = counts[b"incomplete"] - partial_seeds[info_hash]
    assert decode(write_scrape(entries, partial_seeds)) == {b"files": files}


@given(st.binary(max_size=200), st.integers(0, 10**6))
def test_failure_reads_back(reason: bytes, interval: int) -> None:
    assert decode(turned_down(reason, interval)) == {b"failure reason": reason, b"interval": interval}


VALUES = st.recursive(
    st.integers(-(10**19), 10**20 - 1) | st.binary(max_size=20),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.binary(max_size=6), values, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_p5_decode_gives_back_what_was_encoded(value: Value) -> None:
    data = encode(value)
    assert decode(data) == value
    for cut in range(len(data)):
        with pytest.raises(ValueError, match="byte"):
            decode(data[:cut])


TOKENS = [b"i", b"e", b"l", b"d", b"0", b"1", b"-", b":", b"1:a", b"1:b", b"i1e", b"0:"]


@given(st.binary(max_size=100) | st.lists(st.sampled_from(TOKENS), max_size=20).map(b"".join))
def test_whatever_is_decoded_is_canonical(data: bytes) -> None:
    try:
        value = decode(data)
    except ValueError:
        return
    assert encode(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"e",
        b"i1e ",
        b"i1ei1e",
        b"ie",
        b"i-e",
        b"i-0e",
        b"i01e",
        b"i-01e",
        b"i+1e",
        b"i 1e",
        b"i1_0e",
        b"i1",
        b"i" + b"1" * 21 + b"e",
        b"1:",
        b"01:a",
        b"00:",
        b"-1:a",
        b"2:a",
        b"1a",
        b"99999999999999999999:a",
        b"l",
        b"li1e",
        b"d",
        b"d1:ae",
        b"d1:a",
        b"di1ei1ee",
        b"d1:bi1e1:ai1ee",
        b"d1:ai1e1:ai1ee",
        b"d1:ai1e0:i1ee",
        b"l" * 5000 + b"e" * 5000,
        b"d0:" * 5000,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^bencoding: .* byte \d+"):
        decode(data)


def test_nesting_within_the_limit() -> None:
    assert encode(decode(b"l" * 32 + b"e" * 32)) == b"l" * 32 + b"e" * 32
