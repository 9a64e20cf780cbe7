"""Try packages on the machine that this runs on: install, start, announce, reload, upgrade, switch, purge.

It runs in a throwaway tree that has the packages' dependencies and no more.
"""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from trial import handover
from trial.service import (
    CONFIG,
    DPKG,
    OURS,
    PORT,
    REDIRECT,
    RPM,
    STEP,
    expect,
    get,
    is_active,
    main_pid,
    run,
    seeders,
    serves,
    wait_for,
)
from trial.steps import Steps

LIST: Final = Path("/etc/opentracker/list.txt")
MANAGERS: Final = {"dpkg": DPKG, "rpm": RPM}


class Trial(Steps):
    """The steps of packages."""

    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__()
        self.plan = plan
        self.manager = MANAGERS[plan["manager"]]

    def install(self, packages: list[str]) -> None:
        """Install package files, and wait until the tracker answers."""
        run(*self.manager["install"], *packages)
        if not is_active():  # rpm starts nothing; it restarts what runs
            run("systemctl", "start", "opentracker.service")
        wait_for(lambda: is_active() and get("/health")[0] == 200, "the service does not answer")

    def ask(self, record: dict[str, Any]) -> None:
        """Compare what the installed tracker says of itself with what was asked for."""
        told = json.loads(run("opentracker", "--version", "--json"))
        for name, value in record.items():
            expect(told[name] == value, f"{name} is {told[name]}, not {value}")

    def announce(self) -> None:
        """Announce with the checker over both protocols; a tracker with an empty whitelist has to refuse."""
        urls = [f"{scheme}://127.0.0.1:{PORT}/announce" for scheme in ("udp", "http")]
        checked = ["opentracker.check", "--info-hash", OURS.hex(), *urls]
        if key := self.plan["list"]:
            self.change_list("# nothing is listed")
            CONFIG.write_text(f"{CONFIG.read_text()}{key} {LIST}\n")
            run("systemctl", "restart", "opentracker.service")
        if self.plan["list"] == "access.whitelist":
            done = subprocess.run(checked, capture_output=True, check=False, timeout=STEP)
            expect(done.returncode != 0, "a torrent on no whitelist was served")
        else:
            run(*checked)

    def change_list(self, line: str) -> None:
        """Write the access list beside the one in use, and put it in its place."""
        new = LIST.with_suffix(".new")
        new.write_text(line + "\n")
        new.rename(LIST)

    def reload(self) -> None:
        """Edit the config file and the list, reload, and see both in force."""
        expect(get("/")[0] != 302, "there is a redirect before it was configured")
        pid = main_pid()
        CONFIG.write_text(f"{CONFIG.read_text()}tracker.redirect_url {REDIRECT}\n")
        if self.plan["list"]:
            self.change_list(OURS.hex())
        run("systemctl", "reload", "opentracker.service")
        wait_for(lambda: get("/")[0] == 302, "the edited config file is not in force")
        if self.plan["list"] == "access.blacklist":
            wait_for(lambda: not serves(), "a listed torrent is served")
            self.change_list("# nothing is listed")
            run("systemctl", "reload", "opentracker.service")
        wait_for(serves, "the torrent is refused")
        expect(main_pid() == pid, "the reload was a restart")

    def upgrade(self) -> None:
        """Install the next version: config and state stay, and another process serves."""
        config, pid = CONFIG.read_bytes(), main_pid()
        expect(seeders() == 1, "the announced seeder is not counted")
        self.install(self.plan["packages"])
        expect(main_pid() != pid, "the old process still runs")
        expect(CONFIG.read_bytes() == config, "the edited config file was changed")
        expect(seeders() == 1, "the state was lost")

    def hand_over(self) -> None:
        """Hand the tracker over to the installed version, by signals and by the packages themselves."""
        for workers in (1, 2):
            handover.try_all(workers)
        if "reinstall" in self.manager:
            handover.reinstall(self.manager["reinstall"], self.plan["packages"])

    def switch(self) -> None:
        """Install another variant in place of this one."""
        if self.plan["list"]:  # its key is of this variant alone
            CONFIG.write_text(f"tracker.redirect_url {REDIRECT}\n")
        config = CONFIG.read_bytes()
        if self.plan["manager"] == "rpm":  # nothing but dnf removes one and installs the other at once
            run(*self.manager["purge"], *self.plan["before_switch"])
            CONFIG.with_name(CONFIG.name + ".rpmsave").rename(CONFIG)
        self.install(self.plan["other"]["packages"])
        self.ask(self.plan["other"]["record"])
        expect(CONFIG.read_bytes() == config, "the edited config file was changed")
        expect(get("/")[0] == 302, "the config file is not in force")

    def purge(self) -> None:
        """Remove everything, and look for what is left."""
        names = self.plan["names"]
        LIST.unlink(missing_ok=True)  # of the operator, and no package's to remove
        if "remove" in self.manager:
            run(*self.manager["remove"], *names)
            expect(CONFIG.is_file(), "removing took the config file")
        run(*self.manager["purge"], *names)
        expect(not is_active(), "the service still runs")
        left = [path for path in map(Path, self.plan["gone"]) if path.exists()]
        left += Path("/usr/lib").glob("python3*/*-packages/opentracker*")
        expect(not left, f"left behind: {', '.join(map(str, left))}")

    def run(self) -> None:
        """Run all steps."""
        with self.step("install"):
            self.install(self.plan["before"])
        with self.step("version"):
            self.ask(self.plan["record"])
        with self.step("announce"):
            self.announce()
        with self.step("reload"):
            self.reload()
        with self.step("upgrade"):
            self.upgrade()
        with self.step("upgrade without a stop"):
            self.hand_over()
        if self.plan["other"]:
            with self.step("switch"):
                self.switch()
        with self.step("purge"):
            self.purge()
