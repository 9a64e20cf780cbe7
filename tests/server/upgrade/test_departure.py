"""The departure of one process: what it tells, and in which order."""

from opentracker.server.upgrade.departure import LINGER, LOOK
from opentracker.server.upgrade.giving import FEW, MOST_ROUNDS, Giving
from opentracker.server.workers.telling import Kept
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


class SlowInlet:
    """An inlet that is quiet when the test says so; `told` is what it has been told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.quiet = False

    def shut(self) -> None:
        self.told.append("shut")

    def is_quiet(self) -> bool:
        return self.quiet

    def last_words(self) -> list[bytes]:
        self.told.append("last words")
        return [b"name words of it"]

    def open(self) -> None:
        self.told.append("open")


def test_inlets_are_shut_and_waited_for_and_have_the_last_word() -> None:
    live = Live()
    inlet = SlowInlet()
    live.server.inlets[:] = [inlet]
    live.server.kept = Kept()
    live.server.keep(b"name", b"kept")
    handing = Handing(live)
    pieces = handing.departure.give()
    assert next(pieces) == b""
    handing.departure.shut()
    live.settle()
    assert (inlet.told, handing.told) == (["shut"], ["near"])
    inlet.quiet = True
    live.until(lambda: handing.told == ["near", "quiet"], "quiet")
    handing.departure.finish()
    assert next(pieces).endswith(b"name kept\5\0\0\0\x10name words of it")
    pieces.close()
    handing.departure.reopen()
    assert inlet.told == ["shut", "last words", "open"]
    handing.close()
    live.close()


def test_an_inlet_is_not_waited_for_without_end() -> None:
    live = Live()
    live.server.inlets[:] = [SlowInlet()]
    handing = Handing(live)
    handing.departure.shut()
    live.settle()
    assert handing.told == []
    live.advance(2.0)
    live.until(lambda: handing.told == ["quiet"], "quiet")
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
    giving.finish([b"name a message"])
    assert next(pieces) == b"\5\0\0\0\x0ename a message"
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
