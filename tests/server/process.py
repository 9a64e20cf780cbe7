"""A tracker as a process of its own, that tells when it listens and is ended by its process id."""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE, WANT_BOGON_FILTER, WANT_SYNC_LIVE, WANT_V6

PATIENCE: Final = 30.0  # seconds; for a test that fails, no other
COMMAND: Final = (sys.executable, "-P", "-X", "dev", "-m", "opentracker")  # -P: the installed one
LISTENING: Final = "listening on "
LINE_HEAD: Final = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ )?opentracker: ")
# A build with live sync starts only as a member of a cluster, be it the only one.
CLUSTER_FILE: Final = Path(__file__).with_name("cluster6.conf" if WANT_V6 else "cluster4.conf")
CLUSTER: Final = ["-f", str(CLUSTER_FILE)] if WANT_SYNC_LIVE else []


class Tracker:
    """A running tracker, in a cluster of its own; ends with the `with` block.

    `sockets` is how many lines "listening on" are waited for. `endpoints` are those sockets in their order, such as
    `("UDP", "127.0.0.1", 6969)`; `lines` is all that has been read from its standard error.
    """

    def __init__(
        self,
        *arguments: str,
        sockets: int,
        command: Sequence[str] = COMMAND,
        cwd: Path | None = None,
        close_standard_streams: bool = False,
    ) -> None:
        whole = [*command, *CLUSTER, *arguments]
        cwd = cwd or folder_to_work_in(arguments)
        if close_standard_streams:
            whole = ["sh", "-c", 'exec "$@" <&- >&-', "sh", *whole]
        self.process = subprocess.Popen(
            whole, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.unread = b""
        self.lines: list[str] = []
        self.endpoints: list[tuple[str, str, int]] = []
        try:
            while len(self.endpoints) < sockets:
                self.read_line()
        except BaseException:
            self.kill()
            raise

    def read_line(self) -> str:
        """The next line of its standard error; fails if there is none."""
        assert self.process.stderr is not None
        end = time.monotonic() + PATIENCE
        while b"\n" not in self.unread:
            ready, _, _ = select.select([self.process.stderr], [], [], max(0.0, end - time.monotonic()))
            data = os.read(self.process.stderr.fileno(), 65536) if ready else b""
            assert data, f"waited in vain for a line after {self.lines}, {self.unread!r}"
            self.unread += data
        first, _, self.unread = self.unread.partition(b"\n")
        line = LINE_HEAD.sub("", first.decode())
        self.lines.append(line)
        if line.startswith(LISTENING):
            kind, _, where = line.removeprefix(LISTENING).partition(" ")
            host, _, port = where.rpartition(":")
            self.endpoints.append((kind, host.strip("[]"), int(port)))
        return line

    def line_with(self, text: str) -> str:
        """The next line of its standard error that has this text; others may come before it."""
        while text not in (line := self.read_line()):
            pass
        return line

    def endpoint(self, kind: str) -> tuple[str, int]:
        """The address and port of the first socket of this kind."""
        return next((host, port) for its, host, port in self.endpoints if its == kind)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit status, once it has ended; the rest of its standard error is in `lines`."""
        _, rest = self.process.communicate(timeout=PATIENCE)
        self.lines += [LINE_HEAD.sub("", line) for line in (self.unread + rest).decode().splitlines()]
        return self.process.returncode

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.communicate()

    def __enter__(self) -> "Tracker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.returncode is not None:
            return
        if error is not None:
            self.kill()
            return
        self.signal(signal.SIGTERM)
        status = self.wait()
        assert status == 0, self.lines


def run(*arguments: str, command: Sequence[str] = COMMAND) -> tuple[int, str, str]:
    """Run a command that ends by itself; gives status, standard output, standard error.

    A tracker is in a cluster of its own, and says nothing of it.
    """
    is_tracker = Path(command[-1]).name in ("opentracker", "opentracker.debug")
    done = subprocess.run(
        [*command, *(CLUSTER if is_tracker else []), *arguments],
        cwd=folder_to_work_in(arguments),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    lines = [
        line for line in done.stdout.splitlines(keepends=True) if not is_tracker or not tells_cluster(line)
    ]
    return done.returncode, "".join(lines), done.stderr


def same_on_every_machine(lines: Iterable[str]) -> list[str]:
    """The lines of `-t`, but for those with a number of this machine at this moment: its memory, its descriptors."""
    return [line for line in lines if not line.endswith((" MiB of memory", " connections at a time"))]


def tells_cluster(line: str) -> bool:
    """Whether a line of `-t` is there only because of CLUSTER."""
    return bool(CLUSTER) and (str(CLUSTER_FILE) in line or line.startswith("would listen for live sync on "))


def folder_to_work_in(arguments: Sequence[str]) -> Path | None:
    """The directory to start a tracker in, for these arguments; None: the current one.

    Root's tracker becomes `nobody` and sees no more than one directory, the one it is started in or that of `-d`: the
    folder that its arguments name. One that pytest makes is root's alone, and is given away here.
    """
    if os.geteuid() != 0:
        return None
    absolute = [Path(argument) for argument in arguments if argument.startswith("/")]
    folder = next((path if path.is_dir() else path.parent for path in absolute), Path("/"))
    if not folder.is_dir():
        return Path("/")
    if folder.stat().st_mode & 0o077 == 0 and Path(tempfile.gettempdir()) in folder.parents:
        shutil.chown(folder, "nobody")
    return folder


def allow(folder: Path, *info_hashes: bytes) -> list[str]:
    """The options with which any build serves these torrents: a whitelist build needs a list."""
    if not WANT_ACCESSLIST_WHITE:
        return []
    path = folder / "whitelist"
    path.write_text("".join(f"{info_hash.hex()}\n" for info_hash in info_hashes))
    return ["-w", str(path)]


def list_loopback(folder: Path) -> list[str]:
    """The options with which a build that filters addresses lists clients on this machine."""
    if not WANT_BOGON_FILTER:
        return []
    path = folder / "listed.conf"
    path.write_text("limits.listed_network 127.0.0.0/8\nlimits.listed_network ::1\n")
    return ["-f", str(path)]


def network_of_its_own(*setup: str) -> list[str]:
    """The words before a command that is to run in a network namespace, after some commands with `ip`.

    Such a network has one interface, loopback, which is down.
    """
    for needed in ("unshare", "ip"):
        if shutil.which(needed) is None:
            pytest.skip(f"needs the command {needed}")
    for unshare in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode == 0:
            # In a network of its own an ordinary user is root, but has nobody to become: he goes back.
            back = "unshare --map-user=1000 " if os.geteuid() != 0 else ""
            script = "".join(f"{each} && " for each in setup) + f'exec {back}"$@"'
            return [*unshare, "sh", "-c", script, "sh"]
    return pytest.skip("may not make network namespaces")
