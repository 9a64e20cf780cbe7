"""Which core a process runs on, and how important it is to the scheduler."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BenchError


@dataclass(frozen=True, slots=True)
class Place:
    """A core, and how important its processes are: a niceness below the caller's own and realtime are for root.

    Realtime processes run before all others, so a spinning one takes the whole core.
    """

    core: int
    nice: int
    realtime: bool = False

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a process here, from its first instruction on, in a session of its own.

        Core and importance are inherited, so the caller takes them for the moment: set from outside afterwards they
        would miss the threads that a server has made by then.
        """
        cores = os.sched_getaffinity(0)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.sched_setaffinity(0, {self.core})
        try:
            if self.nice != own:
                os.setpriority(os.PRIO_PROCESS, 0, self.nice)
            if self.realtime:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            process = subprocess.Popen(command, start_new_session=True, **options)
        except OSError as error:
            raise BenchError(f"{command[0]} cannot be started: {error}") from None
        finally:
            if self.realtime:
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            if self.nice != own:
                os.setpriority(os.PRIO_PROCESS, 0, own)
            os.sched_setaffinity(0, cores)
        # With autogroups Linux shares a core out by session first, and the niceness of the session counts.
        autogroup = Path(f"/proc/{process.pid}/autogroup")
        if self.nice != own and autogroup.exists():
            autogroup.write_text(str(self.nice))
        return process
