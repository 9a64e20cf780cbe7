"""State dumps: written, loaded, and written again the same."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import OT_TORRENT_TIMEOUT_HOURS, WANT_ACCESSLIST_WHITE
from opentracker.errors import BrokenStateError
from opentracker.features.state.dump import LONGEST_LINE, Loading, examine, lines_of, read_line, write_lines
from opentracker.swarm.store.records import MOST_DOWNLOADED
from opentracker.swarm.tracker import Tracker
from tests.swarm.filled import add, announce, filled, known, open_tracker

if WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.accesslist import AccessList

EPOCH = 29_000_000  # minutes from 1970 to the tracker's minute 0
HEX = b"00112233445566778899AABBCCDDEEFF00112233"
HASH = bytes.fromhex(HEX.decode())


def dumped(tracker: Tracker, minute: int = 0, epoch: int = EPOCH) -> list[bytes]:
    return sorted(b"".join(write_lines(tracker, minute, epoch)).splitlines(keepends=True))


def loaded(lines: list[bytes], minute: int = 0, epoch: int = EPOCH) -> tuple[Tracker, Loading]:
    tracker = open_tracker()
    loading = Loading(tracker, minute, epoch)
    for _ in loading.load(lines):
        pass
    return tracker, loading


def test_a_line_for_every_torrent() -> None:
    torrents = known(300)
    assert dumped(filled(torrents)) == sorted(
        b"%b:%d:%d\n" % (info_hash.hex().upper().encode(), EPOCH, downloaded)
        for info_hash, (_, downloaded, _) in torrents.items()
    )


def test_base_is_when_the_torrent_was_touched_last() -> None:
    tracker = open_tracker()
    add(tracker, HASH, (0, 1, 1), minute=3)
    announce(tracker, HASH, 30000, 12)
    assert dumped(tracker, 20) == [HEX + b":%d:1\n" % (EPOCH + 12)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (HEX + b":28999999:7\n", (HASH, 28999999, 7)),
        (HEX.lower() + b":1:0\r\n", (HASH, 1, 0)),
        (HEX + b":1:7", (HASH, 1, 7)),  # L-15: no final newline
        (HEX[:-1] + b":1:7\n", None),
        (HEX + b"0:1:7\n", None),
        (b"g" + HEX[1:] + b":1:7\n", None),  # L-15: bad hex
        (HEX + b" 1:7\n", None),  # L-15: missing colon
        (HEX + b":1\n", None),
        (HEX + b":1:7:8\n", None),
        (HEX + b":-1:7\n", None),
        (HEX + b"::7\n", None),
        (HEX + b":1:\n", None),
        (HEX + b":1:99999999999\n", None),
        (HEX + b":1:\xb2\n", None),
        (b"# comment\n", None),
    ],
)
def test_l15_lines(line: bytes, expected: tuple[bytes, int, int] | None) -> None:
    assert read_line(line) == expected


def test_l15_broken_lines_are_skipped_and_counted_in_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    lines = [b"nonsense\n", HEX + b":%d:5\n" % EPOCH, b"\n", b"x:1:2\n", HEX + b":%d:6\n" % EPOCH]
    tracker, loading = loaded(lines)
    assert tracker.scrape(HASH) == (0, 5, 0)
    with caplog.at_level(logging.INFO):
        assert loading.finish("FILE") == 2
    assert caplog.messages == [
        "FILE: 1 torrents loaded; left out: 1 that were here already",
        "FILE: 2 broken lines are skipped, the first: 1, 4",
    ]


@pytest.mark.parametrize("text", [b"<html>Not Found</html>\n", b"\x00\x01\x02", b"x\n" * 100])
def test_a_file_without_a_good_line_is_no_dump(text: bytes) -> None:
    tracker, loading = loaded(list(lines_of([text])))
    assert tracker.store.totals.torrents == 0
    with pytest.raises(BrokenStateError, match=r"^FILE: none of its lines"):
        loading.finish("FILE")
    with pytest.raises(BrokenStateError, match=r"^FILE: none of its lines"):
        examine(lines_of([text]), "FILE")


@pytest.mark.parametrize("text", [b"", b"\n", b"nonsense\n" + HEX + b":1:1\n"])
def test_an_empty_file_is_a_dump_and_so_is_one_with_a_good_line(text: bytes) -> None:
    examine(lines_of([text]), "FILE")
    loaded(list(lines_of([text])))[1].finish("FILE")


def test_a_torrent_that_is_known_keeps_its_count() -> None:
    tracker = filled({HASH: (1, 1, 1)})
    for _ in Loading(tracker, 0, EPOCH).load([HEX + b":%d:500\n" % EPOCH]):
        pass
    assert tracker.scrape(HASH) == (1, 1, 1)


def test_a_torrent_whose_time_is_up_is_skipped() -> None:
    hours = OT_TORRENT_TIMEOUT_HOURS * 60
    for age, there in ((hours, True), (hours + 1, False), (-5, True)):
        tracker, _ = loaded([HEX + b":%d:5\n" % (EPOCH + 9 - age)], minute=9)
        assert (tracker.scrape(HASH) == (0, 5, 0)) is there


@pytest.mark.needs("WANT_ACCESSLIST_WHITE")
def test_a_torrent_that_is_not_allowed_is_skipped() -> None:
    tracker = open_tracker()
    tracker.admission = AccessList(frozenset([b"x" * 20]))
    loading = Loading(tracker, 0, EPOCH)
    for _ in loading.load([HEX + b":%d:5\n" % EPOCH, (b"x" * 20).hex().encode() + b":%d:6\n" % EPOCH]):
        pass
    assert tracker.scrape(b"x" * 20) == (0, 6, 0)
    assert (loading.tally.loaded, loading.tally.skipped()) == (1, 1)


@given(
    st.dictionaries(
        st.binary(min_size=20, max_size=20),
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 2), st.integers(0, 40)),
        max_size=20,
    )
)
def test_t12_dump_load_dump_is_the_identity(torrents: dict[bytes, tuple[int, int, int, int]]) -> None:
    tracker = open_tracker()
    for info_hash, (complete, downloaded, incomplete, minute) in torrents.items():
        add(tracker, info_hash, (complete, downloaded, incomplete), minute)
    first = dumped(tracker, 40)
    again, _ = loaded(first, minute=2, epoch=EPOCH + 38)  # another process, whose clock began later
    assert dumped(again, 2, EPOCH + 38) == first
    once_more, _ = loaded(dumped(again, 10, EPOCH + 38), minute=0, epoch=EPOCH + 48)
    assert dumped(once_more, 0, EPOCH + 48) == first


def test_the_largest_count_there_is() -> None:
    tracker, _ = loaded([HEX + b":%d:4294967295\n" % EPOCH])
    assert tracker.scrape(HASH) == (0, MOST_DOWNLOADED, 0)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_lines_do_not_depend_on_blocks(data: bytes, size: int) -> None:
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    ours = [line[: LONGEST_LINE + 1] for line in lines_of(blocks)]
    whole = [line[: LONGEST_LINE + 1] for line in data.split(b"\n")]
    assert ours == (whole if whole[-1] else whole[:-1])


def test_a_line_without_an_end_takes_no_memory() -> None:
    assert [len(line) for line in lines_of([b"a" * 1000] * 1000)] == [LONGEST_LINE + 1]


@pytest.mark.parametrize("size", [80, 81, 82, 1000])
def test_what_a_long_line_begins_with_is_no_line_wherever_blocks_end(size: int) -> None:
    data = b"41" * 20 + b":29000000:5" + b"\r" * 100 + b"x\n"
    lines = list(lines_of([data[at : at + size] for at in range(0, len(data), size)]))
    assert len(lines) == 1
    assert read_line(lines[0]) is None
