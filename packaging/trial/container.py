"""Try an image: start it without rights, ask, check its health, announce, reload, upgrade, end.

`python3 -m trial.container PLAN`, in a network namespace of its own; the containers share it. crun runs them.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from trial.service import OURS, PATIENCE, REDIRECT, expect, get, run, seeders, serves, wait_for
from trial.steps import Steps, TrialError

USER: Final = 6969
CRUN: Final = ("crun", "--cgroup-manager=disabled")


class Container:
    """A container of an image, with a read-only root and no rights."""

    def __init__(self, plan: dict[str, Any], name: str) -> None:
        self.name = f"opentracker-{plan['name']}-{name}"
        self.bundle = Path(plan["folder"]) / name
        self.bundle.mkdir()
        (self.bundle / "config.json").write_text(json.dumps(self.spec(plan)))
        with (self.bundle / "log").open("wb") as log:
            command = [*CRUN, "run", "--bundle", str(self.bundle), self.name]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: get("/health")[0] == 200, f"the container does not answer, see {self.bundle}/log")

    def spec(self, plan: dict[str, Any]) -> dict[str, Any]:
        """Return the configuration of the container: what the image says, and what takes rights away."""
        run(*CRUN, "spec", "--bundle", str(self.bundle))
        path = self.bundle / "config.json"
        spec: dict[str, Any] = json.loads(path.read_text())
        path.unlink()
        process = spec["process"]
        process |= {"terminal": False, "noNewPrivileges": True, "cwd": "/data"}
        process |= {
            "user": {"uid": USER, "gid": USER},
            "args": plan["entrypoint"],
            "env": plan["environment"],
        }
        process["capabilities"] = {kind: [] for kind in process["capabilities"]}
        spec["root"] = {"path": plan["root"], "readonly": True}
        spec["mounts"] = [mount for mount in spec["mounts"] if mount["type"] != "cgroup"]
        for target, source in plan["mounts"].items():
            options = ["rbind", "rw" if target == "/data" else "ro"]
            spec["mounts"].append(
                {"destination": target, "type": "bind", "source": source, "options": options}
            )
        linux = spec["linux"]
        linux["namespaces"] = [
            each for each in linux["namespaces"] if each["type"] not in ("network", "cgroup")
        ]
        for unused in ("resources", "cgroupsPath"):
            linux.pop(unused, None)
        return spec

    def execute(self, *command: str) -> str:
        """Run a command in the container."""
        return run(*CRUN, "exec", self.name, *command)

    def signal(self, name: str) -> None:
        """Send a signal to the tracker."""
        run(*CRUN, "kill", self.name, name)

    def stop(self) -> None:
        """End the container as engines do, and expect a clean end."""
        self.signal("TERM")
        status = self.process.wait(PATIENCE)
        expect(status == 0, f"the container ended with status {status}")

    def kill(self) -> None:
        """End the container, however it is."""
        subprocess.run(
            [*CRUN, "delete", "--force", self.name], capture_output=True, check=False, timeout=PATIENCE
        )
        self.process.wait(PATIENCE)


class ImageTrial(Steps):
    """The steps of an image."""

    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__()
        self.plan = plan
        self.config = Path(plan["mounts"]["/etc/opentracker/opentracker.conf"])
        self.list = Path(plan["mounts"]["/etc/opentracker/list.txt"])

    def ask(self, container: Container) -> None:
        """Compare what the tracker says of itself with what was asked for."""
        told = json.loads(container.execute("opentracker", "--version", "--json"))
        for name, value in self.plan["record"].items():
            expect(told[name] == value, f"{name} is {told[name]}, not {value}")

    def rights(self, container: Container) -> None:
        """Look at the process: no root, no capabilities, nothing to write to but /data."""
        status = dict(
            line.split(":\t", 1) for line in container.execute("cat", "/proc/1/status").splitlines()
        )
        expect(status["Uid"].split()[0] == str(USER), f"the user is {status['Uid']}")
        expect(int(status["CapEff"], 16) == 0, f"there are capabilities: {status['CapEff']}")
        expect(status["NoNewPrivs"] == "1", "new privileges are possible")
        try:
            container.execute("sh", "-c", "echo > /opt/opentracker/x")
        except TrialError:
            return
        raise TrialError("the root file system can be written to")

    def reload(self, container: Container) -> None:
        """Edit the config file and the list, send SIGHUP, and see both in force."""
        self.config.write_text(f"{self.config.read_text()}tracker.redirect_url {REDIRECT}\n")
        if key := self.plan["list"]:
            expect(serves() == (key == "access.blacklist"), "the empty list is not in force")
            self.list.write_text(f"{OURS.hex()}\n")
        container.signal("HUP")
        wait_for(lambda: get("/")[0] == 302, "the edited config file is not in force")
        listed = self.plan["list"] != "access.blacklist"
        wait_for(lambda: serves() == listed, "the list is not in force")
        if not listed:
            self.list.write_text("# nothing is listed\n")
            container.signal("HUP")
        wait_for(serves, "the torrent is refused")

    def run(self) -> None:
        """Run all steps."""
        with self.step("start"):
            container = Container(self.plan, "first")
        try:
            with self.step("version"):
                self.ask(container)
            with self.step("rights"):
                self.rights(container)
            with self.step("reload"):
                self.reload(container)
            with self.step("health check"):
                container.execute(*self.plan["healthcheck"])
            with self.step("upgrade"):
                expect(seeders() == 1, "the announced seeder is not counted")
                container.stop()
                container = Container(self.plan, "second")
                expect(seeders() == 1, "the state was lost")
            with self.step("end"):
                container.stop()
        finally:
            container.kill()


def main() -> int:
    """Run the plan of the file that is named, and write the result beside it."""
    path = Path(sys.argv[1])
    run("ip", "link", "set", "lo", "up")
    trial = ImageTrial(json.loads(path.read_text()))
    return trial.write_result(trial.run, path.with_name("result.json"))


if __name__ == "__main__":
    sys.exit(main())
