"""The C programs of the bench. Its Python is imported as by `run.py`: bench/ is on the path, see pyproject.toml."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.paths import LOAD
from harness.programs import PROGRAMS


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the built C programs."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    directory = tmp_path_factory.mktemp("programs")
    for name in PROGRAMS:
        command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(directory / name)]
        subprocess.run([*command, str(LOAD / f"{name}.c"), "-lm"], check=True)
    return directory
