"""The command line: options in order, as the C tracker takes them, and what was asked for done."""

import getopt
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from opentracker import build_info, daemon
from opentracker._features import (
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.errors import EXIT_START, EXIT_USAGE, StartError, UsageError
from opentracker.protocol.addresses import parse_ip
from opentracker.server.settings import Bind, Settings

log = logging.getLogger("opentracker")

HIGHEST_PORT: Final = 65535


def _address(settings: Settings, value: str) -> None:
    try:
        address = parse_ip(value)
    except ValueError as error:
        raise UsageError(f"-i: {error}") from error
    if WANT_V4_ONLY and len(address) == 16:
        raise UsageError(f"-i {value}: this build serves IPv4 only (WANT_V4_ONLY)")
    if WANT_V6 and len(address) == 4:
        raise UsageError(f"-i {value}: this build serves IPv6 only (WANT_V6)")
    settings.last_address = address


def _port(option: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= HIGHEST_PORT):
        raise UsageError(f"{option} {value}: expected a port, 0 to {HIGHEST_PORT}")
    return int(value)


def _tcp_port(settings: Settings, value: str) -> None:
    settings.binds.append(Bind(False, settings.last_address, _port("-p", value)))


def _udp_port(settings: Settings, value: str) -> None:
    settings.binds.append(Bind(True, settings.last_address, _port("-P", value)))


def _redirect(settings: Settings, value: str) -> None:
    if not value.isascii() or not value.isprintable() or " " in value or not value:
        raise UsageError(f"-r {value!r}: expected a URL of printable ASCII without spaces")
    settings.redirect_url = value


def _directory(settings: Settings, value: str) -> None:
    settings.directory = Path(value)


def _accesslist(settings: Settings, value: str) -> None:
    settings.accesslist = Path(value)


def _check(settings: Settings, value: str) -> None:
    settings.check_only = True


class Option:
    """One option: its letter, the name of its argument (empty: none), what it does, and its line in the help."""

    def __init__(
        self, letter: str, argument: str, action: Callable[[Settings, str], None], text: str
    ) -> None:
        self.letter = letter
        self.argument = argument
        self.action = action
        self.text = text


OPTIONS: Final = [
    Option("i", "ip", _address, "bind the sockets that follow to this address (default: any)"),
    Option("p", "port", _tcp_port, "bind a TCP port now; may be repeated (default: 6969)"),
    Option("P", "port", _udp_port, "bind a UDP port now; may be repeated (default: 6969)"),
    Option("r", "url", _redirect, "where / is redirected to (default: nowhere)"),
    Option("d", "dir", _directory, "change to this directory (default: .)"),
]
if WANT_ACCESSLIST_BLACK:
    OPTIONS.append(Option("b", "file", _accesslist, "refuse the torrents listed in this file"))
if WANT_ACCESSLIST_WHITE:
    OPTIONS.append(Option("w", "file", _accesslist, "serve only the torrents listed in this file"))
OPTIONS.append(Option("t", "", _check, "check options and files, tell what would be bound, and exit"))

BY_LETTER: Final = {"-" + option.letter: option for option in OPTIONS}


def usage() -> str:
    """The help text."""
    short = " ".join(f"[-{each.letter}{' ' * bool(each.argument)}{each.argument}]" for each in OPTIONS)
    lines = [f"Usage: opentracker {short} [-v] [-h]", ""]
    for option in OPTIONS:
        lines.append(f"  -{option.letter} {option.argument:8} {option.text}")
    lines += [
        "  -v, --version  tell what this build is, and exit; with --json for programs",
        "  -h, --help     this text",
        "",
        "Options are taken in order: -i 10.0.0.1 -p 80 -i 10.0.0.2 -p 80 binds port 80 on both addresses.",
        "Clients announce to http://HOST:6969/announce and udp://HOST:6969/announce.",
    ]
    return "\n".join(lines)


def parse(arguments: list[str]) -> Settings | str:
    """Settings, or the text to print where one was asked for. Raises UsageError."""
    letters = "".join(option.letter + (":" if option.argument else "") for option in OPTIONS)
    try:
        found, rest = getopt.getopt(arguments, letters + "vh", ["version", "json", "help"])
    except getopt.GetoptError as error:
        raise UsageError(error.msg) from error
    if rest:
        raise UsageError(f"unexpected argument: {rest[0]}")
    settings = Settings()
    names = [name for name, _ in found]
    if "-h" in names or "--help" in names:
        return usage()
    if "-v" in names or "--version" in names:
        return build_info.as_json() if "--json" in names else build_info.describe()
    for name, value in found:
        if name == "--json":
            raise UsageError("--json goes with --version")
        BY_LETTER[name].action(settings, value)
    return settings


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    logging.basicConfig(format="opentracker: %(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        settings = parse(sys.argv[1:] if arguments is None else arguments)
        if isinstance(settings, str):
            daemon.show(settings)
            return 0
        return daemon.check(settings) if settings.check_only else daemon.serve(settings)
    except UsageError as error:
        print(f"opentracker: {error}\n\n{usage()}", file=sys.stderr)
        return EXIT_USAGE
    except StartError as error:
        print(f"opentracker: {error}", file=sys.stderr)
        return EXIT_START
