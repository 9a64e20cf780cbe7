"""`python hatch_build.py`: the tree's own _features.py."""

import subprocess
import sys
from pathlib import Path

from tests.build.workshop import clean_environment


def test_the_script_needs_nothing_but_the_standard_library(project: Path) -> None:
    # -S: without site-packages.
    command = [sys.executable, "-S", "hatch_build.py"]
    environment = clean_environment(OPENTRACKER_PROFILE="ipv6", WANT_COMPILED="1")
    process = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=True
    )
    assert process.stdout == "minitracker/_features.py: profile ipv6, WANT_V6 WANT_GREETING\n"
    assert process.stderr == "note: WANT_COMPILED=1 has no effect on a tree that is worked on\n"
    assert "WANT_V6: Final = True" in (project / "minitracker" / "_features.py").read_text()
    environment = clean_environment(WANT_V6="2")
    process = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stderr) == (1, "error: WANT_V6=2 (environment): a flag is 0 or 1\n")
