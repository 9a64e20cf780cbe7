"""Unknown names: the nearest known one, and whether that is meant."""

import pytest

from build_hook.names import edits, is_made_of_words, is_typo, nearest

FLAGS = [
    *("WANT_V6", "WANT_ACCESSLIST_BLACK", "WANT_ACCESSLIST_WHITE", "WANT_FULLSCRAPE", "WANT_FULL_STATE"),
    *("WANT_COMPRESSION_GZIP", "WANT_MODEST_FULLSCRAPES", "WANT_KEEPALIVE", "WANT_SYSLOGS", "WANT_MAX_PEER"),
]

# name: (the flags that it is a typo of, those whose words it is made of, the nearest)
MEANT = {
    "WANT_VG": (["WANT_V6"], [], "WANT_V6"),
    "WANT_V": (["WANT_V6"], [], "WANT_V6"),
    "WANT_6V": (["WANT_V6"], [], "WANT_V6"),
    "WANT_IPV6": ([], ["WANT_V6"], "WANT_V6"),
    "WANT_ACESSLIST_BALCK": (["WANT_ACCESSLIST_BLACK"], [], "WANT_ACCESSLIST_BLACK"),
    "WANT_BLACKLIST": ([], ["WANT_ACCESSLIST_BLACK"], "WANT_ACCESSLIST_BLACK"),
    "WANT_BLAKLIST": ([], ["WANT_ACCESSLIST_BLACK"], "WANT_ACCESSLIST_BLACK"),
    "WANT_GZIP": ([], ["WANT_COMPRESSION_GZIP"], "WANT_COMPRESSION_GZIP"),
    "WANT_FULL_SCRAPE": (["WANT_FULLSCRAPE"], [], "WANT_FULLSCRAPE"),
    "WANT_SYSLOG": (["WANT_SYSLOGS"], ["WANT_SYSLOGS"], "WANT_SYSLOGS"),
}  # fmt: skip


@pytest.mark.parametrize("name", MEANT)
def test_what_is_meant_is_found(name: str) -> None:
    typos, forms, best = MEANT[name]
    assert [other for other in FLAGS if is_typo(name, other)] == typos
    assert [other for other in FLAGS if is_made_of_words(name, other)] == forms
    assert nearest(name, FLAGS) == f"the nearest known one is {best}"


@pytest.mark.parametrize(
    "name",
    ["AUTOCONF", "AUTOMAKE", "LIBTOOL", "TESTS", "SSL", "OPENSSL", "PYTHON", "X", "STATIC", "A" * 3000],
)
def test_names_of_others_are_no_typos(name: str) -> None:
    assert not [other for other in FLAGS if is_typo(f"WANT_{name}", other)]
    assert not [other for other in FLAGS if is_made_of_words(f"WANT_{name}", other)]


def test_of_several_the_most_alike_is_the_nearest() -> None:
    assert nearest("OT_PEERTIMEOUT", ["OT_MODEST_PEER_TIMEOUT", "OT_PEER_TIMEOUT"]).endswith(
        " OT_PEER_TIMEOUT"
    )
    assert nearest("modulos", ["flags", "modules"]) == "the nearest known one is modules"
    assert nearest("WANT_VG", []) == "there are none"


@pytest.mark.parametrize(
    ("one", "two", "count"),
    [
        *(("", "", 0), ("", "ab", 2), ("ab", "ab", 0), ("ab", "b", 1), ("ab", "ba", 1)),
        *(("abc", "axc", 1), ("abcd", "badc", 2), ("ab", "xyz", 3)),
    ],
)
def test_edits_are_counted(one: str, two: str, count: int) -> None:
    assert edits(one, two) == edits(two, one) == count
