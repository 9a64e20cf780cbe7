"""Servers whose clock the bench sets, and commands to them: the other end of bench/in_wheel/clocked_server.py."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from harness.errors import BenchError
from harness.paths import IN_WHEEL

if TYPE_CHECKING:
    from harness.servers import Contender, Running

REPORT_SECONDS: Final = 10.0
LONGEST: Final = ("longest_calm_ms", "longest_ms")


def clocked(contender: Contender, announces_a_minute: int = 0) -> Contender:
    """The same tracker of ours with another clock. The script is this checkout's, whatever the contender's revision."""
    script = (str(IN_WHEEL / "clocked_server.py"), str(announces_a_minute))
    at = contender.command.index("-m")  # of `-m opentracker`
    return replace(contender, command=(*contender.command[:at], *script, *contender.command[at + 2 :]))


def send(server: Running, commands: bytes) -> None:
    """Commands of clocked_server.py."""
    assert server.process.stdin is not None
    server.process.stdin.write(commands)
    server.process.stdin.flush()


def ask(server: Running) -> dict[str, Any]:
    """The report of clocked_server.py: it comes as the next line of the server's log."""
    known = len(reports(server))
    send(server, b"p")
    deadline = time.monotonic() + REPORT_SECONDS
    while time.monotonic() < deadline:
        if len(found := reports(server)) > known:
            return found[-1]
        time.sleep(0.05)
    raise BenchError(f"no report from the server within {REPORT_SECONDS:.0f} s")


def longest(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    """Milliseconds of the longest iteration, of two reports; by LONGEST."""
    return dict(zip(LONGEST, (report["longest_turn"] * 1000 for report in (before, after)), strict=True))


def reports(server: Running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
