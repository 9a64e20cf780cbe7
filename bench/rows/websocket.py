"""The rows on browsers and on TLS: WebSockets with offers, idle ones, and announces over HTTPS."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.errors import BenchError
from harness.goals import print_verdicts
from harness.paired import alternate
from harness.paths import LOAD, ROOT
from harness.servers import Contender, free_port, running
from harness.tables import table
from rows.speed import print_speeds

if TYPE_CHECKING:
    from pathlib import Path

    from harness.results import Results
    from harness.setting import Bench

MODULES: Final = ROOT / "tests/e2e/web"
BROWSERS: Final = 1000
IDLE: Final = 10_000
HTTPS_MODES: Final = ("new", "resumed", "kept")
# The load is one address, and thousands of browsers.
ANY_NUMBER: Final = "limits.connections_per_address 0\n"


def websocket(bench: Bench) -> None:
    """Messages of browsers over WebSockets: announces with 5 offers, forwarded, and answered; memory of idle ones."""
    config = bench.config("websocket", ANY_NUMBER)
    ours = bench.contenders("compiled", "pure", flags=wheels.WEBTORRENT)
    contenders = [replace(each, command=(*each.command, "-f", str(config))) for each in ours]
    contenders += npm_tracker(bench)

    def measure(*load: str) -> Results:
        def once(contender: Contender) -> dict[str, Any]:
            with running(contender, bench.stage, bench.programs.whitelist(1)) as server:
                return bench.programs.script(
                    "websocket_load.py",
                    load[0],
                    *(server.host, str(server.port), str(server.process.pid)),
                    *load[1:],
                )

        return alternate(contenders, bench.rounds if load[0] == "busy" else 1, once)

    browsers = str(max(40, bench.scaled(BROWSERS)))
    print_speeds("websocket", measure("busy", str(bench.seconds), browsers), "bytes_per_answer")
    print_idle(measure("idle", str(bench.scaled(IDLE))))


def print_idle(results: Results) -> None:
    names = list(results.reports)
    heads = ["websocket idle", "KiB each", *(f"× {name}" for name in names), "µs CPU each"]
    lines = []
    for name in names:
        line = [name, f"{results.median(name, 'bytes_per_answer') / 1024:.1f}"]
        line += [f"{results.ratio(name, other, 'bytes_per_answer'):.3f}" for other in names]
        line.append(f"{results.median(name, 'cpu_us_per_answer'):.0f}")
        lines.append(line)
    print(table(heads, lines), end="\n\n")
    print_verdicts("websocket idle", names, lambda name, base: results.ratio(name, base, "bytes_per_answer"))


def npm_tracker(bench: Bench) -> list[Contender]:
    """The server of npm's bittorrent-tracker, if it is installed in tests/e2e/web."""
    node = shutil.which("node")
    if node is None or not (MODULES / "node_modules").exists() or "npm" not in bench.names:
        return []
    script = bench.stage.directory / "npm_tracker.mjs"
    shutil.copy(LOAD / "npm_tracker.mjs", script)
    modules = bench.stage.directory / "node_modules"
    if not modules.exists():
        shutil.copytree(MODULES / "node_modules", modules)
    command = (node, str(script), str(bench.stage.directory), "{host}", "{port}")
    return [Contender("npm", command, families=(4,), udp=False)]


def https(bench: Bench) -> None:
    """Announces over HTTPS, one after the other: a new session each, a resumed one, a connection that stays."""
    certificate, key = self_signed(bench.stage.directory)
    for mode in HTTPS_MODES:

        def once(contender: Contender, mode: str = mode) -> dict[str, Any]:
            port = free_port("127.0.0.1")
            config = bench.config(
                "https", f"listen.tls 127.0.0.1:{port}\ntls.certificate {certificate}\ntls.key {key}\n"
            )
            served = replace(contender, command=(*contender.command, "-f", str(config)))
            with running(served, bench.stage, bench.programs.whitelist(1)) as server:
                numbers = (str(port), str(server.process.pid), str(bench.seconds))
                return bench.programs.script("https_load.py", mode, server.host, *numbers, str(certificate))

        contenders = bench.contenders("compiled", "pure", flags=wheels.WEBTORRENT, others=False)
        print_speeds(f"https {mode}", alternate(contenders, bench.rounds, once), "bytes_per_answer")


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for `localhost` with a key on P-256, made once, that the servers' user can read."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BenchError("the row https needs the command openssl")
    certificate, key = directory / "https.pem", directory / "https.key"
    if not certificate.exists():
        command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        command += ["-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "365"]
        command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run(command, check=True, capture_output=True)
        key.chmod(0o644)
    return certificate, key
