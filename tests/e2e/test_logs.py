"""For any bytes of strangers, the log's lines are printable, and their number in a minute is limited (R-10)."""

import logging
import socket
import struct
from collections import Counter
from pathlib import Path

import pytest
from librt.strings import BytesWriter

from opentracker._features import WANT_MAX_PEER
from opentracker.config.settings import Settings
from opentracker.server.system.log_lines import LONGEST, MOST, LineLimiter
from opentracker.server.turned_away import KINDS
from tests.server.live import HOME, Live, announce_packet, connect_packet, family_of, packed, sections
from tests.server.process import Tracker, allow, list_loopback

if WANT_MAX_PEER:
    from opentracker.server.limits import LimitSettings

UGLY = b"\r\nopentracker: listening on UDP 6.6.6.6:66\x1b[2J\x07\x00\xff\xe2\x80\xae"
ESCAPED = b"".join(b"%%%02x" % byte for byte in UGLY)
HASH = b"A" * 20
TIMES = 40  # more than the log takes of one kind
OTHER_LINES = 40  # that a start and an end have, whatever the build


def datagrams(connection_id: bytes) -> list[bytes]:
    """Datagrams of a stranger, with a good connection id and without."""
    body = struct.pack(">I4s20s20sQQQIIIIH", 1, b"\n\x1b\n\r", HASH, UGLY[:20], 0, 0, 0, 1, 0, 0, 50, 6881)
    return [UGLY, UGLY * 30, connection_id + body + b"\x02\x20" + UGLY, bytes(8) + body]


def requests() -> list[bytes]:
    """HTTP requests of a stranger."""
    announce = b"info_hash=" + HASH + b"&port=6881&left=0&event=completed&peer_id=" + ESCAPED
    return [
        b"GET /announce?" + announce + b"&key=" + ESCAPED + b" HTTP/1.1\r\n\r\n",
        b"GET /announce?" + announce + b"&ip=" + ESCAPED + b"&lognet=" + ESCAPED + b" HTTP/1.1\r\n\r\n",
        b"GET /announce?"
        + announce
        + b" HTTP/1.1\r\nX-Forwarded-For: \x1b[2J\xff\r\nUser-Agent: \x07\r\n\r\n",
        b"GET /scrape HTTP/1.1\r\nAccept-Encoding: \x1b[2J\xff\r\n\r\n",
        b"GET /stats?mode=" + ESCAPED + b"&format=" + ESCAPED + b" HTTP/1.1\r\n\r\n",
        b"GET /\x1b[2J\xff\x00 HTTP/1.1\r\n\r\n",
        b"\x1b[2J / HTTP/1.1\r\n\r\n",
        b"GET /" + b"\x1b" * 9000,
    ]


def ask(where: tuple[str, int], request: bytes) -> None:
    """Send a request, and wait until the tracker closes."""
    with socket.create_connection(where, 20) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        try:
            while sock.recv(65536):
                pass
        except ConnectionResetError:
            pass


def test_r10_the_log_stays_bounded_and_printable_whatever_strangers_send(tmp_path: Path) -> None:
    arguments = ["-i", HOME, "-p", "0", "-P", "0", *allow(tmp_path, HASH), *list_loopback(tmp_path)]
    with Tracker(*arguments, sockets=2) as tracker:
        udp, tcp = tracker.endpoint("UDP"), tracker.endpoint("TCP")
        with socket.socket(family_of(HOME), socket.SOCK_DGRAM) as sock:
            sock.settimeout(20)
            sock.connect(udp)
            sock.send(bytes.fromhex("0000041727101980") + bytes(8))
            connection_id = sock.recv(100)[8:]
            for _ in range(TIMES):
                for packet in datagrams(connection_id):
                    sock.send(packet)
        for _ in range(TIMES):
            for request in requests():
                ask(tcp, request)
    assert len(tracker.lines) <= MOST + OTHER_LINES
    assert [line for line in tracker.lines if "6.6.6.6" in line and line.startswith("listening")] == []
    assert all(line.isprintable() for line in tracker.lines), tracker.lines
    assert all(len(line) <= LONGEST + 40 for line in tracker.lines)
    scrapes = [line for line in tracker.lines if line.endswith("FULL SCRAPE")]
    assert len(scrapes) < TIMES, "a line each is more than the log takes"


STEP = 10.0  # seconds of the tracker's clock between two turns of its loop
DAY = 86400.0


@pytest.mark.needs("WANT_MAX_PEER")
def test_a_day_at_the_limits_is_a_line_a_minute_for_each_limit(caplog: pytest.LogCaptureFixture) -> None:
    """Newcomers are refused in each minute of a day; an operator finds it in the log, which stays short."""
    limits = LimitSettings()
    limits.torrents, limits.peers, limits.peers_per_torrent = 30, 40, 5
    live = Live(Settings(sections=sections(limits)))
    log, limiter = logging.getLogger("opentracker"), LineLimiter()
    log.addFilter(limiter)
    live.server.loop.every(60.0, limiter.next_minute)
    caplog.set_level(logging.INFO, "opentracker")
    caplog.clear()
    home, out, refused = packed(HOME), BytesWriter(), 0
    try:
        for step in range(int(DAY / STEP)):
            live.clock.seconds += STEP
            live.iterate()
            minute = live.server.now.minute
            out.truncate(0)
            live.server.udp.answer(connect_packet(), 16, home, minute, out)
            connection_id = out.getvalue()[8:16]
            for number in range(4):  # two to the popular torrent, two to torrents of their own
                info_hash = HASH if number < 2 else struct.pack(">QQI", step, number, 7)
                packet = announce_packet(connection_id, info_hash=info_hash, port=1024 + step % 60000)
                live.server.udp.answer(packet, len(packet), home, minute, out)
        refused = sum(live.counters.value(name) for name in KINDS if name.startswith("refused"))
    finally:
        log.removeFilter(limiter)
        live.close()
    minutes = int(DAY / 60)
    lines = Counter(message.rpartition(": ")[2] for message in caplog.messages)
    assert refused > 10 * minutes, "the tracker was at its limits all day"
    assert lines, caplog.messages[:5]
    assert all(minutes * 9 // 10 <= number <= minutes for number in lines.values() if number > 60), lines
    assert len(caplog.records) <= minutes * len(lines)
    print(f"{refused} refusals in a day, {len(caplog.records)} lines of the log: {dict(lines)}")
