"""Messages of the supervisor to all workers: changes of lists, and a successor that hears of them as well."""

import os
import signal
from pathlib import Path
from typing import cast

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.server.workers.frames import TELL
from opentracker.server.workers.mesh import Mesh
from opentracker.server.workers.telling import Telling
from tests.server.process import Tracker
from tests.server.workers.several import (
    INFO_HASHES,
    announce,
    fetch,
    needs_several,
    options,
    several,
    until,
    workers_of,
)

KEY = "0123456789abcdef"


class Heard:
    """Remembers what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int, bytes]] = []

    def others(self) -> list[int]:
        return [0, 1]

    def send(self, worker: int, kind: int, number: int, payload: bytes) -> None:
        self.sent.append((worker, kind, payload))


def test_a_successor_hears_each_message_once_in_the_order_of_the_last() -> None:
    mesh = Heard()
    telling = Telling(cast(Mesh, mesh))
    for message in (b"one", b"two", b"one"):
        telling.tell(b"name", message)
    telling.keep(b"name", b"three")
    assert [payload for worker, _, payload in mesh.sent if worker == 1] == [
        b"name one",
        b"name two",
        b"name one",
    ]
    mesh.sent.clear()
    telling.repeat(1)
    assert mesh.sent == [(1, TELL, b"name " + each) for each in (b"two", b"one", b"three")]
    mesh.sent.clear()
    telling.forget()
    telling.repeat(1)
    assert mesh.sent == []


def write(path: Path, *lines: str) -> None:
    """Be a writer who comes, writes and goes."""
    path.write_text("".join(f"{line}\n" for line in lines))


def listed(tracker: Tracker) -> list[bool]:
    """Whether each torrent is on the access list."""
    return [
        (b"8:completei" in announce(tracker, each, 7000)) is WANT_ACCESSLIST_WHITE for each in INFO_HASHES
    ]


@needs_several
@pytest.mark.needs("WANT_DYNAMIC_ACCESSLIST")
@several
def test_fifos_change_the_list_of_all_workers(tmp_path: Path, workers: int) -> None:
    add, delete, path = tmp_path / "add", tmp_path / "delete", tmp_path / "list"
    path.write_text("".join(f"{each.hex()}\n" for each in INFO_HASHES[:20]))
    (tmp_path / "fifos.conf").write_text(f"access.fifo_add {add}\naccess.fifo_delete {delete}\n")
    option = "-w" if WANT_ACCESSLIST_WHITE else "-b"
    given = [option, str(path), "-f", str(tmp_path / "fifos.conf")]
    with Tracker(*options(tmp_path, workers, *given), sockets=2) as tracker:
        assert listed(tracker) == [number < 20 for number in range(40)]
        write(add, "no info_hash", *[each.hex() for each in INFO_HASHES[20:30]])
        write(delete, *[each.hex() for each in INFO_HASHES[:10]])
        changed = [10 <= number < 30 for number in range(40)]
        until(lambda: listed(tracker) == changed, "the changes")
        tracker.line_with("a line that does not start with 40 hex digits: b'no info_hash'")
        if workers > 1:  # a successor has the changes as well
            os.kill(workers_of(tracker)[0], signal.SIGKILL)
            tracker.line_with("serves again")
            until(lambda: listed(tracker) == changed, "the changes")
        tracker.signal(signal.SIGHUP)
        until(lambda: listed(tracker) == [number < 20 for number in range(40)], "the list of the file")
    assert sum("a line that does not start" in line for line in tracker.lines) == 1


@needs_several
@pytest.mark.needs("WANT_AUTH_KEYS")
@several
def test_fifos_change_the_keys_of_all_workers(tmp_path: Path, workers: int) -> None:
    (tmp_path / "keys").write_text("")
    (tmp_path / "keys.conf").write_text(
        f"access.keys {tmp_path / 'keys'}\naccess.keys_fifo_add {tmp_path / 'add'}\n"
        f"access.keys_fifo_delete {tmp_path / 'delete'}\n"
    )
    given = ["-f", str(tmp_path / "keys.conf")]
    with Tracker(*options(tmp_path, workers, *given), sockets=2) as tracker:

        def served() -> set[bool]:
            query = f"?info_hash={'%20' * 20}&port=7000"
            return {b"complete" in fetch(tracker, f"/{KEY}/announce{query}") for _ in range(8)}

        assert served() == {False}
        write(tmp_path / "add", f"{KEY} 2999-01-01")
        until(lambda: b"unknown key" not in fetch(tracker, f"/{KEY}/announce?info_hash=short"), "the key")
        write(tmp_path / "delete", KEY)
        until(lambda: served() == {False}, "the end of the key")
