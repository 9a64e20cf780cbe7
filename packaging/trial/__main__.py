"""A trial: systemd runs `python3 -m trial` as root in a throwaway tree. It reads plan.json and writes result.json.

It needs nothing but the standard library, since the tree has nothing else.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from trial.migration import Migration
from trial.run import Trial
from trial.service import STEP

HERE: Final = Path(__file__).resolve().parent
TRIALS: Final[dict[str, Callable[[dict[str, Any]], Trial | Migration]]] = {
    "packages": Trial,
    "migration": Migration,
}


def main() -> int:
    """Carry out the plan, and write its result."""
    plan = json.loads((HERE / "plan.json").read_text())
    trial = TRIALS[plan["trial"]](plan)
    status = trial.write_result(trial.run, HERE / "result.json")
    if status:
        subprocess.run(["journalctl", "--no-pager", "-u", "opentracker"], check=False, timeout=STEP)
    return status


if __name__ == "__main__":
    sys.exit(main())
