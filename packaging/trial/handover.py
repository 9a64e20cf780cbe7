"""Try upgrades without a stop (`tracker.upgrade`): a signal, a reload of the unit, a version that does not start."""

import threading
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trial.service import (
    CONFIG,
    OURS,
    expect,
    get,
    is_active,
    main_pid,
    run,
    seeders,
    serves,
    shown,
    wait_for,
)

SIGNAL: Final = ("systemctl", "kill", "--kill-whom=main", "--signal=SIGUSR2", "opentracker.service")
RELOAD: Final = ("systemctl", "reload", "opentracker.service")
SCRAPE: Final = "/scrape?" + urllib.parse.urlencode({"info_hash": OURS})
PLACE: Final = Path("/etc/systemd/system/opentracker.service.d/upgrade.conf")
# Small systems have no /bin/kill; every shell has the builtin.
DROP_IN: Final = """\
[Service]
WatchdogSec=4
ExecReload=
ExecReload=/bin/sh -c 'kill -USR2 $MAINPID'
"""
ALIVE: Final = "WatchdogTimestampMonotonic"
FAILED: Final = "The upgrade has failed"


@contextmanager
def asked() -> Iterator[None]:
    """Ask the tracker all the time; each request is answered."""
    is_over = threading.Event()
    statuses: list[int] = []

    def ask() -> None:
        while not is_over.is_set():
            statuses.append(get(SCRAPE)[0])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        is_over.set()
        asking.join()
    lost = len(statuses) - statuses.count(200)
    expect(lost == 0, f"{lost} of {len(statuses)} requests were not answered")
    print(f"{len(statuses)} requests were answered", flush=True)


def hand_over(order: Callable[[], object]) -> None:
    """Give an order, and see another process serve, with nothing lost, as the main process of the unit."""
    pid = main_pid()
    with asked():
        order()
        wait_for(lambda: main_pid() not in (pid, "0"), "no other process took over")
    wait_for(lambda: not Path("/proc", pid).exists(), "the old process still runs")
    expect(is_active(), "the service does not run")
    expect(shown("NRestarts") == "0", "systemd has restarted the service")
    expect(seeders() == 1, "the announced seeder is lost")
    expect(serves(), "the torrent is refused")
    alive = shown(ALIVE)
    wait_for(lambda: shown(ALIVE) != alive, "the watchdog hears nothing of the new process")


def try_all(workers: int) -> None:
    """Try all kinds of upgrades of a tracker with this number of workers; its config is as it was afterwards."""
    before = CONFIG.read_text()
    config = f"{before}tracker.upgrade yes\nlisten.workers {workers}\n"
    start(config, DROP_IN)
    expect(serves(), "the torrent is refused")
    hand_over(lambda: run(*SIGNAL))
    hand_over(lambda: run(*RELOAD))
    fail(f"{config}no.such.key 1\n")
    CONFIG.write_text(config)
    hand_over(lambda: run(*SIGNAL))
    start(before)
    expect(seeders() == 1, "the state was lost")


def start(config: str, drop_in: str = "") -> None:
    """Start the service with another config, and with a drop-in of its unit."""
    CONFIG.write_text(config)
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_text(drop_in)
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "opentracker.service")
    wait_for(lambda: get("/health")[0] == 200, "the service does not answer")


def fail(config: str) -> None:
    """Order an upgrade to a version that does not start: the running one serves on."""
    pid = main_pid()
    CONFIG.write_text(config)
    with asked():
        run(*SIGNAL)
        wait_for(lambda: shown("StatusText") == FAILED, "the status does not tell of the failure")
    expect(main_pid() == pid, "another process serves")
    expect(is_active() and seeders() == 1, "the running version does not serve on")


def reinstall(install: Sequence[str], packages: Sequence[str]) -> None:
    """Install packages over themselves: a tracker with `tracker.upgrade` hands over instead of being restarted."""
    before = CONFIG.read_text()
    start(f"{before}tracker.upgrade yes\n", DROP_IN)
    expect(serves(), "the torrent is refused")
    hand_over(lambda: run(*install, *packages))
    start(before)
