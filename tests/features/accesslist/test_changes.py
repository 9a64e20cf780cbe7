"""Lines that add to the access list and delete from it, however they come in; the FIFOs are tests/server's."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.errors import TrackerFailure
from opentracker.features.accesslist.accesslist import CHANGED, LISTED, AccessList, AccessListReloader
from opentracker.features.accesslist.changes import Changes, change
from opentracker.features.list_file import KEPT
from opentracker.protocol.messages import Announce
from opentracker.swarm.tracker import Tracker
from tests.swarm.torrents import are_there

A, B, C, D = (bytes([letter]) * 20 for letter in b"ABCD")
SEVENS = b"\x77" * 20


class Desk:
    """A tracker whose list has `first` from its file, and what the two FIFOs do to it."""

    def __init__(self, *first: bytes) -> None:
        self.work: list[Iterator[None]] = []
        self.tracker = Tracker(Random(1))
        self.keeper = AccessListReloader(self.tracker, AccessList(first), self.work.append)
        self.adds = Changes(self.keeper, "add", True)
        self.deletes = Changes(self.keeper, "delete", False)

    def listed(self) -> set[bytes]:
        allows = self.tracker.admission.allows
        return {each for each in (A, B, C, D, SEVENS) if allows(each) is WANT_ACCESSLIST_WHITE}

    def finish(self) -> None:
        while self.work:
            for _ in self.work.pop(0):
                pass


def line(*info_hashes: bytes) -> bytes:
    return b"".join(each.hex().encode() + b"\n" for each in info_hashes)


def announce_to(tracker: Tracker, info_hash: bytes) -> None:
    a = Announce(both_families=True)
    a.info_hash, a.peer, a.stored = info_hash, bytes([1, 2, 3, 4, 0x1A, 0xE1]), True
    tracker.announce(a, 0)


def test_a12_a_deletion_as_the_first_ever_action() -> None:
    desk = Desk()
    desk.deletes.feed(line(A))
    assert desk.listed() == set()


@pytest.mark.parametrize("order", [(A, B, C), (C, B, A), (B, A, C), (B, C, A)])
def test_a13_three_added_and_the_middle_one_deleted(order: tuple[bytes, ...]) -> None:
    desk = Desk()
    desk.adds.feed(line(*order))
    assert desk.listed() == {A, B, C}
    desk.deletes.feed(line(B))
    assert desk.listed() == {A, C}


def test_the_last_change_counts() -> None:
    desk = Desk(A)
    desk.deletes.feed(line(A))
    assert desk.listed() == set()
    desk.adds.feed(line(A, B))
    assert desk.listed() == {A, B}
    desk.deletes.feed(line(B, B))
    desk.adds.feed(line(C, C))
    assert desk.listed() == {A, C}


def test_changes_weigh_more_than_what_a_file_has() -> None:
    desk = Desk(A)
    desk.adds.feed(line(B, C))
    desk.deletes.feed(line(A))
    assert desk.keeper.weight() == LISTED + 3 * CHANGED


def test_what_the_file_says_anyway_is_not_kept() -> None:
    desk = Desk(A)
    desk.adds.feed(line(A, B))
    desk.deletes.feed(line(C, B))
    assert desk.keeper.current.changes == {}
    desk.deletes.feed(line(A))
    assert desk.keeper.current.changes == {A: False}
    desk.adds.feed(line(A))
    assert desk.keeper.current.changes == {}


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([A, B, C, D]))), st.sets(st.sampled_from([A, B, C])))
def test_additions_and_deletions_are_those_of_a_set(
    changes: list[tuple[bool, bytes]], first: set[bytes]
) -> None:
    desk = Desk(*first)
    model = set(first)
    for listed, info_hash in changes:
        (desk.adds if listed else desk.deletes).feed(line(info_hash))
        (model.add if listed else model.discard)(info_hash)
    assert desk.listed() == model


@given(st.binary(max_size=200), st.integers(1, 50), st.booleans())
def test_any_bytes_in_any_pieces(text: bytes, size: int, listed: bool) -> None:
    desk, whole = Desk(), Desk()
    mixed = line(A) + text + b"\n" + line(B)
    changes = Changes(desk.keeper, "fifo", listed)
    for at in range(0, len(mixed), size):
        changes.feed(mixed[at : at + size])
    Changes(whole.keeper, "fifo", listed).feed(mixed)
    assert desk.keeper.current.changes == whole.keeper.current.changes
    assert desk.listed() == ({A, B} if listed else set())


@pytest.mark.parametrize(
    ("pieces", "listed"),
    [
        pytest.param([SEVENS.hex().encode()[:39] + b"\n"], set(), id="39 digits"),
        pytest.param([line(A)[:13], line(A)[13:]], {A}, id="one line in two writes"),
        pytest.param([line(A, B)], {A, B}, id="two lines in one write"),
        pytest.param([b"\0" * 5000, b"\n", line(A)], {A}, id="NULs"),
        pytest.param([b"\0\n" * 5000, line(A)], {A}, id="lines of a NUL"),
        pytest.param([line(A).replace(b"\n", b"\r\n")], {A}, id="CRLF"),
        pytest.param([line(A).upper()], {A}, id="upper case"),
        pytest.param([b"# " + line(A), b"\n", b"  \n"], set(), id="comments and blanks"),
        pytest.param([line(A)[:40] + line(B)], set(), id="two without an end between them"),
    ],
)
def test_a14_lines(pieces: list[bytes], listed: set[bytes]) -> None:
    desk = Desk()
    for piece in pieces:
        desk.adds.feed(piece)
    assert desk.listed() == listed


def test_a14_ten_megabytes_without_an_end_are_not_kept() -> None:
    desk = Desk()
    for _ in range(10 * 1024 * 1024 // 8192):
        desk.adds.feed(b"7" * 8192)
        assert len(desk.adds.lines.rest) <= KEPT
    desk.adds.feed(b"\n" + line(A))
    assert desk.listed() == {A}


def test_a_hash_whose_line_does_not_end_is_taken_after_a_while() -> None:
    desk = Desk()
    desk.adds.feed(line(A)[:40])
    desk.adds.look()
    assert desk.listed() == set()
    desk.adds.look()
    assert desk.listed() == {A}
    desk.adds.feed(line(B))
    desk.adds.look()
    assert desk.listed() == {A, B}


def test_less_than_a_hash_waits_for_the_rest() -> None:
    desk = Desk()
    desk.adds.feed(line(A)[:39])
    for _ in range(5):
        desk.adds.look()
    desk.adds.feed(line(A)[39:])
    assert desk.listed() == {A}


def test_of_many_lines_that_are_ignored_the_log_has_two(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    with caplog.at_level(logging.WARNING, logger="opentracker"):
        desk.adds.feed(b"\x1b[31m\r" + b"x" * 1000 + b"\n" + b"y\n" * 1000)
        desk.adds.look()
        desk.adds.look()
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("add: a line that does not start with 40 hex digits: b'\\x1b[31m\\rxxx")
    assert len(first) < 150
    assert second == "add: 1000 more such lines"


def test_a10_a_torrent_that_is_refused_now_is_gone_at_once() -> None:
    desk = Desk(*[A] * WANT_ACCESSLIST_WHITE)
    announce_to(desk.tracker, A)
    (desk.deletes if WANT_ACCESSLIST_WHITE else desk.adds).feed(line(A))
    assert not are_there(desk.tracker)
    with pytest.raises(TrackerFailure):
        announce_to(desk.tracker, A)
    (desk.adds if WANT_ACCESSLIST_WHITE else desk.deletes).feed(line(A))
    announce_to(desk.tracker, A)
    assert are_there(desk.tracker)


def test_a16_a_reload_forgets_changes(tmp_path: Path) -> None:
    desk = Desk(A)
    desk.adds.feed(line(B))
    desk.deletes.feed(line(A))
    (tmp_path / "list").write_bytes(line(A, C))
    desk.keeper.reload(tmp_path / "list")
    desk.finish()
    assert desk.listed() == {A, C}
    assert desk.keeper.current.changes == {}


def test_a16_a_reload_without_a_file_forgets_changes_too() -> None:
    desk = Desk()
    desk.adds.feed(line(B))
    desk.keeper.reload(None)
    desk.finish()
    assert desk.listed() == set()


def test_changes_during_a_reload_hold_before_it_ends_and_after(tmp_path: Path) -> None:
    desk = Desk(A)
    desk.adds.feed(line(B))
    (tmp_path / "list").write_bytes(line(A, C))
    desk.keeper.reload(tmp_path / "list")
    next(desk.work[0])
    change(desk.keeper, D, True)
    change(desk.keeper, A, False)
    assert desk.listed() == {B, D}
    desk.finish()
    assert desk.listed() == {C, D}


def test_a07_a_reload_that_fails_keeps_changes(tmp_path: Path) -> None:
    desk = Desk(A)
    desk.adds.feed(line(B))
    desk.keeper.reload(tmp_path / "missing")
    desk.adds.feed(line(C))
    desk.finish()
    desk.adds.feed(line(D))
    assert desk.listed() == {A, B, C, D}
