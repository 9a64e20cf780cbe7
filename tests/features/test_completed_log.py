"""The log of completed downloads."""

import re
import time

import pytest
from librt.random import Random

from opentracker.features.completed_log import MOST_A_MINUTE, CompletedLog
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, Announce
from opentracker.swarm.tracker import Tracker
from tests.server.live import HASH_A, HASH_B, HOME, PEER_ID, packed

NOON = 1_790_000_000.0  # seconds since 1970


class Setting:
    """A tracker with a log, and the messages written to it."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.tracker = Tracker(Random(1))
        self.log = CompletedLog(self.messages.append, lambda: NOON)
        self.tracker.watchers.append(self.log)

    def announce(
        self, number: int, event: int = EVENT_COMPLETED, peer_id: bytes = PEER_ID, minute: int = 0
    ) -> None:
        a = Announce(both_families=False)
        a.info_hash, a.peer_id, a.seeding, a.event = HASH_A, peer_id, True, event
        a.peer, a.stored = packed(HOME) + (2 + number).to_bytes(2, "big"), True
        self.tracker.announce(a, minute)


def test_a_completed_download_is_a_line() -> None:
    setting = Setting()
    setting.announce(1)
    local = time.localtime(NOON)
    moment = time.strftime("%FT%T%z", local)
    assert re.fullmatch(r"2026-09-2\dT\d\d:\d\d:\d\d[+-]\d{4}", moment)
    assert setting.messages == [
        b"<14>"
        + time.strftime("%b %e %T", local).encode()
        + b" opentracker: time="
        + moment.encode()
        + b" event=completed info_hash="
        + b"41" * 20
        + b" peer_id="
        + PEER_ID.hex().upper().encode()
        + b" ip="
        + HOME.encode()
    ]


def test_it_is_counted_once() -> None:
    setting = Setting()
    setting.announce(1, EVENT_NONE)
    assert setting.messages == []
    setting.announce(1)
    setting.announce(1)
    setting.announce(1, EVENT_NONE)
    assert len(setting.messages) == 1


def test_an_unknown_peer_id_is_empty() -> None:
    setting = Setting()
    setting.announce(1, peer_id=b"")
    assert b" peer_id= ip=" in setting.messages[0]


@pytest.mark.parametrize("nasty", [b"\n" * 20, b" ip=6.6.6.6 event=\0\xff "[:20].ljust(20), b"%s%n" * 5])
def test_what_a_stranger_calls_himself_is_hex(nasty: bytes) -> None:
    setting = Setting()
    setting.announce(1, peer_id=nasty)
    assert f" peer_id={nasty.hex().upper()} ".encode() in setting.messages[0]
    assert setting.messages[0].isascii()
    assert b"\n" not in setting.messages[0]


def test_there_is_a_limit_to_the_lines_of_a_minute() -> None:
    setting = Setting()
    for number in range(MOST_A_MINUTE + 3):
        setting.announce(number)
    assert len(setting.messages) == MOST_A_MINUTE
    setting.announce(MOST_A_MINUTE + 3, minute=1)
    assert len(setting.messages) == MOST_A_MINUTE + 2
    assert setting.messages[-2].endswith(b" event=left_out completed=3")
    assert b" event=completed " in setting.messages[-1]
    assert HASH_B not in setting.messages[-1]
