import subprocess
import sys

from harness.paths import BENCH


def test_the_command_tells_what_it_takes() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH / "soak"), "--help"], capture_output=True, text=True, check=True
    )
    assert "--minutes" in done.stdout
    assert "SIGKILL" in done.stdout
