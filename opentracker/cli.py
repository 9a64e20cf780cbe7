"""The command line: it takes options in order, as the C tracker does, and runs the requested action."""

import getopt
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from opentracker import build_info, daemon
from opentracker._features import OPTION_FLAGS
from opentracker.config import values
from opentracker.config.options import LISTENING, RUNNING, SERVING, Option
from opentracker.config.settings import Settings
from opentracker.config.values import shown
from opentracker.errors import EXIT_START, EXIT_USAGE, StartError, UsageError
from opentracker.server import wiring
from opentracker.server.system import privileges
from opentracker.server.system.log_lines import is_journal
from opentracker.server.system.log_output import LogOutput, set_up

log = logging.getLogger("opentracker")


def _check(settings: Settings, value: str) -> None:
    settings.check_only = True


GROUPS: Final = (LISTENING, SERVING, RUNNING)
_listen, _serve, _run = (partial(Option, group) for group in GROUPS)
OWN: Final = (
    _listen("i", "ip", values.listen_address, "bind the sockets that follow to this address (default: any)"),
    _listen("p", "port", values.tcp_port, "bind a TCP port now; may be repeated (default: 6969)"),
    _listen("P", "port", values.udp_port, "bind a UDP port now; may be repeated (default: 6969)"),
    _serve("r", "url", values.redirect_url, "where / is redirected to (default: nowhere)"),
    _serve(
        "A",
        "ip[/bits]",
        values.may_all_but_proxy,
        "give an address or a network every permission but a proxy's",
    ),
    _run("f", "file", wiring.CONFIG.load, "read a config file now; see opentracker.conf(5)"),
    _run("d", "dir", values.directory, "work in this directory; as root make it the root (default: .)"),
    _run("u", "user", values.user, "become this user when started as root (default: nobody)"),
    _run("q", "", values.quiet, "log warnings and errors alone (--quiet); --verbose logs every step"),
    _run("t", "", _check, "check options and files, tell what would be bound and loaded, and exit"),
)
# Group by group, the options of the tracker before those of its features.
OPTIONS: Final = sorted(
    [*OWN, *(option for feature in wiring.FEATURES for option in feature.options)],
    key=lambda option: GROUPS.index(option.group),
)
BY_LETTER: Final = {"-" + option.letter: option for option in OPTIONS}
LONG: Final = {"--quiet": values.quiet, "--verbose": values.verbose}
LONG_OPTIONS: Final = ("version", "json", "help", *(name.removeprefix("--") for name in LONG))


def usage() -> str:
    """The help text."""
    short = " ".join(f"[-{each.letter}{' ' * bool(each.argument)}{each.argument}]" for each in OPTIONS)
    lines = [f"Usage: opentracker {short} [-v] [-h]"]
    for group in GROUPS:
        lines += ["", f"{group}:"]
        lines += [
            f"  -{option.letter} {option.argument:10} {option.text}"
            for option in OPTIONS
            if option.group == group
        ]
    lines += [
        "",
        "About this program:",
        "  -v, --version  tell what this build is, and exit; with --json for programs",
        "  -h, --help     this text",
        "",
        "Options are taken in order: -i 10.0.0.1 -p 80 -i 10.0.0.2 -p 80 binds port 80 on both addresses,",
        "and what stands behind -f overrides the file or adds to it.",
        "Clients announce to http://HOST:6969/announce and udp://HOST:6969/announce.",
    ]
    return "\n".join(lines)


def parse(arguments: list[str], settings: Settings | None = None) -> Settings | str:
    """The settings, or the text to print for -h and -v; it begins with `settings`, if given. Raises UsageError."""
    letters = "".join(option.letter + (":" if option.argument else "") for option in OPTIONS)
    try:
        found, rest = getopt.getopt(arguments, letters + "vh", list(LONG_OPTIONS))
    except getopt.GetoptError as error:
        if error.opt in OPTION_FLAGS and error.opt not in letters:
            raise UsageError(f"option -{error.opt}: {build_info.lacking(OPTION_FLAGS[error.opt])}") from error
        raise UsageError(shown(error.msg)) from error
    if rest:
        raise UsageError(f"unexpected argument: {shown(rest[0])}")
    settings = settings or Settings()
    names = [name for name, _ in found]
    if "-h" in names or "--help" in names:
        return usage()
    if "-v" in names or "--version" in names:
        return build_info.as_json() if "--json" in names else build_info.describe()
    for name, value in found:
        if name == "--json":
            raise UsageError("--json goes with --version")
        try:
            (LONG[name] if name in LONG else BY_LETTER[name].action)(settings, value)
        except ValueError as error:
            raise UsageError(f"{name} '{shown(value)}': {shown(str(error))}") from error
        settings.taken.append(shown(f"{name} {value}".rstrip()))
    return settings


def reread(first: Settings, arguments: list[str], verbose: bool) -> Settings:
    """The new settings of a running tracker, from the same options and the current config files. Raises UsageError."""
    again = Settings(origin=first.origin, root=first.root)
    parse(arguments, again)
    if first.root is not None:
        privileges.see_from_inside(again, wiring.PATHS, first.root)
    if verbose:
        again.log_level = logging.DEBUG
    return again


def log_to(stream: TextIO | None) -> None:
    """Send the log to a stream, unless it has an output already; discard it if the stream was closed from the start."""
    if logging.getLogger().handlers:
        return
    if stream is None:
        handler: logging.Handler = logging.NullHandler()
    else:
        handler = LogOutput(stream.fileno(), is_journal(stream, os.environ))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def main(
    arguments: list[str] | None = None, serve: Callable[[Settings], int] = daemon.serve, verbose: bool = False
) -> int:
    """Run the command; returns the exit status. `serve` runs the tracker, `verbose` presets `--verbose`."""
    log_to(sys.stderr)
    settings: Settings | str | None = None
    given = sys.argv[1:] if arguments is None else arguments
    try:
        settings = parse(given)
        if isinstance(settings, str):
            daemon.show(settings)
            return 0
        with suppress(OSError):  # the directory was removed: absolute names still work
            settings.origin = Path.cwd()
        settings.reread = partial(reread, settings, given, verbose)
        if verbose:
            settings.log_level = logging.DEBUG
        set_up(settings.log_level, settings.log_format)
        return daemon.check(settings) if settings.check_only else serve(settings)
    except (UsageError, StartError) as error:
        for line in str(error).splitlines():
            print(f"opentracker: {line}", file=sys.stderr)
        if type(error) is UsageError and settings is None:
            print("opentracker: `opentracker -h` tells which options there are", file=sys.stderr)
        return EXIT_START if isinstance(error, StartError) else EXIT_USAGE
