from collections.abc import Iterator

import pytest

from opentracker._features import OT_CLEAN_CYCLE, WANT_V4_ONLY
from opentracker.features.statistics.woodpeckers import SOON
from tests.features.stats import live_with, text
from tests.protocol.http_cases import announce
from tests.server.live import Endpoint, Live
from tests.server.marks import needs_ipv4

CAPTION = "/24" if WANT_V4_ONLY else "/24 and /48"
Asked = tuple[Live, Endpoint]


@pytest.fixture
def asked() -> Iterator[Asked]:
    live, to = live_with()
    yield live, to
    live.close()


def minutes_pass(live: Live, minutes: int) -> None:
    live.clock.seconds += minutes * 60  # the clean cycle's halving comes with the next turn
    live.iterate()
    live.until(lambda: not live.work, "the work")


@needs_ipv4
def test_networks_whose_peers_come_too_often(asked: Asked) -> None:
    live, to = asked
    for _ in range(5):
        live.ask(to, announce(7000))  # the first one is a newcomer
    assert text(live, to, "mode=woodpeckers") == f"Networks, limit {CAPTION}:\n00000004: 127.0.0.0\n\n"


@needs_ipv4
@pytest.mark.parametrize(("minutes", "seen"), [(SOON - 1, 1), (SOON, 0)])
def test_how_soon_is_too_soon(asked: Asked, minutes: int, seen: int) -> None:
    live, to = asked
    live.ask(to, announce(7000))
    minutes_pass(live, minutes)
    live.ask(to, announce(7000))
    assert text(live, to, "mode=woodpeckers").count("00000001: 127.0.0.0") == seen


@needs_ipv4
def test_who_has_completed_may_say_so(asked: Asked) -> None:
    live, to = asked
    live.ask(to, announce(7000))
    live.ask(to, announce(7000, 0, b"&event=completed"))
    assert text(live, to, "mode=woodpeckers") == f"Networks, limit {CAPTION}:\n\n"


@needs_ipv4
def test_counts_are_halved_each_clean_cycle(asked: Asked) -> None:
    live, to = asked
    for _ in range(8):
        live.ask(to, announce(7000))
    shown = []
    for _ in range(4):
        shown.append(text(live, to, "mode=woodpeckers").splitlines()[1:-1])
        minutes_pass(live, OT_CLEAN_CYCLE)
    assert shown == [["00000007: 127.0.0.0"], ["00000003: 127.0.0.0"], ["00000001: 127.0.0.0"], []]
