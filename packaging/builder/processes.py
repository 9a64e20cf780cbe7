"""Commands: bounded in time, with their output in a file, and ended with all that they started."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from builder.errors import PackagingError

TAIL: Final = 30  # lines of a log that are shown when a command fails

# A command's own mounts, processes and network: there is a loopback interface, and it is down.
ALONE: Final = ("unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child")

# systemd as process 1, and crun, need cgroups of version 2 alone; a machine may have both versions, or 2 elsewhere.
CGROUPS: Final = 'umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'
WITH_CGROUPS: Final = ("sh", "-c", CGROUPS, "sh")


def run(
    command: Sequence[str], log: Path, seconds: float, environment: Mapping[str, str] | None = None
) -> None:
    """Run a command, and append its output to a log; raise PackagingError if it fails or takes too long."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise PackagingError(
                f"{command[0]} took more than {seconds:.0f} s; its output is in {log}"
            ) from None
        finally:
            end(process)
    if status:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        raise PackagingError("\n".join([*lines, f"{command[0]} ended with status {status}; see {log}"]))


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that still runs, and its children: it leads a session of its own."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
