"""The access list: its file's format, and what those are told who ask for a torrent that it refuses."""

import logging
import os
import signal
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.config.settings import Sections, Settings
from opentracker.errors import TrackerFailure, UsageError
from opentracker.features.accesslist import accesslist
from opentracker.features.accesslist.accesslist import LISTED as LISTED_BYTES
from opentracker.features.accesslist.feature import AccessListSettings
from opentracker.features.list_file import ListFile
from opentracker.features.list_lines import fill
from opentracker.features.packed_set import PackedSet
from opentracker.protocol.messages import Announce
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from opentracker.swarm.tracker import Tracker as Swarms
from tests.protocol.http_cases import STOP, announce, failure_body, is_like, scrape, scrape_body
from tests.server.conftest import open_descriptors
from tests.server.live import HASH_A, HASH_B, HOME, TRANSACTION, Live, announce_packet, scrape_packet
from tests.server.process import Tracker, run
from tests.swarm.torrents import are_there

REASON = b"Requested download is not authorized for use with this tracker."
LISTED = b"\xab" * 20
LINE = b"ab" * 20
OPTION = "-w" if WANT_ACCESSLIST_WHITE else "-b"
ALLOWED, REFUSED = (HASH_B, HASH_A) if WANT_ACCESSLIST_WHITE else (HASH_A, HASH_B)  # with HASH_B in the list


def contents(info_hashes: PackedSet) -> set[bytes]:
    return {bucket[at : at + 20] for bucket in info_hashes.buckets for at in range(0, len(bucket), 20)}


def listed(text: bytes) -> set[bytes]:
    """The info_hashes of a list file with these bytes."""
    info_hashes = PackedSet(len(text) // 41)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list"
        path.write_bytes(text)
        with closing(ListFile(path, "the access list")) as file:
            for _ in fill(file, accesslist.HEX_LINES, info_hashes.add):
                pass
    assert info_hashes.size == len(contents(info_hashes))
    return contents(info_hashes)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A tracker whose list has HASH_B alone."""
    path = tmp_path / "list"
    path.write_text(HASH_B.hex() + "\n")
    tracker = Live(Settings(sections=Sections(AccessListSettings(path))))
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
    assert accesslist.HEX_LINES.parse(line) == LISTED
    assert listed(line + b"\n") == {LISTED}


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
    other = b"\xcd" * 20
    assert accesslist.HEX_LINES.parse(line) is None
    assert listed(line + b"\n" + other.hex().encode() + b"\n") == {other}


def test_a02_one_warning_tells_how_many_and_which(caplog: pytest.LogCaptureFixture) -> None:
    lines = [b"# comment", b"zz" + LINE[2:], LINE[:38], LINE, b"", LINE + b"ab", *[b"x"] * 20, b""]
    with caplog.at_level(logging.WARNING, logger="opentracker"):
        assert listed(b"\n".join(lines)) == {LISTED}
    (record,) = caplog.records
    assert "/list: 23 lines " in record.getMessage()
    assert record.getMessage().endswith(": 2, 3, 6, 7, 8")


def test_a02_nothing_is_said_of_comments_and_empty_lines(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="opentracker"):
        listed(b"# comment\n\n \r\n" + LINE + b"\r\n")
    assert caplog.records == []


@pytest.mark.parametrize("text", [LINE, b"# comment\n" + LINE, LINE + b"\n" + LINE])
def test_a03_a_last_line_without_its_end(text: bytes) -> None:
    assert listed(text) == {LISTED}


@pytest.mark.parametrize(
    "rest", [LINE[:39], LINE + b" ", LINE + b"\r", LINE + b"a", b"#", b" ", b"zz" + LINE[2:]]
)
def test_a_file_that_is_cut_off_is_refused(rest: bytes) -> None:
    with pytest.raises(UsageError, match="list:2: "):
        listed(LINE + b"\n" + rest)


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
    assert listed(text.encode()) == info_hashes


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_a_usage_error(text: bytes) -> None:
    try:
        info_hashes = listed(text)
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


def seen(path: Path) -> Path:
    """The path as a running tracker sees it: root's tracker is confined to its folder."""
    return Path("/", path.name) if os.geteuid() == 0 else path


def test_a01_a_tracker_started_with_a_list(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(HASH_B.hex())
    with Tracker(OPTION, str(path), "-i", HOME, "-P", "0", sockets=1) as tracker:
        assert [
            line for line in tracker.lines if line.startswith(f"access list {seen(path)}: 1 torrents, read")
        ]
        assert not [line for line in tracker.lines if "no access list" in line]


def test_a05_a_tracker_does_not_start_without_its_list(tmp_path: Path) -> None:
    status, out, err = run(OPTION, str(tmp_path / "missing"), "-P", "0")
    assert (status, out) == (1, "")
    assert f"opentracker: cannot read the access list {seen(tmp_path / 'missing')}: No such file" in err
    assert run("-t", OPTION, str(tmp_path / "missing"))[0] == 1


def test_a_tracker_started_without_a_list_says_so() -> None:
    with Tracker("-i", HOME, "-P", "0", sockets=1) as tracker:
        assert [line for line in tracker.lines if line.startswith("no access list was given")]


def write_list(path: Path, *info_hashes: bytes) -> None:
    """Put a new list in the place of another, as an operator should: whole."""
    new = path.with_suffix(".new")
    new.write_text("".join(f"{info_hash.hex()}\n" for info_hash in info_hashes))
    new.replace(path)


def test_a_list_that_others_have_to_write_first_is_refused(tmp_path: Path) -> None:
    """Opening a FIFO would wait for its writer, and the loop with it."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError, match="fifo: it is not a regular file"):
        accesslist.load(tmp_path / "fifo")


def test_the_null_device_is_an_empty_list() -> None:
    assert accesslist.load(Path("/dev/null")).allows(HASH_A) is not WANT_ACCESSLIST_WHITE


def test_a_list_is_read_in_slices(tmp_path: Path) -> None:
    path = tmp_path / "list"
    write_list(path, *(number.to_bytes(20, "big") for number in range(10_000)))
    coming = accesslist.AccessList()
    sizes = []
    for _ in accesslist.read(path, coming):
        sizes.append(coming.info_hashes.size)
    assert max(after - before for before, after in pairwise(sizes)) <= 200
    assert sizes[-1] == 10_000


def test_a_log_line_tells_how_many_and_how_long(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "list"
    write_list(path, HASH_A, HASH_B, HASH_A)
    with caplog.at_level(logging.INFO, logger="opentracker"):
        accesslist.load(path)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"access list {path}: 2 torrents, read in 0.")


# ---- Reloads -----------------------------------------------------------------------------------------------


class Keeping:
    """A tracker with a list of HASH_B alone, whose long work the test carries out slice by slice."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "list"
        write_list(self.path, HASH_B)
        self.work: list[Iterator[None]] = []
        self.tracker = Swarms(Random(1))
        self.keeper = accesslist.AccessListReloader(
            self.tracker, accesslist.load(self.path), self.work.append
        )

    def reload(self) -> None:
        self.keeper.reload(self.path)

    def iterate(self) -> None:
        """Give each work a slice."""
        for work in list(self.work):
            if next(work, work) is work:
                self.work.remove(work)

    def finish(self) -> None:
        while self.work:
            self.iterate()

    def listed(self) -> set[bytes]:
        return {
            each for each in (HASH_A, HASH_B) if self.tracker.admission.allows(each) is WANT_ACCESSLIST_WHITE
        }


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    return Keeping(tmp_path)


def many(first: int) -> list[bytes]:
    """A thousand info_hashes, which take several slices to read."""
    return [number.to_bytes(20, "big") for number in range(first, first + 1000)]


def test_a06_a_list_is_replaced_as_a_whole(keeping: Keeping) -> None:
    write_list(keeping.path, HASH_A, *many(0))
    keeping.reload()
    turns = 0
    while keeping.keeper.coming is not None:
        assert keeping.listed() == {HASH_B}
        keeping.iterate()
        turns += 1
    assert turns > 3
    assert keeping.listed() == {HASH_A}
    keeping.finish()
    assert keeping.listed() == {HASH_A}


def test_a_list_weighs_as_much_as_it_has_and_the_coming_one_too(keeping: Keeping) -> None:
    keeper = keeping.keeper
    assert keeper.weight() == LISTED_BYTES
    write_list(keeping.path, HASH_A, *many(0))
    keeping.reload()
    keeping.iterate()
    assert keeper.coming is not None
    coming = keeper.coming.info_hashes.size
    assert coming > 100
    assert keeper.weight() == LISTED_BYTES * (1 + coming)
    keeping.finish()
    assert keeper.weight() == LISTED_BYTES * 1001


def test_a_list_weighs_until_it_is_freed(keeping: Keeping) -> None:
    """Whether another has replaced it, or it was given up for another."""
    keeper = keeping.keeper
    number = 100_000  # freed in four slices
    write_list(keeping.path, *(each.to_bytes(20, "big") for each in range(number)))
    keeping.reload()
    keeping.finish()
    whole = keeper.weight()
    assert whole == LISTED_BYTES * number
    keeping.reload()
    keeping.iterate()
    keeping.iterate()
    coming = keeper.weight() - whole
    assert coming > LISTED_BYTES * 100
    keeping.path.write_bytes(b"")
    keeping.reload()
    assert keeper.weight() == whole + coming
    weights = []
    while keeping.work:
        keeping.iterate()
        weights.append(keeper.weight())
    assert weights == sorted(weights, reverse=True)
    assert len(set(weights)) > 3
    assert whole // 2 < weights[0] < whole + coming
    assert weights[-1] == 0


@pytest.mark.parametrize("how", ["missing", "cut"])
def test_a_list_that_is_of_no_use_weighs_nothing(keeping: Keeping, how: str) -> None:
    spoil(keeping.path, how)
    keeping.reload()
    keeping.finish()
    assert keeping.keeper.weight() == LISTED_BYTES


def test_a_reload_during_a_reload_starts_anew(keeping: Keeping) -> None:
    write_list(keeping.path, HASH_B, *many(0))
    keeping.reload()
    keeping.iterate()
    keeping.iterate()
    write_list(keeping.path, HASH_A, *many(1000))
    keeping.reload()
    keeping.finish()
    assert contents(keeping.keeper.current.info_hashes) == {HASH_A, *many(1000)}
    assert keeping.listed() == {HASH_A}


def test_a_reload_at_the_very_end_of_a_reload(keeping: Keeping) -> None:
    """Whenever the second one comes, the list is that of the second."""
    for turns in range(8):
        write_list(keeping.path, HASH_B, *many(0))
        keeping.reload()
        for _ in range(turns):
            keeping.iterate()
        write_list(keeping.path, HASH_A)
        keeping.reload()
        keeping.finish()
        assert keeping.listed() == {HASH_A}
        assert keeping.keeper.coming is None


def test_a07_a_list_that_changes_while_it_is_read(keeping: Keeping, caplog: pytest.LogCaptureFixture) -> None:
    write_list(keeping.path, HASH_A, *many(0))
    keeping.reload()
    keeping.iterate()
    with keeping.path.open("ab") as file:
        file.write(b"# more\n")
    keeping.finish()
    assert keeping.listed() == {HASH_B}
    assert (
        f"{keeping.path} was changed while it was read as the access list; the access list stays"
        in caplog.text
    )


def test_a08_an_empty_file_is_an_empty_list(keeping: Keeping) -> None:
    keeping.path.write_bytes(b"")
    keeping.reload()
    keeping.finish()
    assert keeping.listed() == set()


ERROR_PAGE: Final = b"<!DOCTYPE html>\n<html><body>\n<h1>502 Bad Gateway</h1>\n</body></html>\n"


@pytest.mark.parametrize(
    "text", [ERROR_PAGE, b"x\n", LINE[:38] + b"\n", b"\xef\xbb\xbf" + LINE + b"\n"], ids=repr
)
def test_a_file_of_anything_else_is_no_list(text: bytes) -> None:
    """A cron job that saved an error page would empty a blacklist, or close a whitelist to all."""
    with pytest.raises(UsageError, match="list: not one line starts with 40 hex digits"):
        listed(text)


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# nobody yet\n", b"# nobody yet\n\n  \r\n"])
def test_a_file_of_comments_is_an_empty_list(text: bytes) -> None:
    assert listed(text) == set()


@pytest.mark.parametrize("size", [1 << 30, 1 << 40, 1 << 43])
def test_a_sparse_file_of_any_size_is_refused_at_once(
    size: int, keeping: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    with keeping.path.open("wb") as file:
        try:
            file.truncate(size)
        except OSError:
            pytest.skip("the file system has no such sparse files")
    keeping.reload()
    for _ in range(20):
        keeping.iterate()
    assert keeping.keeper.coming is None
    keeping.finish()
    assert keeping.listed() == {HASH_B}
    assert "this is not a list; the access list stays as it was" in caplog.text


def test_a_failed_reload_is_counted_and_named_until_one_succeeds(keeping: Keeping) -> None:
    keeping.path.write_bytes(ERROR_PAGE)
    for failures in (1, 2):
        keeping.reload()
        keeping.finish()
        assert keeping.keeper.outcome.failures == failures
        assert keeping.keeper.outcome.complaint.startswith(f"{keeping.path}: not one line")
    write_list(keeping.path, HASH_A)
    keeping.reload()
    keeping.finish()
    assert (keeping.keeper.outcome.failures, keeping.keeper.outcome.complaint) == (2, "")


def test_reloads_that_interrupt_each_other_leave_no_file_open(keeping: Keeping) -> None:
    """In a compiled build, too, where a generator that is merely dropped runs no `finally`."""
    write_list(keeping.path, HASH_A, *many(0))
    before = open_descriptors()
    for _ in range(30):
        keeping.reload()
        keeping.iterate()
    for work in keeping.work[:-1]:
        assert isinstance(work, Generator)
        work.close()  # as the loop does at its end
    keeping.work = keeping.work[-1:]
    keeping.finish()
    assert keeping.listed() == {HASH_A}
    assert open_descriptors() == before


def spoil(path: Path, how: str) -> str:
    """Make a list useless; gives what is to be said of it."""
    if how == "page":
        path.write_bytes(ERROR_PAGE)
        return ": not one line starts with 40 hex digits"
    if how == "cut":
        path.write_bytes(HASH_A.hex().encode() + b"\n" + HASH_A.hex().encode()[:20])
        return ":2: the last line has no line end"
    path.unlink()
    if how == "folder":
        path.mkdir()
        return ": Is a directory"
    if how == "fifo":
        os.mkfifo(path)
        return ": it is not a regular file"
    if how == "loop":
        path.symlink_to(path)
        return ": Too many levels of symbolic links"
    return ": No such file or directory"


@pytest.mark.parametrize("how", ["missing", "folder", "fifo", "loop", "cut", "page"])
def test_a07_a_list_that_cannot_be_read_again(
    how: str, keeping: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    said = spoil(keeping.path, how)
    keeping.reload()
    keeping.finish()
    assert keeping.listed() == {HASH_B}
    assert keeping.keeper.coming is None
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert f"{keeping.path}{said}" in record.getMessage()
    assert record.getMessage().endswith("; the access list stays as it was")
    if how == "folder":
        keeping.path.rmdir()
    else:
        keeping.path.unlink(missing_ok=True)
    write_list(keeping.path, HASH_A)
    keeping.reload()
    keeping.finish()
    assert keeping.listed() == {HASH_A}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a07_a_list_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "list"
    write_list(path, HASH_B)
    path.chmod(0)
    with pytest.raises(UsageError, match=f"{path}: Permission denied"):
        accesslist.load(path)


def announce_to(tracker: Swarms, info_hash: bytes) -> None:
    a = Announce(both_families=True)
    a.info_hash, a.peer, a.stored = info_hash, bytes([1, 2, 3, 4, 0x1A, 0xE1]), True
    tracker.announce(a, 0)


def test_a10_what_a_reload_refuses_is_refused_at_once_and_then_gone(live: Live, tmp_path: Path) -> None:
    web = live.listen_tcp()
    live.ask(web, announce(6881, info_hash=ALLOWED))
    live.ask(web, announce(6881, info_hash=many(0)[0]))
    write_list(tmp_path / "list", HASH_A)  # the other way round
    for reload in live.server.reloads:
        reload()
    live.until(lambda: not live.work, "a reload and its purge")
    assert is_like(live.ask(web, announce(6881, info_hash=ALLOWED)).body, failure_body(REASON))
    assert live.ask(web, scrape(ALLOWED)).body == scrape_body({ALLOWED: (0, 0, 0)})
    assert not live.server.tracker.store.has(ALLOWED)
    assert not live.server.tracker.has_doubtful
    assert b"complete" in live.ask(web, announce(6881, info_hash=REFUSED)).body


def test_a10_refused_at_once(keeping: Keeping) -> None:
    """Before the purge has begun, let alone come to that torrent."""
    announce_to(keeping.tracker, ALLOWED)
    write_list(keeping.path, HASH_A)
    keeping.reload()
    while keeping.keeper.coming is not None:
        keeping.iterate()
    assert keeping.tracker.store.has(ALLOWED)
    assert keeping.tracker.scrape(ALLOWED) == (0, 0, 0)
    with pytest.raises(TrackerFailure):
        announce_to(keeping.tracker, ALLOWED)
    keeping.finish()
    assert not are_there(keeping.tracker)


def test_a06_a_signal_reloads_the_list_of_a_running_tracker(tmp_path: Path) -> None:
    path = tmp_path / "list"
    write_list(path, HASH_B)
    with Tracker(OPTION, str(path), "-i", HOME, "-P", "0", sockets=1) as tracker:
        write_list(path, HASH_A, HASH_B)
        tracker.signal(signal.SIGHUP)
        tracker.line_with(f"access list {seen(path)}: 2 torrents, read in ")
        path.unlink()
        tracker.signal(signal.SIGHUP)
        tracker.line_with(f"cannot read the access list {seen(path)}: No such file or directory; ")


def test_a_signal_to_a_tracker_without_a_list() -> None:
    with Tracker("-i", HOME, "-P", "0", sockets=1) as tracker:
        tracker.signal(signal.SIGHUP)
        tracker.line_with("no access list was given: ")


def test_a_statistic_tells_of_the_list(keeping: Keeping) -> None:
    def told() -> tuple[float, float]:
        snapshot = StatsSnapshot("opentracker", 1, 1)
        keeping.keeper.tell(snapshot)
        assert snapshot.reading(keeping.keeper.outcome.time) > 0
        return snapshot.reading(accesslist.TORRENTS), snapshot.reading(keeping.keeper.outcome.success)

    write_list(keeping.path, HASH_A, HASH_B)
    keeping.reload()
    keeping.finish()
    assert told() == (2, 1)
    keeping.path.unlink()
    keeping.reload()
    keeping.finish()
    assert told() == (2, 0)
    write_list(keeping.path, HASH_A)
    keeping.reload()
    keeping.finish()
    assert told() == (1, 1)


def test_announces_that_the_list_refuses_are_counted(live: Live) -> None:
    """They are failures too; live sync's own are not counted."""
    to = live.listen_tcp()
    for _ in range(2):
        live.ask(to, announce(6881, info_hash=REFUSED))
    assert live.counters.value("refused_accesslist") == live.counters.tcp_failures == 2
