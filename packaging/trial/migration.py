"""Try to move from Debian's package of the tracker in C, with its config file, and back."""

from pathlib import Path
from typing import Any, Final

from trial.service import CONFIG, DPKG, OURS, expect, get, is_active, run, serves, wait_for
from trial.steps import Steps

THEIRS: Final = "opentracker"
WHITELIST: Final = Path("/etc/opentracker/whitelist.txt")
ADDER: Final = Path("/run/opentracker/adder.fifo")
# A keyword of Debian's own file, which is to be the operator's here.
EDIT: Final = "tracker.redirect_url http://redirect.example/\n"


class Migration(Steps):
    """The steps there and back."""

    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__()
        self.plan = plan

    def run(self) -> None:
        """Run all steps."""
        with self.step("the tracker in C"):
            run(*DPKG["install"], THEIRS)
            CONFIG.write_text(CONFIG.read_text() + EDIT)
            wait_for(is_active, "the tracker in C does not run")
        config = CONFIG.read_bytes()
        with self.step("install over it"):
            run(*DPKG["install"], *self.plan["packages"])
            wait_for(lambda: get("/health")[0] == 200, "the service does not answer")
            expect(CONFIG.read_bytes() == config, "the edited config file was changed")
            expect(get("/")[0] == 302, "the config file is not in force")
        with self.step("its FIFO"):
            expect(not serves(), "a torrent on no whitelist is served")
            with ADDER.open("wb") as fifo:
                fifo.write(OURS.hex().encode() + b"\n")
            wait_for(serves, "a torrent from the FIFO is refused")
        with self.step("its whitelist"):
            WHITELIST.write_text(OURS.hex() + "\n")
            run("systemctl", "reload", "opentracker.service")
            wait_for(serves, "a torrent on the whitelist is refused")
        with self.step("back"):
            run(*DPKG["install"], THEIRS)
            wait_for(is_active, "the tracker in C does not run")
            expect(CONFIG.read_bytes() == config, "the edited config file was changed")
            expect(not Path("/usr/bin/opentracker.check").exists(), "the package is still there")
