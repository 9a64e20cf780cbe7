"""The places of the bench's files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]  # of the checkout
BENCH: Final = ROOT / "bench"
LOAD: Final = BENCH / "load"  # load generators and floors, in C
IN_WHEEL: Final = BENCH / "in_wheel"  # run by a wheel's own python
