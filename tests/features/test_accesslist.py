"""The access list: its file's format, and what those are told who ask for a torrent that it refuses."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.errors import UsageError
from opentracker.features import accesslist
from opentracker.server.settings import Settings
from tests.protocol.http_cases import STOP, announce, failure_body, is_like, scrape, scrape_body
from tests.server.live import HASH_A, HASH_B, HOME, TRANSACTION, Live, announce_packet, scrape_packet
from tests.server.process import Tracker, run

REASON = b"Requested download is not authorized for use with this tracker."
LISTED = b"\xab" * 20
LINE = b"ab" * 20
OPTION = "-w" if WANT_ACCESSLIST_WHITE else "-b"
ALLOWED, REFUSED = (HASH_B, HASH_A) if WANT_ACCESSLIST_WHITE else (HASH_A, HASH_B)  # with HASH_B in the list


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A tracker whose list has HASH_B alone."""
    path = tmp_path / "list"
    path.write_text(HASH_B.hex() + "\n")
    tracker = Live(Settings(accesslist=path))
    yield tracker
    tracker.close()


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        LINE.upper(),
        b"aB" * 20,
        LINE + b" some text",
        LINE + b"\ttext",
        LINE + b"\r",
        LINE + b"g",
        LINE + b"\x00",
        LINE + b"\xff",
    ],
    ids=repr,
)
def test_a02_lines_that_count(line: bytes) -> None:
    assert accesslist.parse_line(line) == LISTED
    assert accesslist.parse_list(line + b"\n", "list") == {LISTED}


@pytest.mark.parametrize(
    "line",
    [
        b"# comment",
        b"#" + LINE,
        b"zz" + LINE[2:],
        LINE[:38],
        LINE[:39],
        LINE + b"a",
        LINE + b"ab",
        b"  " + LINE,
        b"\xef\xbb\xbf" + LINE,
        b"",
        b"\r",
        b"0x" + LINE[2:],
        "٣".encode() * 20,
    ],
    ids=repr,
)
def test_a02_lines_that_do_not(line: bytes) -> None:
    assert accesslist.parse_line(line) is None
    assert accesslist.parse_list(line + b"\n", "list") == frozenset()


def test_a02_one_warning_tells_how_many_and_which(caplog: pytest.LogCaptureFixture) -> None:
    lines = [b"# comment", b"zz" + LINE[2:], LINE[:38], LINE, b"", LINE + b"ab", *[b"x"] * 20, b""]
    with caplog.at_level(logging.WARNING, logger="opentracker"):
        assert accesslist.parse_list(b"\n".join(lines), "the/list") == {LISTED}
    (record,) = caplog.records
    assert record.getMessage().startswith("the/list: 23 lines ")
    assert record.getMessage().endswith(": 2, 3, 6, 7, 8")


def test_a02_nothing_is_said_of_comments_and_empty_lines(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="opentracker"):
        accesslist.parse_list(b"# comment\n\n \r\n" + LINE + b"\r\n", "list")
    assert caplog.records == []


@pytest.mark.parametrize("text", [LINE, b"# comment\n" + LINE, LINE + b"\n" + LINE])
def test_a03_a_last_line_without_its_end(text: bytes) -> None:
    assert accesslist.parse_list(text, "list") == {LISTED}


@pytest.mark.parametrize(
    "rest", [LINE[:39], LINE + b" ", LINE + b"\r", LINE + b"a", b"#", b" ", b"zz" + LINE[2:]]
)
def test_a_file_that_is_cut_off_is_refused(rest: bytes) -> None:
    with pytest.raises(UsageError, match="list:2: "):
        accesslist.parse_list(LINE + b"\n" + rest, "list")


def test_a04_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"")
    assert accesslist.load(path).allows(HASH_A) is not WANT_ACCESSLIST_WHITE


def test_without_a_list_there_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="opentracker"):
        allows = accesslist.load(None).allows(HASH_A)
    assert allows is not WANT_ACCESSLIST_WHITE
    (record,) = caplog.records
    effect = "no torrent is served" if WANT_ACCESSLIST_WHITE else "no torrent is refused"
    assert record.getMessage() == f"no access list was given: {effect}"


def test_a05_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "missing", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(UsageError, match=f"{path}: {why}"):
            accesslist.load(path)


@given(st.sets(st.binary(min_size=20, max_size=20)), st.data())
def test_what_is_written_is_read(info_hashes: set[bytes], data: st.DataObject) -> None:
    ends = st.sampled_from(["\n", "\r\n", " text\n", "\n\n", "\n# comment\n"])
    cases = st.sampled_from([str.upper, str.lower])
    text = "".join(data.draw(cases)(each.hex()) + data.draw(ends) for each in info_hashes)
    assert accesslist.parse_list(text.encode(), "list") == info_hashes


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_a_usage_error(text: bytes) -> None:
    try:
        info_hashes = accesslist.parse_list(text, "list")
    except UsageError:
        return
    assert all(len(info_hash) == 20 for info_hash in info_hashes)


def test_a01_refused_over_http(live: Live) -> None:
    to = live.listen_tcp()
    for more in (b"", STOP, b"&event=completed"):
        answer = live.ask(to, announce(6881, 0, more, REFUSED))
        assert answer.status == 200
        assert is_like(answer.body, failure_body(REASON))
    assert b"complete" in live.ask(to, announce(6881, info_hash=ALLOWED)).body


def test_u46_refused_over_udp(live: Live) -> None:
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    for event in (0, 1, 2, 3):
        answer = client.ask(announce_packet(connection_id, info_hash=REFUSED, event=event))
        assert answer == bytes.fromhex("00000003") + TRANSACTION + REASON
    assert len(client.ask(announce_packet(connection_id, info_hash=ALLOWED))) == 20


def test_a09_scrapes_of_refused_torrents_give_zeros(live: Live) -> None:
    web, client = live.listen_tcp(), live.udp(live.listen_udp())
    for info_hash in (ALLOWED, REFUSED):
        live.ask(web, announce(6881, info_hash=info_hash))
    expected = {info_hash: (0, 0, int(info_hash == ALLOWED)) for info_hash in (HASH_A, HASH_B)}
    assert live.ask(web, scrape(HASH_A, HASH_B)).body == scrape_body(expected)
    answer = client.ask(scrape_packet(client.connect(), REFUSED, ALLOWED))
    assert answer[8:20] == bytes(12)
    assert answer[20:] == bytes(11) + b"\x01"


def test_a01_a_tracker_started_with_a_list(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(HASH_B.hex())
    with Tracker(OPTION, str(path), "-i", HOME, "-P", "0", sockets=1) as tracker:
        assert not [line for line in tracker.lines if "access list" in line]


def test_a05_a_tracker_does_not_start_without_its_list(tmp_path: Path) -> None:
    status, out, err = run(OPTION, str(tmp_path / "missing"), "-P", "0")
    seen = Path("/" if os.geteuid() == 0 else tmp_path, "missing")  # root's tracker is shut in there
    assert (status, out) == (1, "")
    assert f"opentracker: cannot read the access list {seen}: No such file" in err
    assert run("-t", OPTION, str(tmp_path / "missing"))[0] == 1


def test_a_tracker_started_without_a_list_says_so() -> None:
    with Tracker("-i", HOME, "-P", "0", sockets=1) as tracker:
        assert [line for line in tracker.lines if line.startswith("no access list was given")]
