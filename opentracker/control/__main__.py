"""The command line of `opentracker.control`."""

import argparse
import json
import os
import socket
import sys
from typing import Any, Final

DEFAULT_SOCKET: Final = "/run/opentracker/control"
VARIABLE: Final = "OPENTRACKER_CONTROL"
TIMEOUT: Final = 10.0  # seconds of an answer
FAILED: Final = 1  # exit statuses
UNREACHABLE: Final = 2
EPILOG: Final = """
commands:
  status                        what the tracker is, and what is wrong with it
  torrent HASH [peers]          counts, ages of peers in minutes, and the peers themselves
  list add|remove HASH ...      change the access list until the next reload
  list contains HASH ...        tell whether torrents are on the list
  list count                    the size of the list
  keys add KEY [DATE] ...       add keys, with their last days, until the next reload
  keys remove KEY ...           delete keys until the next reload
  keys contains KEY ...         tell whether keys are known, and their last days
  keys count                    the number of keys
  reload                        read config and lists again, as SIGHUP does
  dump                          write the state, as SIGUSR1 does
  level [debug|info|warning|error]
                                tell or set the least serious level of the log
  help                          what this tracker's build knows

exit status: 0 done, 1 refused or a wrong command, 2 no tracker answers
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    it = argparse.ArgumentParser(
        prog="opentracker.control",
        description="Give a command to a running tracker through its control socket (control.socket).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    it.add_argument(
        "-s",
        "--socket",
        default=os.environ.get(VARIABLE, DEFAULT_SOCKET),
        metavar="PATH",
        help=f"the control socket (default: ${VARIABLE}, or {DEFAULT_SOCKET})",
    )
    it.add_argument("--json", action="store_true", help="print the answer as it comes: a line of JSON")
    it.add_argument("command", nargs="+", metavar="COMMAND", help="a command and its words")
    return it


def ask(path: str, words: list[str]) -> str:
    """The line that answers a command. Raises OSError, and EOFError if there is none.

    A tracker that is upgraded may end a connection before it has read the command, which is given once more then.
    """
    try:
        return ask_once(path, words)
    except (ConnectionResetError, BrokenPipeError, EOFError):
        return ask_once(path, words)


def ask_once(path: str, words: list[str]) -> str:
    """See `ask`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect(path)
        sock.sendall(" ".join(words).encode() + b"\n")
        with sock.makefile("rb") as answers:
            line = answers.readline()
    if not line.endswith(b"\n"):
        raise EOFError("the tracker has closed the connection")
    return line.decode().rstrip("\n")


def in_words(name: str, value: Any) -> list[str]:
    """Lines for a value of an answer: `name: value`, or a line for each of several."""
    if isinstance(value, dict):
        return [f"{key}: {plain(each)}" for key, each in value.items()]
    if isinstance(value, list):
        return [f"{name}: {plain(each)}" for each in value]
    return [f"{name}: {plain(value)}"]


def plain(value: Any) -> str:
    """A value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(each)}" for key, each in value.items())
    return "none" if value is None else str(value)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    if any("\n" in word for word in options.command):
        print("opentracker.control: a command is one line", file=sys.stderr)
        return FAILED
    try:
        line = ask(options.socket, options.command)
        answer = json.loads(line)
    except (OSError, EOFError, ValueError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        print(f"opentracker.control: {options.socket}: {reason}", file=sys.stderr)
        return UNREACHABLE
    is_done = answer.pop("ok", False)
    if options.json:
        print(line)
    elif not is_done:
        print(f"opentracker.control: {answer.get('error')}", file=sys.stderr)
    else:
        for name, value in answer.items():
            print("\n".join(in_words(name, value)))
    return 0 if is_done else FAILED


if __name__ == "__main__":
    sys.exit(main())
