"""The FIFOs of a live tracker: made, opened, written to by those who come and go, and replaced."""

import logging
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.config.settings import Sections, Settings
from opentracker.errors import UsageError
from opentracker.features.accesslist.feature import AccessListSettings
from opentracker.server import fifos as dynamic_accesslist
from opentracker.server.list_fifos import FifoSettings, ListFifoFeature
from tests.protocol.http_cases import announce
from tests.server.conftest import open_descriptors
from tests.server.live import HASH_A, HASH_B, HOME, Live, announce_packet
from tests.server.process import Tracker, run

SEVENS = b"\x77" * 20


class Fifos:
    """A live tracker with both FIFOs, and an empty list."""

    def __init__(self, folder: Path) -> None:
        self.add, self.delete, path = folder / "add", folder / "delete", folder / "list"
        path.write_bytes(b"")
        named = Sections(AccessListSettings(path), FifoSettings(self.add, self.delete))
        self.live = Live(Settings(sections=named))
        self.web = self.live.listen_tcp()

    def is_listed(self, info_hash: bytes) -> bool:
        body = self.live.ask(self.web, announce(6881, info_hash=info_hash)).body
        return (b"not authorized" not in body) is WANT_ACCESSLIST_WHITE

    def write(self, path: Path, *pieces: bytes) -> None:
        """Be a writer who comes, writes and goes."""
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        self.write_to(fd, *pieces)
        os.close(fd)
        self.live.settle()

    def write_to(self, fd: int, *pieces: bytes) -> None:
        """Be a writer who stays; the tracker turns whenever the FIFO is full."""
        for piece in pieces:
            rest = piece
            while rest:
                try:
                    rest = rest[os.write(fd, rest) :]
                except BlockingIOError:
                    self.live.iterate()
            self.live.settle()

    def look(self, times: int = 1) -> None:
        """Let a number of looks at the paths pass."""
        for _ in range(times):
            self.live.advance(dynamic_accesslist.LOOK + 0.1)


@pytest.fixture
def fifos(tmp_path: Path) -> Iterator[Fifos]:
    before = open_descriptors()
    found = Fifos(tmp_path)
    yield found
    found.live.close()
    assert open_descriptors() == before


def line(*info_hashes: bytes) -> bytes:
    return b"".join(each.hex().encode() + b"\n" for each in info_hashes)


def test_fifos_that_are_missing_are_made_for_their_owner_alone(fifos: Fifos) -> None:
    for path in (fifos.add, fifos.delete):
        mode = path.stat().st_mode
        assert stat.S_ISFIFO(mode)
        assert stat.S_IMODE(mode) == 0o600


def test_fifos_that_are_there_are_used_as_they_are(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "add")
    (tmp_path / "add").chmod(0o620)
    fifos = Fifos(tmp_path)
    assert stat.S_IMODE(fifos.add.stat().st_mode) == 0o620
    fifos.write(fifos.add, line(HASH_A))
    assert fifos.is_listed(HASH_A)
    fifos.live.close()
    assert fifos.add.exists()


def test_a11_added_and_deleted_by_writers_who_come_and_go(fifos: Fifos) -> None:
    assert not fifos.is_listed(SEVENS)
    for _ in range(3):
        fifos.write(fifos.add, line(SEVENS))
        assert fifos.is_listed(SEVENS)
        fifos.write(fifos.delete, line(SEVENS))
        assert not fifos.is_listed(SEVENS)


def test_a11_over_udp(fifos: Fifos) -> None:
    client = fifos.live.udp(fifos.live.listen_udp())
    connection_id = client.connect()
    lengths = []
    for path in (fifos.delete, fifos.add):
        fifos.write(path, line(SEVENS))
        lengths.append(client.ask(announce_packet(connection_id, info_hash=SEVENS))[:4])
    served, refused = bytes.fromhex("00000001"), bytes.fromhex("00000003")
    assert lengths == ([refused, served] if WANT_ACCESSLIST_WHITE else [served, refused])


def test_no_writer_is_no_reason_to_wake_up(fifos: Fifos) -> None:
    fifos.write(fifos.add, line(SEVENS))
    assert fifos.live.server.loop.selector.select(0) == []


def test_a14_one_line_of_two_writers(fifos: Fifos) -> None:
    fifos.write(fifos.add, line(SEVENS)[:17])
    fifos.write(fifos.add, line(SEVENS)[17:])
    assert fifos.is_listed(SEVENS)


def test_a14_writers_at_both_fifos_in_the_middle_of_a_line(fifos: Fifos) -> None:
    fifos.write(fifos.add, line(HASH_A, HASH_B)[:50])
    fifos.write(fifos.delete, line(HASH_A)[:7])
    fifos.write(fifos.add, line(HASH_A, HASH_B)[50:])
    assert fifos.is_listed(HASH_A)
    fifos.write(fifos.delete, line(HASH_A)[7:])
    assert (fifos.is_listed(HASH_A), fifos.is_listed(HASH_B)) == (False, True)


def test_a14_ten_megabytes_without_an_end(fifos: Fifos) -> None:
    fifos.write(fifos.add, b"7" * (10 << 20), b"\n", line(HASH_A))
    fifos.live.until(lambda: fifos.is_listed(HASH_A), "the line behind it")
    assert not fifos.is_listed(SEVENS)


def test_a_hash_without_a_line_end(fifos: Fifos) -> None:
    fifos.write(fifos.add, SEVENS.hex().encode())
    assert not fifos.is_listed(SEVENS)
    fifos.look(times=2)
    assert fifos.is_listed(SEVENS)


def test_a16_a_reload_clears_changes(fifos: Fifos) -> None:
    fifos.write(fifos.add, line(SEVENS))
    for reload in fifos.live.server.reloads:
        reload()
    fifos.live.until(lambda: not fifos.live.work, "a reload")
    assert not fifos.is_listed(SEVENS)


# ---- One that is replaced ----------------------------------------------------------------------------------


def replace(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def test_a_fifo_that_is_made_again_is_read(fifos: Fifos, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    before = open_descriptors()
    for path, listed in ((fifos.add, True), (fifos.delete, False)) * 2:
        replace(path)
        fifos.look()
        fifos.write(path, line(SEVENS))
        assert fifos.is_listed(SEVENS) is listed
    fifos.look(times=dynamic_accesslist.IDLE)
    assert open_descriptors() == before
    assert len([each for each in caplog.messages if "there is another FIFO" in each]) == 4
    assert fifos.live.server.loop.selector.select(0) == []


def test_whoever_has_the_old_one_open_is_heard_to_the_end(fifos: Fifos) -> None:
    before = open_descriptors()
    old = os.open(fifos.add, os.O_WRONLY | os.O_NONBLOCK)
    fifos.write_to(old, line(HASH_A)[:17])
    replace(fifos.add)
    os.write(old, line(HASH_A)[17:] + line(HASH_B)[:17])  # nobody has read it when the new one is seen
    fifos.look()
    fifos.write(fifos.add, line(SEVENS)[:30])
    fifos.write_to(old, line(HASH_B)[17:])
    fifos.write(fifos.add, line(SEVENS)[30:])
    assert [fifos.is_listed(each) for each in (HASH_A, HASH_B, SEVENS)] == [True] * 3
    os.close(old)
    fifos.look(times=dynamic_accesslist.IDLE)
    assert open_descriptors() == before


def test_all_that_is_in_the_old_one_is_read(fifos: Fifos) -> None:
    """As much as it takes, while the loop is busy with other things."""
    old = os.open(fifos.add, os.O_WRONLY | os.O_NONBLOCK)
    written = [number.to_bytes(20, "big") for number in range(1500)]
    assert os.write(old, line(*written)) == 1500 * 41
    os.close(old)
    replace(fifos.add)
    fifos.look(times=10)
    assert fifos.is_listed(written[0])
    assert fifos.is_listed(written[-1])


def test_a_hash_without_a_line_end_in_the_old_one(fifos: Fifos) -> None:
    fifos.write(fifos.add, SEVENS.hex().encode())
    replace(fifos.add)
    fifos.look(times=2 + dynamic_accesslist.IDLE)
    assert fifos.is_listed(SEVENS)


def test_what_comes_in_the_moment_the_old_one_is_closed_is_read(fifos: Fifos) -> None:
    loop = fifos.live.server.loop
    old = os.open(fifos.add, os.O_WRONLY | os.O_NONBLOCK)
    replace(fifos.add)
    fifos.look(times=dynamic_accesslist.IDLE)
    os.write(old, line(SEVENS))
    os.close(old)
    for timer in loop.timers:
        if timer.interval == dynamic_accesslist.LOOK:
            timer.action()
    assert fifos.is_listed(SEVENS)


def test_replaced_again_and_again(fifos: Fifos) -> None:
    before = open_descriptors()
    for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        replace(fifos.add)
        fifos.look()
        fifos.write(fifos.add, line(bytes([letter]) * 20))
        assert fifos.is_listed(bytes([letter]) * 20)
    fifos.live.settle()
    assert open_descriptors() == before + dynamic_accesslist.IDLE
    fifos.look(times=dynamic_accesslist.IDLE)
    assert open_descriptors() == before


def test_a_tracker_that_ends_closes_old_ones_too(fifos: Fifos) -> None:
    """As the fixture sees."""
    replace(fifos.add)
    replace(fifos.delete)
    fifos.look()


def test_one_that_is_removed_is_not_made_by_the_tracker(fifos: Fifos) -> None:
    old = os.open(fifos.add, os.O_WRONLY | os.O_NONBLOCK)
    fifos.add.unlink()
    fifos.look(times=5)
    assert not fifos.add.exists()
    fifos.write_to(old, line(SEVENS))
    assert fifos.is_listed(SEVENS)
    os.close(old)


def test_one_that_is_moved_to_the_other_path_does_not_do_both(fifos: Fifos) -> None:
    fifos.add.replace(fifos.delete)
    fifos.look(times=5)
    fifos.write(fifos.delete, line(SEVENS))
    assert fifos.is_listed(SEVENS)
    os.mkfifo(fifos.add)
    fifos.look(times=2 + dynamic_accesslist.IDLE)
    fifos.write(fifos.delete, line(SEVENS))
    assert not fifos.is_listed(SEVENS)


def make_wrong(path: Path, how: str) -> None:
    other = path.with_name("other")
    match how:
        case "file":
            path.write_text("precious")
        case "folder":
            path.mkdir()
        case "dangling link":
            path.symlink_to(other)
        case "link to a file":
            other.write_text("precious")
            path.symlink_to(other)
        case "link to a fifo":
            os.mkfifo(other)
            path.symlink_to(other)


def feature(asked: FifoSettings) -> ListFifoFeature:
    """The feature of a tracker that is not there yet."""
    return ListFifoFeature(Settings(sections=Sections(asked)))


WRONG = ["file", "folder", "dangling link", "link to a file", "link to a fifo"]


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("which", ["add", "delete"])
def test_a15_what_is_not_a_fifo_is_refused_and_left_alone(tmp_path: Path, how: str, which: str) -> None:
    path, other = tmp_path / "fifo", tmp_path / "other"
    make_wrong(path, how)
    asked = FifoSettings(add=tmp_path / "good")
    setattr(asked, which, path)
    before = open_descriptors()
    for attempt in (feature(asked).load, feature(asked).try_load):
        with pytest.raises(UsageError, match=f"{path} is not a FIFO: it is left as it is"):
            attempt()
    assert open_descriptors() == before
    if how == "file":
        assert path.read_text() == "precious"
    if how == "link to a file":
        assert other.read_text() == "precious"
    assert other.exists() is how.startswith("link to")


@pytest.mark.parametrize("how", WRONG)
def test_a15_what_is_not_a_fifo_takes_no_place(
    fifos: Fifos, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told of once; a FIFO that comes later is read."""
    old = os.open(fifos.add, os.O_WRONLY | os.O_NONBLOCK)
    for _ in range(2):
        caplog.clear()
        fifos.add.unlink()
        make_wrong(fifos.add, how)
        fifos.look(times=3)
        assert caplog.messages == [
            f"{fifos.add} is not a FIFO: it is left as it is; the FIFO that was there before is read on"
        ]
        fifos.write_to(old, line(HASH_A))
        assert fifos.is_listed(HASH_A)
        (fifos.add.rmdir if how == "folder" else fifos.add.unlink)()
        os.mkfifo(fifos.add)
        fifos.add.with_name("other").unlink(missing_ok=True)
        fifos.look()
        fifos.write(fifos.add, line(SEVENS))
        assert fifos.is_listed(SEVENS)
        os.close(old)
        old = os.open(fifos.add, os.O_WRONLY | os.O_NONBLOCK)
    os.close(old)


def test_a_fifo_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "fifo"
    with pytest.raises(UsageError, match=f"cannot make the FIFO {path}: there is no directory {path.parent}"):
        dynamic_accesslist.open_fifo(path)
    with pytest.raises(UsageError, match=f"cannot open the FIFO {path}: No such file or directory"):
        dynamic_accesslist.open_there(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=f"cannot open the FIFO {tmp_path}/file/fifo: Not a directory"):
        dynamic_accesslist.open_fifo(tmp_path / "file" / "fifo")


def test_one_fifo_cannot_add_and_delete(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be both"):
        feature(FifoSettings(tmp_path / "fifo", tmp_path / "fifo")).try_load()


def test_checking_makes_no_fifo(tmp_path: Path) -> None:
    feature(FifoSettings(tmp_path / "fifo")).try_load()
    assert not (tmp_path / "fifo").exists()


def test_a_tracker_without_fifos_has_none(tmp_path: Path) -> None:
    before = open_descriptors()
    without = feature(FifoSettings())
    without.load()
    assert open_descriptors() == before
    without.close()


def config(folder: Path) -> Path:
    path = folder / "opentracker.conf"
    key = "whitelist" if WANT_ACCESSLIST_WHITE else "blacklist"
    (folder / "list").write_bytes(b"")
    path.write_text(
        f"access.{key} {folder}/list\naccess.fifo_add {folder}/add\naccess.fifo_delete {folder}/delete\n"
    )
    return path


def test_l12_a_running_tracker_with_fifos(tmp_path: Path) -> None:
    """Its lines tell of what it reads: a line that is wrong is seen to come in at its other end."""
    arguments = ("-d", str(tmp_path), "-f", str(config(tmp_path)), "-i", HOME, "-P", "0")
    with Tracker(*arguments, sockets=1) as tracker:
        for name in ("add", "delete"):
            with (tmp_path / name).open("wb", buffering=0) as file:
                file.write(line(SEVENS) + b"nonsense\n")
            tracker.line_with("does not start with 40 hex digits: b'nonsense'")
        tracker.signal(signal.SIGHUP)
        tracker.line_with(": 0 torrents, read in ")


def test_a_running_tracker_reads_fifos_that_are_made_again(tmp_path: Path) -> None:
    """In its sandbox; as root in its root directory, and as somebody who may not open root's FIFOs."""
    arguments = ("-d", str(tmp_path), "-f", str(config(tmp_path)), "-i", HOME, "-P", "0")
    with Tracker(*arguments, sockets=1) as tracker:
        path = tmp_path / "add"
        status = path.stat()
        path.unlink()
        made = tmp_path / "made"
        os.mkfifo(made)
        made.chmod(0)
        made.rename(path)
        inside = "/add" if os.geteuid() == 0 else str(path)
        assert tracker.line_with("cannot open") == (
            f"cannot open the FIFO {inside}: Permission denied; the FIFO that was there before is read on"
        )
        if os.geteuid() == 0:
            os.chown(path, status.st_uid, status.st_gid)
        path.chmod(0o600)
        assert tracker.read_line() == f"{inside}: there is another FIFO, which is read from now on"
        with path.open("wb", buffering=0) as file:
            file.write(line(SEVENS) + b"nonsense\n")
        tracker.line_with("does not start with 40 hex digits: b'nonsense'")


def test_a15_a_tracker_does_not_start_with_a_file_for_a_fifo(tmp_path: Path) -> None:
    path = config(tmp_path)
    (tmp_path / "add").write_text("precious")
    arguments = ("-d", str(tmp_path), "-f", str(path), "-i", HOME, "-P", "0")
    for more in ((), ("-t",)):
        status, _, err = run(*arguments, *more)
        assert status == 1
        assert "/add is not a FIFO: it is left as it is" in err
    assert (tmp_path / "add").read_text() == "precious"
