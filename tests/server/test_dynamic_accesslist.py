"""The FIFOs of a live tracker: made, opened, written to by those who come and go."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.errors import UsageError
from opentracker.server import dynamic_accesslist
from opentracker.server.settings import Settings
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
        self.live = Live(Settings(accesslist=path, fifo_add=self.add, fifo_delete=self.delete))
        self.web = self.live.listen_tcp()

    def is_listed(self, info_hash: bytes) -> bool:
        body = self.live.ask(self.web, announce(6881, info_hash=info_hash)).body
        return (b"not authorized" not in body) is WANT_ACCESSLIST_WHITE

    def write(self, path: Path, *pieces: bytes) -> None:
        """Be a writer who comes, writes and goes; the tracker turns whenever the FIFO is full."""
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        for piece in pieces:
            rest = piece
            while rest:
                try:
                    rest = rest[os.write(fd, rest) :]
                except BlockingIOError:
                    self.live.turn()
            self.live.settle()
        os.close(fd)
        self.live.settle()


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
    fifos.live.advance(1.1)
    fifos.live.advance(1.1)
    assert fifos.is_listed(SEVENS)


def test_a16_a_reload_clears_changes(fifos: Fifos) -> None:
    fifos.write(fifos.add, line(SEVENS))
    for reload in fifos.live.server.reloads:
        reload()
    fifos.live.until(lambda: not fifos.live.work, "a reload")
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


WRONG = ["file", "folder", "dangling link", "link to a file", "link to a fifo"]


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("which", ["fifo_add", "fifo_delete"])
def test_a15_what_is_not_a_fifo_is_refused_and_left_alone(tmp_path: Path, how: str, which: str) -> None:
    path, other = tmp_path / "fifo", tmp_path / "other"
    make_wrong(path, how)
    settings = Settings(fifo_add=tmp_path / "good")
    setattr(settings, which, path)
    before = open_descriptors()
    for check in (dynamic_accesslist.Fifos, dynamic_accesslist.check_fifos):
        with pytest.raises(UsageError, match=f"{path} is not a FIFO: it is left as it is"):
            check(settings)
    assert open_descriptors() == before
    if how == "file":
        assert path.read_text() == "precious"
    if how == "link to a file":
        assert other.read_text() == "precious"
    assert other.exists() is how.startswith("link to")


def test_a_fifo_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "fifo"
    with pytest.raises(UsageError, match=f"cannot make the FIFO {path}: No such file or directory"):
        dynamic_accesslist.open_fifo(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=f"cannot open the FIFO {tmp_path}/file/fifo: Not a directory"):
        dynamic_accesslist.open_fifo(tmp_path / "file" / "fifo")


def test_one_fifo_cannot_add_and_delete(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be both"):
        dynamic_accesslist.check_fifos(Settings(fifo_add=tmp_path / "fifo", fifo_delete=tmp_path / "fifo"))


def test_checking_makes_no_fifo(tmp_path: Path) -> None:
    dynamic_accesslist.check_fifos(Settings(fifo_add=tmp_path / "fifo"))
    assert not (tmp_path / "fifo").exists()


def test_a_tracker_without_fifos_has_none(tmp_path: Path) -> None:
    before = open_descriptors()
    fifos = dynamic_accesslist.Fifos(Settings())
    assert open_descriptors() == before
    fifos.close()


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
            assert "does not start with 40 hex digits: b'nonsense'" in tracker.read_line()
        tracker.signal(signal.SIGHUP)
        assert ": 0 torrents, read in " in tracker.read_line()


def test_a15_a_tracker_does_not_start_with_a_file_for_a_fifo(tmp_path: Path) -> None:
    path = config(tmp_path)
    (tmp_path / "add").write_text("precious")
    arguments = ("-d", str(tmp_path), "-f", str(path), "-i", HOME, "-P", "0")
    for more in ((), ("-t",)):
        status, _, err = run(*arguments, *more)
        assert status == 1
        assert "/add is not a FIFO: it is left as it is" in err
    assert (tmp_path / "add").read_text() == "precious"
