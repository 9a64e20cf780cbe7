"""Measure this tracker beside others on this machine: `python bench/run.py udp`, `--help` for the rest."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import BenchError
from harness.paths import ROOT
from harness.programs import alone, build_programs
from harness.scheduling import Place
from harness.servers import Contender, Stage
from harness.setting import Bench
from harness.tables import circumstances
from rows.table import ROWS, first_line, run_rows

if TYPE_CHECKING:
    pass

CONTENDERS = ("c", "compiled", "pure", "echo", "npm", "orjson")


def describe_rows() -> str:
    width = max(map(len, ROWS))
    lines = [f"  {name:{width}}  {first_line(row)}" for name, row in ROWS.items()]
    return "\n".join(["rows:", *lines, f"  {'all':{width}}  every row"])


EPILOG = f"""{describe_rows()}

contenders:
  c         the C tracker: Debian's package opentracker, serving the load's torrents from a whitelist
  compiled  this checkout as a wheel with the default features and a whitelist, its hot rooms compiled
  pure      the same, interpreted; pure@REV, compiled@REV: a git revision of it
  echo      a C program that sends canned answers: the kernel's part, over UDP or HTTP
  orjson    websocket: compiled and pure once more, with this package beside them
  npm       websocket: the server of bittorrent-tracker, after npm install in tests/e2e/web

The server runs on one core, the load on another; leave both alone meanwhile. Results are Markdown on
standard output, progress is on standard error. The method is in bench/README.md.

examples:
  python bench/run.py udp
  python bench/run.py udp http --servers c,compiled --rounds 7 --seconds 10
  python bench/run.py udp --servers c --command 'mine=/opt/tracker -u {{host}}:{{port}} -w {{whitelist}}'
  python bench/run.py udp --servers compiled,compiled@main
  python bench/run.py memory --build-dir /tmp/bench
"""


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="what to measure (see below)")
    parser.add_argument(
        "--servers",
        default="c,compiled,pure,echo,npm,orjson",
        help="contenders, by comma (default: %(default)s)",
    )
    parser.add_argument(
        "--command",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="one more contender; {host}, {port}, {whitelist}, {directory} are filled in; may be repeated",
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="measurements of each contender (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="length of a measurement (default: %(default)s)"
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="of each row's torrents, peers and sources: a look, not a result (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="two rounds of one second: a look, not a result")
    parser.add_argument("--server-core", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument(
        "--nice", type=int, help="niceness of server and load, below 0 for root only (default: as is)"
    )
    parser.add_argument(
        "--realtime", action="store_true", help="stall: let nobody interrupt server and load (for root)"
    )
    parser.add_argument("--python", default="/usr/bin/python3", help="for our wheels (default: %(default)s)")
    parser.add_argument("--c-tracker", default="/usr/bin/opentracker", help="(default: %(default)s)")
    parser.add_argument(
        "--build-dir",
        type=Path,
        default=ROOT / "build/bench",
        help="programs, lists, environments; as root: readable for nobody (default: %(default)s)",
    )
    parser.add_argument(
        "--build-only", action="store_true", help="build what the rows need and print our commands"
    )
    options = parser.parse_args(arguments)
    check(parser, options)
    return options


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what argparse cannot see; settle `all`, `--quick` and what depends on the machine."""
    if "all" in options.rows:
        options.rows = list(ROWS)
    if not options.rows and not options.build_only:
        parser.error(f"which row? One of {', '.join(ROWS)}, all")
    if unknown := [name for name in options.rows if name not in ROWS]:
        parser.error(f"no row {unknown[0]!r}: there are {', '.join(ROWS)}, all")
    options.servers = tuple(filter(None, options.servers.split(",")))
    if unknown := [name for name in options.servers if name.partition("@")[0] not in CONTENDERS]:
        parser.error(
            f"no contender {unknown[0]!r}: there are {', '.join(CONTENDERS)}, and --command adds others"
        )
    if not 0 < options.scale <= 1:
        parser.error("--scale: above 0, at most 1")
    if options.server_core == options.load_core:
        parser.error("server and load need a core each")
    if missing := {options.server_core, options.load_core} - os.sched_getaffinity(0):
        parser.error(f"core {min(missing)} is not to be had here")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    options.nice = own if options.nice is None else options.nice
    if (options.nice != own or options.realtime) and os.geteuid():
        parser.error("--nice and --realtime are for root")
    if "c" in options.servers and not Path(options.c_tracker).exists():
        parser.error(f"no {options.c_tracker}: apt-get install opentracker, or leave c out of --servers")
    if options.quick:
        options.rounds, options.seconds = 2, 1.0


def by_hand(text: str) -> Contender:
    name, _, command = text.partition("=")
    if not name or not command:
        raise BenchError(f"--command {text!r}: want NAME=COMMAND")
    return Contender(name, tuple(shlex.split(command)))


def bench_for(options: argparse.Namespace, directory: Path) -> Bench:
    return Bench(
        programs=build_programs(directory, Place(options.load_core, options.nice)),
        stage=Stage(directory, Place(options.server_core, options.nice)),
        python=options.python,
        c_tracker=options.c_tracker,
        names=options.servers,
        others=tuple(by_hand(text) for text in options.command),
        rounds=options.rounds,
        seconds=options.seconds,
        realtime=options.realtime,
        scale=options.scale,
    )


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    directory: Path = options.build_dir.resolve()
    try:
        with alone(directory):
            bench = bench_for(options, directory)
            if options.build_only:
                for ours in bench.contenders("compiled", "pure"):
                    print(shlex.join(ours.command))
            else:
                print(circumstances(options.python), end="\n\n", flush=True)
                run_rows(bench, options.rows)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
