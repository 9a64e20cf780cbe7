"""The Landlock sandbox: layouts, what is left open, and a tracker that works inside."""

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opentracker.server.system import sandbox
from tests.config.files import PATHS, naming

MAKE_LINK = 1 << 12


def abi_here() -> int:
    """The ABI of this machine's Landlock; 0 without one."""
    try:
        return sandbox.Kernel().create_ruleset(b"")
    except OSError:
        return 0


needs_landlock = pytest.mark.skipif(abi_here() == 0, reason="this kernel has no Landlock")


class FakeKernel(sandbox.Kernel):
    """A kernel with some ABI that only takes notes, or fails at one step."""

    def __init__(self, abi: int, failing: str = "") -> None:
        self.abi = abi
        self.failing = failing
        self.notes: list[object] = []

    def step(self, name: str) -> None:
        if name == self.failing:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def create_ruleset(self, attributes: bytes) -> int:
        self.step("create" if attributes else "ask")
        if not attributes:
            return self.abi
        self.notes.append(attributes)
        return 77

    def add_rule(self, ruleset: int, rule: bytes) -> None:
        self.step("add")
        assert ruleset == 77
        directory = int.from_bytes(rule[8:], sys.byteorder)
        self.notes.append(
            (os.readlink(f"/proc/self/fd/{directory}"), int.from_bytes(rule[:8], sys.byteorder))
        )

    def restrict_self(self, ruleset: int) -> None:
        self.step("restrict")
        self.notes.append(ruleset)


def u64(number: int) -> bytes:
    return number.to_bytes(8, sys.byteorder)


@pytest.mark.parametrize(
    ("abi", "attributes"),
    [
        (1, u64(0x1FFF)),
        (2, u64(0x3FFF)),
        (3, u64(0x7FFF)),
        (4, u64(0x7FFF) + u64(3)),
        (5, u64(0xFFFF) + u64(3)),
        (6, u64(0xFFFF) + u64(3) + u64(3)),
        (9, u64(0xFFFF) + u64(3) + u64(3)),  # more than is known here is not asked for
    ],
)
def test_what_each_abi_can_forbid(abi: int, attributes: bytes) -> None:
    """Struct landlock_ruleset_attr: handled_access_fs, handled_access_net (4), scoped (6)."""
    assert sandbox.ruleset_attributes(abi) == attributes


def test_a_rule_is_packed() -> None:
    """Struct landlock_path_beneath_attr: u64 allowed_access, s32 parent_fd, nothing behind."""
    assert sandbox.path_rule(0x0C, 5) == u64(12) + (5).to_bytes(4, sys.byteorder)


def test_some_files_are_read_and_others_written(tmp_path: Path) -> None:
    for name in ("lists", "state"):
        (tmp_path / name).mkdir()
    settings = naming(tmp_path / "lists/white", tmp_path / "state/dump", before=Path("/var/lib/state"))
    kernel = FakeKernel(7)
    sandbox.restrict(settings, PATHS, kernel)
    assert kernel.notes[1:] == [
        (str(tmp_path / "lists"), sandbox.READ),
        (str(tmp_path / "state"), sandbox.WRITE),
        77,
    ]
    assert sandbox.WRITE & (MAKE_LINK | 1) == 0, "nothing is executed, and no link made"


def test_one_directory_for_all_has_the_rights_of_all(tmp_path: Path) -> None:
    settings = naming(tmp_path / "white", tmp_path / "state")
    assert sandbox.needed(settings, PATHS) == {tmp_path: sandbox.WRITE}


def test_where_a_list_is_a_link_both_ends_are_open(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real/white")
    settings = naming(tmp_path / "link")
    assert sandbox.needed(settings, PATHS) == {tmp_path: sandbox.READ, tmp_path / "real": sandbox.READ}


def test_an_old_kernel_is_not_asked_for_rights_it_does_not_know(tmp_path: Path) -> None:
    kernel = FakeKernel(1)
    sandbox.restrict(naming(written=tmp_path / "state"), PATHS, kernel)
    assert kernel.notes[1] == (str(tmp_path), sandbox.WRITE & 0x1FFF)


@pytest.mark.parametrize("step", ["ask", "create", "add", "restrict"])
def test_without_landlock_it_serves_and_says_so(
    step: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sandbox.restrict(naming(tmp_path / "white"), PATHS, FakeKernel(7, failing=step))
    assert caplog.messages == ["no Landlock sandbox: Function not implemented"]


def test_a_directory_that_is_not_there_stays_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kernel = FakeKernel(7)
    sandbox.restrict(naming(tmp_path / "missing/white"), PATHS, kernel)
    assert kernel.notes[1:] == [77]
    assert caplog.messages[0] == f"{tmp_path}/missing is not open to the sandbox: No such file or directory"


# Goes into the sandbox with the folder's files, and tells what it can do there.
INSIDE = """
import os, socket, sys
from dataclasses import dataclass
from pathlib import Path
from opentracker.server.system import privileges
from opentracker.server.system import sandbox
from opentracker.config.paths import NamedPath
from opentracker.config.settings import Sections, Settings

@dataclass
class Files:
    read: Path
    written: Path

folder = Path(sys.argv[1])
settings = Settings(sections=Sections(Files(folder / "lists/white", folder / "state/dump")))
paths = [NamedPath(Files, "read", ""), NamedPath(Files, "written", "", writes=True)]
listening = socket.create_server(("127.0.0.1", 0))
privileges.gain_nothing()
sandbox.restrict(settings, paths, sandbox.Kernel())

def attempt(name, do):
    try:
        do()
    except PermissionError:
        print(name, "no")
    else:
        print(name, "yes")

def connect():
    with socket.socket() as sock:
        sock.connect(listening.getsockname())

attempt("read list", (folder / "lists/white").read_bytes)
attempt("read new list", lambda: (folder / "lists/new").read_bytes)
attempt("write list", lambda: (folder / "lists/white").write_bytes(b""))
attempt("write state", lambda: (folder / "state/new").write_bytes(b"x"))
attempt("replace state", lambda: os.replace(folder / "state/new", folder / "state/dump"))
attempt("read other", (folder / "other").read_bytes)
attempt("read password file", Path("/etc/passwd").read_bytes)
attempt("run", lambda: os.execv("/bin/true", ["true"]))
attempt("bind TCP", lambda: socket.create_server(("127.0.0.1", 0)).close())
attempt("connect TCP", connect)
attempt("bind UDP", lambda: socket.socket(type=socket.SOCK_DGRAM).bind(("127.0.0.1", 0)))
"""


@needs_landlock
def test_what_can_be_done_inside(tmp_path: Path) -> None:
    for name in ("lists/white", "lists/new", "state/dump", "other"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    done = subprocess.run(
        [sys.executable, "-P", "-c", INSIDE, str(tmp_path)], check=False, capture_output=True, text=True
    )
    tcp = "no" if abi_here() >= sandbox.TCP_ABI else "yes"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "read list yes",
        "read new list yes",
        "write list no",
        "write state yes",
        "replace state yes",
        "read other no",
        "read password file no",
        "run no",
        f"bind TCP {tcp}",
        f"connect TCP {tcp}",
        "bind UDP yes",
    ]
