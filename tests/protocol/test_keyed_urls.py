"""Keys in announce URLs: where they may stand, and that none is shown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.errors import TrackerFailure
from opentracker.protocol.keyed_urls import (
    LONGEST_KEY,
    SHORTEST_KEY,
    key_of_query,
    key_of_url_data,
    split_path,
    without_key,
)

KEY = b"0123456789abcdef"
words = st.text("abcdefghijklmnopqrstuvwxyzANS0123456789_.~-", min_size=SHORTEST_KEY, max_size=LONGEST_KEY)
keys = words.map(str.encode).filter(lambda word: not word.startswith((b"announce", b"scrape")))


@pytest.mark.parametrize(
    ("path", "bare", "key"),
    [
        (b"/" + KEY + b"/announce", b"/announce", KEY),
        (b"/announce/" + KEY, b"/announce", KEY),
        (b"/" + KEY + b"/announce.php", b"/announce.php", KEY),
        (b"/announce.php/" + KEY, b"/announce.php", KEY),
        (b"/" + KEY + b"/scrape", b"/scrape", KEY),
        (b"/scrape/" + KEY, b"/scrape", KEY),
        (b"/announce", b"/announce", b""),
        (b"/announce/", b"/announce", b""),
        (b"//announce", b"/announce", b""),
        (b"/stats", b"/stats", b""),
        (b"/" + KEY, b"/" + KEY, b""),
        (b"/" + KEY + b"/stats", b"/" + KEY + b"/stats", b""),
        (b"/a/" + KEY + b"/announce", b"/a/" + KEY + b"/announce", b""),
        (b"/", b"/", b""),
        (b"", b"", b""),
    ],
)
def test_k01_k02_a_key_in_the_path(path: bytes, bare: bytes, key: bytes) -> None:
    assert split_path(path) == (bare, key)


@pytest.mark.parametrize(
    ("query", "key"),
    [
        (b"passkey=" + KEY, KEY),
        (b"info_hash=x&passkey=" + KEY + b"&port=1", KEY),
        (b"passkey=other&passkey=" + KEY, KEY),
        (b"pass%6bey=%30" + KEY[1:], KEY),
        (b"key=" + KEY, b""),
        (b"passkey", b""),
        (b"", b""),
    ],
)
def test_k03_a_key_in_the_query(query: bytes, key: bytes) -> None:
    assert key_of_query(query) == key


def test_k03_a_broken_escape_in_the_query_fails() -> None:
    with pytest.raises(TrackerFailure, match="invalid percent escape"):
        key_of_query(b"passkey=%zz")


@pytest.mark.parametrize(
    ("url_data", "key"),
    [
        (b"/" + KEY + b"/announce", KEY),
        (b"/announce/%30" + KEY[1:], KEY),
        (b"/announce?passkey=" + KEY, KEY),
        (b"/" + KEY + b"/announce?passkey=other", KEY),
        (b"?passkey=" + KEY, KEY),
        (b"/%zz/announce", b""),
        (b"/announce?passkey=%zz", b""),
        (b"/announce", b""),
        (b"", b""),
    ],
)
def test_k04_a_key_in_url_data(url_data: bytes, key: bytes) -> None:
    assert key_of_url_data(url_data) == key


@given(st.binary(max_size=300))
def test_any_url_data_has_a_key_or_none(url_data: bytes) -> None:
    assert isinstance(key_of_url_data(url_data), bytes)


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (
            b"GET /" + KEY + b"/announce?port=1 HTTP/1.1\r\nA: b\r\n\r\n",
            b"GET /KEY/announce?port=1 HTTP/1.1\r\nA: b\r\n\r\n",
        ),
        (b"GET /announce/" + KEY + b" HTTP/1.1", b"GET /announce/KEY HTTP/1.1"),
        (b"GET /announce?passkey=" + KEY + b"&port=1", b"GET /announce?passkey=KEY&port=1"),
        (b"GET /announce?pass%6bey=" + KEY, b"GET /announce?pass%6bey=KEY"),
        (b"GET /announce?passkey%=" + KEY, b"GET /announce?passkey%=KEY"),
        (b"GET /stats?mode=peer", b"GET /stats?mode=peer"),
    ],
)
def test_k08_a_head_without_its_key(head: bytes, shown: bytes) -> None:
    assert without_key(head) == shown


@given(
    keys,
    st.sampled_from([b"/%b/announce", b"/announce/%b", b"//%b//announce", b"/announce?passkey=%b"]),
    st.data(),
)
def test_k08_no_key_is_shown(key: bytes, form: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(key) - 1))
    escaped = key[:at] + b"%%%02x" % key[at] + key[at + 1 :]
    for word in (key, escaped):
        for head in (b"GET " + form % word, b"HEAD " + form % word + b" HTTP/1.1\r\n", form % word):
            assert not re.search(
                re.escape(word), without_key(head).replace(b"announce", b"").replace(b"passkey", b"")
            )
