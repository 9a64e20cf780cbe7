"""The service on the machine of a trial, and what is asked of the tracker."""

import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from trial.steps import TrialError

CONFIG: Final = Path("/etc/opentracker/opentracker.conf")
PORT: Final = 6969
PATIENCE: Final = 20.0  # seconds, for anything that the tracker is waited for
STEP: Final = 120.0  # seconds, for a command

OURS: Final = bytes(range(20))  # a torrent; also on the list of a build with a list
REDIRECT: Final = "http://redirect.example/"

DPKG: Final = {
    "install": ["apt-get", "install", "--yes", "-o", "Dpkg::Options::=--force-confold"],
    "reinstall": ["apt-get", "install", "--yes", "--reinstall", "-o", "Dpkg::Options::=--force-confold"],
    "remove": ["dpkg", "--remove"],
    "purge": ["dpkg", "--purge"],
}
RPM: Final = {
    # The tree is Debian's, and its packages are not in rpm's database.
    "install": ["rpm", "--upgrade", "--nodeps", "--replacepkgs"],
    "purge": ["rpm", "--erase", "--nodeps"],
}


def run(*command: str) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=STEP, check=False
    )
    print("$", *command, done.stdout, done.stderr, sep="\n", flush=True)
    if done.returncode:
        raise TrialError(
            f"{' '.join(command)}: status {done.returncode}: {(done.stdout + done.stderr)[-800:]}"
        )
    return done.stdout


def wait_for(condition: Callable[[], bool], complaint: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TrialError(complaint)
        time.sleep(0.1)


def expect(is_so: bool, complaint: str) -> None:
    """Complain unless something is so."""
    if not is_so:
        raise TrialError(complaint)


# ---- What is asked of the tracker ------------------------------------------------------------------------------


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect to be seen."""

    def redirect_request(self, *arguments: Any) -> None:
        """See HTTPRedirectHandler."""


OPENER: Final = urllib.request.build_opener(NoRedirect)


def get(path: str) -> tuple[int, bytes]:
    """Return status and body of a page of the tracker; status 0 while nothing listens."""
    try:
        with OPENER.open(f"http://127.0.0.1:{PORT}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def announce() -> bytes:
    """Announce a seeder of the torrent, and return the answer."""
    query = urllib.parse.urlencode(
        {"info_hash": OURS, "peer_id": b"-TRIAL-0000000000001", "port": 6889, "left": 0}
    )
    return get("/announce?" + query)[1]


def seeders() -> int:
    """Return how many seeders the torrent has."""
    body = get("/scrape?" + urllib.parse.urlencode({"info_hash": OURS}))[1]
    return int(body.partition(b"8:completei")[2].partition(b"e")[0] or 0)


def serves() -> bool:
    """Tell whether an announce is answered with peers. A refusal has an interval too."""
    answer = announce()
    return b"8:interval" in answer and b"failure reason" not in answer


def shown(name: str) -> str:
    """Return a property of the service."""
    return run("systemctl", "show", f"--property={name}", "--value", "opentracker.service").strip()


def main_pid() -> str:
    """Return the process of the service."""
    return shown("MainPID")


def is_active() -> bool:
    """Tell whether the service runs."""
    command = ["systemctl", "is-active", "--quiet", "opentracker.service"]
    return subprocess.run(command, check=False, timeout=STEP).returncode == 0
