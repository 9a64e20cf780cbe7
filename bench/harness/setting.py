"""The setting of a run: programs, cores, contenders, and the number, length and size of measurements."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.errors import BenchError
from harness.servers import Contender

if TYPE_CHECKING:
    from pathlib import Path

    from harness.programs import Programs
    from harness.servers import Stage

FLOOR: Final = "echo"
WARMUP: Final = 1.0  # seconds of load before those that are measured
# The peers that trackers hand out on average under the default load: the echo's answers are as large.
ECHO_PEERS: Final = 35


@dataclass(frozen=True, slots=True)
class Floor:
    """The program of the contender `echo` in a row: it does as much as the kernel makes any tracker do."""

    program: str
    options: tuple[str, ...] = ()
    udp: bool = True
    peers: int = ECHO_PEERS


UDP_FLOOR: Final = Floor("echo")
HTTP_FLOOR: Final = Floor("http_echo", udp=False)
KEPT_FLOOR: Final = Floor("http_echo", ("keep",), udp=False)


@dataclass(frozen=True, slots=True)
class Bench:
    """The setting that all rows share."""

    programs: Programs
    stage: Stage
    python: str
    c_tracker: str
    names: tuple[str, ...]  # the contenders asked for
    others: tuple[Contender, ...]  # commands given by hand
    rounds: int
    seconds: float
    realtime: bool
    scale: float = 1.0  # share of each row's torrents, peers and sources

    def contenders(
        self,
        *kinds: str,
        flags: dict[str, str] = wheels.WHITELIST,
        others: bool = True,
        floor: Floor = UDP_FLOOR,
    ) -> list[Contender]:
        """Of the contenders asked for those that a row can take, and the commands given by hand."""
        names = [name for name in self.names if name.partition("@")[0] in kinds]
        ours = [self.contender(name, flags, floor) for name in names]
        return [*ours, *(self.others if others else ())]

    def contender(self, name: str, flags: dict[str, str], floor: Floor = UDP_FLOOR) -> Contender:
        if name == "c":
            return Contender("c", (self.c_tracker, *wheels.SERVE_LIST), families=(4,))
        if name == FLOOR:
            program = str(self.programs.path(floor.program))
            return Contender(
                FLOOR, (program, "{host}", "{port}", str(floor.peers), *floor.options), udp=floor.udp
            )
        return wheels.contender(self.stage.directory, self.python, name, flags)

    def report_of(self, contender: Contender, script: str, *arguments: str) -> dict[str, Any]:
        """The JSON that a script of bench/in_wheel prints, run on the server's core by a contender's own python."""
        path = wheels.script_of(self.stage.directory, contender.name, script)
        process = self.stage.place.start(
            [contender.command[0], "-P", str(path), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.stage.directory,
            env={**os.environ, **contender.environment},
        )
        output, _ = process.communicate()
        if process.returncode:
            raise BenchError(f"{script} of {contender.name} ended with {process.returncode}")
        report: dict[str, Any] = json.loads(output)
        print(f"  {contender.name} {script}: {report}", file=sys.stderr)
        return report

    def config(self, name: str, text: str) -> Path:
        """A config file in the directory that servers can read."""
        path = self.stage.directory / f"{name}.conf"
        path.write_text(text)
        return path

    def scaled(self, number: int) -> int:
        """A row's number of torrents, peers or sources in this run."""
        return max(1, round(number * self.scale))

    def urgent(self) -> Bench:
        """The same with server and load before everything else on their cores, if the user asked for that.

        For servers and loads that leave some of a core: the kernel stops a realtime process that takes it all.
        """
        if not self.realtime:
            return self
        programs = replace(self.programs, place=replace(self.programs.place, realtime=True))
        return replace(
            self, programs=programs, stage=replace(self.stage, place=replace(self.stage.place, realtime=True))
        )

    def timing(self) -> tuple[str, ...]:
        return ("--seconds", str(self.seconds), "--warmup", str(min(WARMUP, self.seconds)))
