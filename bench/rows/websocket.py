"""The rows on browsers and on TLS: WebSockets with offers, idle ones, and announces over HTTPS."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from functools import partial
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
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.results import Results
    from harness.setting import Bench

MODULES: Final = ROOT / "tests/e2e/web"
# A browser may send 500 messages at once and 20 a second, which seconds of full speed among fewer would use up.
BROWSERS: Final = 3000
LEAST_BROWSERS: Final = 500
IDLE: Final = 10_000
HTTPS_MODES: Final = ("new", "resumed", "kept")
# The load is one address, and thousands of browsers.
ANY_NUMBER: Final = "limits.connections_per_address 0\n"


def websocket(bench: Bench) -> None:
    """Messages of browsers over WebSockets: announces with 5 offers, forwarded, and answered; memory of idle ones."""
    config = bench.config("websocket", ANY_NUMBER)
    ours = bench.contenders("compiled", "pure", flags=wheels.WEBTORRENT)
    ours += with_orjson(bench, ours)
    contenders = [replace(each, command=(*each.command, "-f", str(config))) for each in ours]
    contenders += npm_tracker(bench)

    def measure(rounds: int, load: Callable[..., dict[str, Any]], *last: str) -> Results:
        def once(contender: Contender) -> dict[str, Any]:
            with running(contender, bench.stage, bench.programs.whitelist(1)) as server:
                return load(server.host, str(server.port), str(server.process.pid), *last)

        return alternate(contenders, rounds, once)

    programs, browsers = bench.programs, str(max(LEAST_BROWSERS, bench.scaled(BROWSERS)))
    busy = measure(bench.rounds, partial(programs.load, "websocket_load"), str(bench.seconds), browsers)
    print_speeds("websocket", busy, "bytes_per_answer")
    print_idle(measure(1, partial(programs.script, "websocket_idle.py"), str(bench.scaled(IDLE))))


def with_orjson(bench: Bench, contenders: Sequence[Contender]) -> list[Contender]:
    """Our contenders with the package orjson, if that is asked for: `compiled-orjson`."""
    if "orjson" not in bench.names:
        return []
    packages = bench.stage.directory / "orjson"
    made = []
    for each in contenders:
        if not packages.exists():
            wheels.checked(
                [each.command[0], "-m", "pip", "install", "-q", "--target", str(packages), "orjson"]
            )
        kind, at, revision = each.name.partition("@")
        path = {"PYTHONPATH": str(packages)}
        made.append(replace(each, name=f"{kind}-orjson{at}{revision}", environment=path))
    return made


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
