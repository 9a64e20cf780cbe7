"""Lines about what was turned away: one a minute for each kind, while it goes on."""

import pytest

from opentracker.config.settings import Settings
from opentracker.server.turned_away import INTERVAL, KINDS, TurnedAway
from opentracker.swarm.counting.counters import Counters
from tests.server.live import Live, announce_packet


def test_each_kind_is_a_line_with_its_number_and_silence_is_none(caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()
    look = TurnedAway(counters).look
    look()
    assert caplog.messages == []
    for name in KINDS:
        setattr(counters, name, 7)
    look()
    assert caplog.messages == [f"in the last minute 7 {text}" for text in KINDS.values()]
    caplog.clear()
    look()
    assert caplog.messages == []
    counters.refused_peers += 3
    look()
    assert caplog.messages == ["in the last minute 3 peers were not taken in: limits.peers is reached"]


def test_every_limit_has_its_line() -> None:
    """But what the operator does not want to serve or list, and what has a counter of the same thing."""
    refusals = {name for name in vars(Counters) if name.startswith(("refused_", "evicted_"))}
    assert refusals - set(KINDS) == {"refused_bogons", "refused_port_numbers"}


@pytest.mark.needs("WANT_MAX_PEER")
def test_a_tracker_at_its_limit_says_so_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    live = Live(Settings(limit_torrents=2))
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
