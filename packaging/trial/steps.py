"""Steps of a trial, with the time that each took."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class TrialError(Exception):
    """The packages are not as they should be."""


class Steps:
    """The steps so far."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step, and name it in a complaint."""
        print(f"==== {name}", flush=True)
        started = time.monotonic()
        try:
            yield
        except (TrialError, subprocess.TimeoutExpired) as error:
            raise TrialError(f"{name}: {error}") from None
        self.times[name] = round(time.monotonic() - started, 2)

    def write_result(self, run: Callable[[], None], path: Path) -> int:
        """Run the steps, write their times and the fault, and return an exit status."""
        fault = ""
        try:
            run()
        except Exception as error:
            fault = str(error) if isinstance(error, TrialError) else repr(error)
            print(fault, flush=True)
        path.write_text(json.dumps({"times": self.times, "fault": fault}))
        return bool(fault)
