"""What the rows of a run share: programs, cores, contenders, how often and how long."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.errors import BenchError
from harness.servers import Contender

if TYPE_CHECKING:
    from harness.programs import Programs
    from harness.servers import Stage

# As many peers as trackers hand out on average under the default load: the echo's answers are as large.
ECHO_PEERS: Final = "35"


@dataclass(frozen=True, slots=True)
class Bench:
    """What all rows share."""

    programs: Programs
    stage: Stage
    python: str
    c_tracker: str
    names: tuple[str, ...]  # the contenders asked for
    others: tuple[Contender, ...]  # commands given by hand
    rounds: int
    seconds: float
    realtime: bool

    def contenders(
        self, *kinds: str, flags: dict[str, str] = wheels.WHITELIST, others: bool = True
    ) -> list[Contender]:
        """Of the contenders asked for those that a row can take, and the commands given by hand."""
        names = [name for name in self.names if name.partition("@")[0] in kinds]
        return [*(self.contender(name, flags) for name in names), *(self.others if others else ())]

    def contender(self, name: str, flags: dict[str, str]) -> Contender:
        if name == "c":
            return Contender("c", (self.c_tracker, *wheels.SERVE_LIST), families=(4,))
        if name == "echo":
            command = (str(self.programs.path("echo")), "{host}", "{port}", ECHO_PEERS)
            return Contender("echo", command, http=False)
        return wheels.contender(self.stage.directory, self.python, name, flags)

    def report_of(self, contender: Contender, script: str, *arguments: str) -> dict[str, Any]:
        """The JSON that a script of bench/in_wheel prints, run on the server's core by a contender's own python."""
        path = wheels.script_of(self.stage.directory, contender.name, script)
        command = [contender.command[0], "-P", str(path), *arguments]
        process = self.stage.place.start(command, stdout=subprocess.PIPE, text=True, cwd=self.stage.directory)
        output, _ = process.communicate()
        if process.returncode:
            raise BenchError(f"{script} of {contender.name} ended with {process.returncode}")
        report: dict[str, Any] = json.loads(output)
        print(f"  {contender.name} {script}: {report}", file=sys.stderr)
        return report

    def urgent(self) -> Bench:
        """The same with server and load before everything else on their cores, where that was asked for.

        For servers and loads that leave some of a core: the kernel stops a realtime process that takes it all.
        """
        if not self.realtime:
            return self
        programs = replace(self.programs, place=replace(self.programs.place, realtime=True))
        return replace(
            self, programs=programs, stage=replace(self.stage, place=replace(self.stage.place, realtime=True))
        )

    def timing(self) -> tuple[str, ...]:
        return ("--seconds", str(self.seconds))
