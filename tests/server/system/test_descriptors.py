"""The limit to descriptors."""

import resource
import subprocess
import sys

import pytest

from opentracker.server.system import descriptors

RAISE = """
import logging, resource, sys
from opentracker.server.system import descriptors

logging.basicConfig(level=logging.DEBUG, format="%(message)s", stream=sys.stdout)
resource.setrlimit(resource.RLIMIT_NOFILE, (40, int(sys.argv[1])))
descriptors.raise_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("hard", "lines"),
    [
        (100, ["100 descriptors at most (the limit was 40)", "(100, 100)"]),
        (40, ["40 descriptors at most", "(40, 40)"]),
    ],
)
def test_the_soft_limit_becomes_the_hard_one(hard: int, lines: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", RAISE, str(hard)], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == lines


def test_no_limit_in_words() -> None:
    assert descriptors.describe(resource.RLIM_INFINITY) == "any number of"
    assert descriptors.describe(1024) == "1024"
