"""Entries of lists, and a site's copy of one, without files or a server."""

import pytest

from opentracker.bridge.lists import KINDS, Kind, ListCopy, Outlet, entry_of, line_of, name_of, one_line

TORRENTS, KEYS, NETWORKS = KINDS["torrents"], KINDS["keys"], KINDS["networks"]
HASH = "0123456789abcdef0123456789ABCDEF01234567"


@pytest.mark.parametrize(
    ("kind", "entry", "name"),
    [
        (TORRENTS, HASH, HASH.lower()),
        (KEYS, "an.Other_key~-1", b"an.Other_key~-1".hex()),
        (NETWORKS, "192.0.2.0/24", b"192.0.2.0/24".hex()),
        (NETWORKS, "192.0.2.9/24", b"192.0.2.0/24".hex()),
        (NETWORKS, "198.51.100.7", b"198.51.100.7/32".hex()),
        (NETWORKS, "2001:0DB8::/32", b"2001:db8::/32".hex()),
    ],
)
def test_names_of_entries(kind: Kind, entry: str, name: str) -> None:
    assert name_of(kind, entry) == name
    assert name_of(kind, entry_of(kind, name)) == name


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        (TORRENTS, HASH[1:]),
        (TORRENTS, HASH + "0"),
        (TORRENTS, "x" * 40),
        (KEYS, "short"),
        (KEYS, "a b c d e f"),
        (KEYS, "announce1"),
        (NETWORKS, "nowhere"),
        (NETWORKS, "192.0.2.0/33"),
        (NETWORKS, ""),
    ],
)
def test_other_entries_are_refused(kind: Kind, entry: str) -> None:
    with pytest.raises(ValueError, match="expected "):
        name_of(kind, entry)


@pytest.mark.parametrize("name", ["", "zz", "00ff", HASH[1:]])
def test_other_names_are_no_entries(name: str) -> None:
    assert entry_of(KEYS, name) == ""
    assert entry_of(TORRENTS, name) == ""
    assert entry_of(NETWORKS, name) == ""


def test_lines_are_lines() -> None:
    assert line_of("a", one_line(" b\nc\x1b ")) == "a b?c?\n"
    assert line_of("a", "") == "a\n"


def test_b06_what_stands_behind_a_network_is_a_comment_for_the_trackers() -> None:
    """A tracker refuses a file with a line that is more than a network and a comment."""
    assert [NETWORKS.rest(text) for text in ("", "a flood\n10.0.0.0/8", "# a flood")] == [
        "",
        "# a flood?10.0.0.0/8",
        "# a flood",
    ]
    assert KEYS.rest("2031-01-31 a\nmember") == "2031-01-31 a?member"


def test_b05_changes_are_for_the_outlets_and_the_file_until_they_are_sent_and_saved() -> None:
    adds, deletes = Outlet(True), Outlet(False)
    copy = ListCopy({"a": ""}, [adds, deletes])
    copy.change("a", "")  # as in the file
    copy.change("x", None)  # deleted long ago
    assert adds.lines == deletes.lines == copy.unsaved == {}
    copy.change("b", "2031-01-31")
    copy.change("a", None)
    assert (adds.lines, deletes.lines) == ({"b": "b 2031-01-31\n"}, {"a": "a\n"})
    adds.sent(["b"])
    deletes.sent(["a"])
    copy.change("b", None)
    assert (adds.lines, deletes.lines) == ({}, {"b": "b\n"})
    assert copy.unsaved == {"a": None, "b": None}
    copy.saved()
    assert deletes.lines == {"a": "a\n", "b": "b\n"}
    assert copy.entries == copy.unsaved == {}
