"""The full log over several workers: networks are chosen for all, and the requests of all are read."""

import re

import pytest

from opentracker.config.settings import Settings
from opentracker.server.workers.full_log import unpacked
from opentracker.swarm.policy.permissions import MAY_STAT
from tests.server.live import HOME, packed
from tests.server.workers.crew import Crew

NET = f"/announce?lognet={HOME}"


def bless(settings: Settings) -> None:
    """Let the clients read statistics."""
    settings.permissions.bless(packed(HOME), 8 * len(packed(HOME)), MAY_STAT)


def test_entries_of_a_stream() -> None:
    assert unpacked(b"00000003abc000000011") == [b"abc", b"1"]
    assert unpacked(b"") == []


@pytest.mark.parametrize("many", [1, 2, 3])
def test_requests_to_all_workers_are_logged(many: int) -> None:
    crew = Crew(many, prepare=bless)
    crew.fetch("/nothing")
    assert crew.fetch(NET) == b"Successfully added."
    for number in range(12):  # whichever worker accepts them
        crew.fetch(f"/request{number}")
    logged = crew.fetch("/stats?mode=fulllog")
    found = [int(number) for number in re.findall(rb"GET /request(\d+) ", logged)]
    assert sorted(found) == list(range(12))
    times = [int(time) for time in re.findall(rb"^(\d{8}): ", logged, re.MULTILINE)]
    assert times == sorted(times)
    again = crew.fetch("/stats?mode=fulllog")  # reading has emptied it
    assert re.findall(rb"GET (\S+) ", again) == [b"/stats?mode=fulllog"]
    assert crew.fetch("/announce?lognet=-") == b"Successfully removed."
    crew.fetch("/stats?mode=fulllog")
    crew.fetch("/nothing")
    assert crew.fetch("/stats?mode=fulllog") == b""
    crew.close()


@pytest.mark.parametrize("many", [1, 3])
def test_a_head_request_empties_nothing(many: int) -> None:
    crew = Crew(many, prepare=bless)
    crew.fetch(NET)
    for _ in range(6):
        crew.fetch("/nothing")
    crew.fetch("/stats?mode=fulllog", head=b"HEAD")
    assert crew.fetch("/stats?mode=fulllog").count(b"GET /nothing") == 6
    crew.close()
