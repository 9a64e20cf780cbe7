"""Shared by all tests: the choice of tests that this build can run, and a check that they run the installed build.

`@pytest.mark.needs("WANT_KEEPALIVE")` skips a test in builds without that flag, `needs(WANT_V6=False)` in
builds with it. Tests of a module that belongs to a flag (features.toml, [modules]) need no mark: tests/swarm/test_x.py
is of opentracker/swarm/x.py, and is skipped where that is left out.
"""

import importlib.metadata
import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import opentracker
from opentracker._features import BUILD_RECORD

FLAGS: dict[str, bool] = json.loads(BUILD_RECORD)["flags"]
TESTS = Path(__file__).parent
MODULES: dict[str, list[str]] = tomllib.loads((TESTS.parent / "features.toml").read_text(encoding="utf-8"))[
    "modules"
]
LACKING = re.compile(r"needs a build with (.*)")

# A busy machine draws examples slowly, which is no fault of a test.
SLOW = (hypothesis.HealthCheck.too_slow,)
hypothesis.settings.register_profile("dev", deadline=None, suppress_health_check=SLOW)
hypothesis.settings.register_profile(
    "ci", deadline=None, derandomize=True, database=None, suppress_health_check=SLOW
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and refuse to test anything but an installed build."""
    config.addinivalue_line(
        "markers", "needs(flag, ..., flag=False): flags that a build has to have, or to lack"
    )
    installed = importlib.metadata.distribution("opentracker")
    tested = Path(opentracker.__file__ or "").resolve().parent
    editable = any(file.suffix == ".pth" for file in installed.files or [])
    if not editable and tested != Path(str(installed.locate_file("opentracker"))).resolve():
        raise pytest.UsageError(f"tests are for the installed package, and this would be {tested}")


class TestsOfAbsentModule(pytest.Module):
    """The tests of a module that this build leaves out: one skip, and the file is not even imported."""

    def collect(self) -> Iterator[pytest.Item]:
        """Skip, naming the flags of which any would do."""
        flags = missing_flags(tested_module(self.path))
        needed = " or ".join(f"{flag[1:]}=0" if flag.startswith("!") else f"{flag}=1" for flag in flags)
        pytest.skip(f"needs a build with {needed}", allow_module_level=True)


def tested_module(path: Path) -> str:
    """Return the module that a file of tests is of: `swarm.x` for tests/swarm/test_x.py.

    The tests of a module may be in several files, `test_x_of_y.py` beside `test_x.py`.
    """
    parts = path.relative_to(TESTS).with_suffix("").parts
    return ".".join((*parts[:-1], parts[-1].removeprefix("test_")))


def missing_flags(module: str) -> list[str]:
    """Return the flags of a module, or of a folder that it is in, of which this build has none; see features.toml."""
    for owned, flags in MODULES.items():
        is_owned = module == owned or module.startswith((f"{owned}.", f"{owned}_"))
        if is_owned and not any(FLAGS[flag.removeprefix("!")] is not flag.startswith("!") for flag in flags):
            return flags
    return []


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Leave out the tests of what is not in this build."""
    if TESTS in module_path.parents and missing_flags(tested_module(module_path)):
        return TestsOfAbsentModule.from_parent(parent, path=module_path)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs another build."""
    for marker in item.iter_markers("needs"):
        needed = {**dict.fromkeys(marker.args, True), **marker.kwargs}
        for flag, value in needed.items():
            if FLAGS[flag] is not value:
                pytest.skip(f"needs a build with {flag}={int(value)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on which build, and which flags the others need."""
    stats = terminalreporter.stats
    ran = sum(len(stats.get(outcome, [])) for outcome in ("passed", "failed"))
    skips = [str(report.longrepr) for report in stats.get("skipped", [])]
    lacking = Counter(found[1].rstrip("')") for skip in skips if (found := LACKING.search(skip)))
    reasons = (
        ", ".join(f"{count} need {flag}" for flag, count in sorted(lacking.items())) or "none needs another"
    )
    flags = " ".join(flag for flag, on in FLAGS.items() if on) or "no flag on"
    terminalreporter.write_line(f"build with {flags}: {ran} tests ran; {reasons}")
