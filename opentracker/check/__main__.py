"""The command line of `opentracker.check`."""

import argparse
import hashlib
import re
import secrets
import sys
from typing import Final, NoReturn

from opentracker.check import report
from opentracker.check.exchange import Outcome, addresses, check_address
from opentracker.check.messages import Peer
from opentracker.check.target import Target, parse_target
from opentracker.errors import CheckError

# The same in every check, so that a tracker does not keep a torrent for each check.
INFO_HASH: Final = hashlib.sha1(b"opentracker.check", usedforsecurity=False).hexdigest()
PEER_ID: Final = b"-OC0001-"
EPILOG: Final = """
The peer that is announced is a leecher, and leaves again. Of each address family that the name of a tracker has, the
first address is checked.

exit status: 0 all well, 1 one family fails or a step is slow, 2 a tracker fails, 3 a wrong command line
"""


class Parser(argparse.ArgumentParser):
    """Exits with the status that monitoring systems take as unknown."""

    def error(self, message: str) -> NoReturn:
        """Print the error, and exit."""
        self.exit(report.UNKNOWN, f"{report.WORDS[report.UNKNOWN]} {message} (--help tells more)\n")


def target(text: str) -> Target:
    """A tracker's URL."""
    try:
        return parse_target(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def info_hash(text: str) -> bytes:
    """40 hexadecimal digits."""
    if not re.fullmatch(r"[0-9A-Fa-f]{40}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected 40 hexadecimal digits")
    return bytes.fromhex(text)


def seconds(text: str) -> float:
    """A time over 0, of an hour at most."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not 0 < float(text) <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds over 0")
    return float(text)


def parser() -> argparse.ArgumentParser:
    """The options."""
    it = Parser(
        prog="opentracker.check",
        description="Ask trackers what a client asks them, and tell how that went: a line for each.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    it.add_argument(
        "trackers",
        nargs="+",
        type=target,
        metavar="URL",
        help="udp://HOST:PORT/announce, or the URL of an announce over http or https",
    )
    it.add_argument(
        "--info-hash",
        type=info_hash,
        default=INFO_HASH,
        metavar="HEX",
        help="the torrent, for a tracker that serves listed torrents only (default: %(default)s)",
    )
    it.add_argument(
        "--port", type=int, default=6881, metavar="N", help="the peer's port (default: %(default)s)"
    )
    it.add_argument(
        "--timeout",
        type=seconds,
        default=5.0,
        metavar="SECONDS",
        help="time limit of each step (default: %(default)s)",
    )
    it.add_argument(
        "--slow", type=seconds, default=3600.0, metavar="SECONDS", help="warn of a step that takes longer"
    )
    family = it.add_mutually_exclusive_group()
    family.add_argument("-4", dest="families", action="store_const", const=[4], help="check IPv4 alone")
    family.add_argument("-6", dest="families", action="store_const", const=[6], help="check IPv6 alone")
    it.add_argument("--json", action="store_true", help="a line of JSON for each tracker")
    return it


def check(tracker: Target, families: list[int], peer: Peer, timeout: float) -> list[Outcome]:
    """The outcome over each family."""
    try:
        return [
            check_address(tracker, family, address, peer, timeout)
            for family, address in addresses(tracker, families)
        ]
    except CheckError as error:
        return [Outcome(0, "", error=str(error))]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    peer = Peer(
        options.info_hash, PEER_ID + secrets.token_bytes(12), options.port & 0xFFFF, secrets.randbits(32)
    )
    worst = report.OK
    for tracker in options.trackers:
        outcomes = check(tracker, options.families or [4, 6], peer, options.timeout)
        status = report.status_of(outcomes, options.slow)
        write = report.as_json if options.json else report.line
        print(write(tracker.url, outcomes, status), flush=True)
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    sys.exit(main())
