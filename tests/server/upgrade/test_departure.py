"""The departure of one process: what it tells, and in which order."""

from opentracker.server.upgrade.departure import LINGER, LOOK
from opentracker.server.upgrade.giving import FEW, MOST_ROUNDS, Giving
from tests.protocol.http_cases import get
from tests.server.live import Live, connect_packet
from tests.server.upgrade.handing import Handing
from tests.swarm.filled import announce


def test_a_process_without_requests_is_quiet_at_once_and_goes() -> None:
    live = Live()
    handing = Handing(live)
    handing.departure.shut()
    live.until(lambda: handing.told == ["quiet"], "quiet")
    handing.departure.retire()
    live.advance(2 * LOOK)
    assert handing.told == ["quiet", "gone"]
    handing.close()
    live.close()


def test_answers_that_are_under_way_are_sent() -> None:
    live = Live()
    to = live.listen_tcp()
    handing = Handing(live)
    client = live.tcp(to)
    client.send(get(b"/scrape?info_hash=" + b"A" * 20)[:5])
    live.until(lambda: live.counters.tcp_received == 5, "the begin of a request")
    handing.departure.shut()
    live.settle()
    assert handing.told == []
    client.send(get(b"/scrape?info_hash=" + b"A" * 20)[5:])
    assert client.read_answer().status == 200
    live.until(lambda: handing.told == ["quiet"], "quiet")
    handing.close()
    live.close()


def test_clients_are_not_waited_for_without_end() -> None:
    live = Live()
    handing = Handing(live)
    handing.departure.waits = lambda: True
    handing.departure.shut()
    live.settle()
    assert handing.told == []
    live.advance(2.0)
    live.until(lambda: handing.told == ["quiet"], "quiet")
    handing.departure.retire()
    live.advance(LINGER)
    assert handing.told == ["quiet", "gone"]
    handing.close()
    live.close()


def test_an_upgrade_that_fails_leaves_all_as_it_was() -> None:
    live = Live()
    udp = live.udp(live.listen_udp())
    store = live.server.tracker.store
    handing = Handing(live)
    handing.departure.shut()
    udp.send(connect_packet())
    live.settle()
    handing.departure.reopen()
    assert len(udp.receive()) == 16
    assert live.server.tracker.store is store
    handing.close()
    live.close()


def test_little_is_told_once() -> None:
    live = Live()
    tracker = live.server.tracker
    announce(tracker, b"A" * 20, 1000, 0)
    told: list[int] = []
    giving = Giving(tracker, live.server.loop, lambda: told.append(1))
    pieces = giving.pieces()
    assert b"A" * 20 in next(pieces)
    assert told == []
    for _ in range(3):
        assert next(pieces) == b""
    assert told == [1]
    giving.finish()
    assert next(pieces).endswith(b"}\0")
    assert list(pieces) == []
    live.close()


def test_a_tracker_that_changes_faster_than_it_gives_has_an_end_too() -> None:
    live = Live()
    tracker = live.server.tracker
    told: list[int] = []
    pieces = Giving(tracker, live.server.loop, lambda: told.append(1)).pieces()
    next(pieces)
    rounds = 0
    while not told:
        for number in range(FEW + 1):
            tracker.store.remove(number.to_bytes(20, "big"))
        tracker.store.remove(bytes([255]) * 20)
        while b"\xff" * 20 not in next(pieces) and not told:
            pass
        rounds += 1
        assert rounds <= 2 * MOST_ROUNDS
    pieces.close()
    live.close()
