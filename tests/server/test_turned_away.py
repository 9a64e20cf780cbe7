"""Lines about what was turned away: one a minute for each kind, while it goes on."""

from pathlib import Path

import pytest

from opentracker._features import WANT_MAX_PEER
from opentracker.config.settings import Sections, Settings
from opentracker.server.turned_away import INTERVAL, KINDS, TurnedAway
from opentracker.swarm.counting.core_metrics import COUNTERS, OF_LIMITS, OF_STATUSES
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import LOST
from tests.server.live import Live, announce_packet

if WANT_MAX_PEER:
    from opentracker.server.limits import LimitSettings


def test_each_kind_is_a_line_with_its_number_and_silence_is_none(caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()
    counters.bring(OF_LIMITS)
    look = TurnedAway(counters).look
    look()
    assert caplog.messages == []
    there = {name: text for name, text in KINDS.items() if name in counters.values()}
    for name in there:
        count = counters.counts.get(name)
        if count is None:
            setattr(counters, name, 7)
        else:
            count.value = 7
    look()
    assert caplog.messages == [f"in the last minute 7 {text}" for text in there.values()]
    caplog.clear()
    look()
    assert caplog.messages == []
    counters.refused_peers += 3
    look()
    assert caplog.messages == ["in the last minute 3 peers were not taken in: limits.peers is reached"]


def test_every_limit_has_its_line_and_so_has_every_loss() -> None:
    rows = [*OF_LIMITS, *(row for row in COUNTERS if row.group == LOST)]
    assert {row.name for row in rows} - set(KINDS) == {"udp_errors"}, "which are those of strangers' machines"


def test_every_line_is_of_a_counter_that_some_build_has() -> None:
    package = (
        Path(__file__).parents[2] / "opentracker"
    )  # of the checkout: the build under test lacks features
    own = package / "server" / "turned_away.py"
    sources = "".join(path.read_text() for path in package.rglob("*.py") if path != own)
    of_every_build = {row.name for row in OF_STATUSES}
    for name in KINDS:
        assert name in of_every_build or f'"{name}"' in sources, name


@pytest.mark.needs("WANT_MAX_PEER")
def test_a_tracker_at_its_limit_says_so_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    live = Live(Settings(sections=Sections(LimitSettings(torrents=2))))
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    for minute in range(3):
        for number in range(10 * minute, 10 * minute + 10):
            client.ask(announce_packet(connection_id, info_hash=bytes([number]) * 20))
        caplog.clear()
        live.advance(INTERVAL + 1)
        refused = 8 if minute == 0 else 10
        line = f"in the last minute {refused} torrents were not taken in: limits.torrents is reached"
        assert [text for text in caplog.messages if "limits." in text] == [line]
    caplog.clear()
    live.advance(INTERVAL + 1)
    assert caplog.messages == []
    live.close()
