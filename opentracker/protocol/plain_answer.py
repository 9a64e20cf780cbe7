"""A whole HTTP answer to an announce, appended to a writer piece by piece, for compiled builds.

The bytes equal those of `http.write_ok` around `bencode.write_announce`, without the intermediate objects.
"""

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS
from opentracker.protocol.bencode import external_ip, min_interval
from opentracker.protocol.messages import EVENT_STOPPED, Announce

_DECIMAL: Final = [b"%d" % value for value in range(10000)]

_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
_CLOSE: Final = b"\r\nConnection: close\r\n\r\nd8:completei"
_KEEP_ALIVE: Final = b"\r\nConnection: keep-alive\r\n\r\nd8:completei"
_COMPLETE: Final = b"d8:completei"
_DOWNLOADED: Final = b"e10:downloadedi"
_INCOMPLETE: Final = b"e10:incompletei"
_INCOMPLETE_BEHIND_IP: Final = b"10:incompletei"
_INTERVAL: Final = b"e8:intervali"
_MIN_INTERVAL: Final = b"e12:min intervali"
_PEERS: Final = b"e5:peers"
_PEERS6: Final = b"6:peers6"
# The number of bytes that are in every body.
_SURE: Final = (
    len(_COMPLETE) + len(_INCOMPLETE) + len(_INTERVAL) + len(_MIN_INTERVAL) + len(_PEERS) + len(b":e")
)


def decimal(number: i64) -> bytes:
    """A number that is not negative, in decimal digits."""
    return _DECIMAL[number] if number < 10000 else b"%d" % number


def append_announce(out: BytesWriter, a: Announce, keep_alive: bool) -> None:
    """Append the answer to an announce."""
    complete, incomplete = decimal(a.complete), decimal(a.incomplete)
    interval, shortest = decimal(a.interval), decimal(min_interval(a))
    is_stopped = a.event == EVENT_STOPPED
    peers = b"" if is_stopped else a.peers
    peers6 = b"" if is_stopped else a.peers6
    peers_size = decimal(len(peers))
    size: i64 = _SURE + len(complete) + len(incomplete) + len(interval) + len(shortest)
    size += len(peers_size) + len(peers)
    downloaded = b""
    peers6_size = b""
    if not is_stopped:
        downloaded = decimal(a.downloaded)
        size += len(_DOWNLOADED) + len(downloaded)
    external = b""
    if WANT_EXTENDED_ANSWERS and not is_stopped:
        external = external_ip(a)
        size += len(external)
    if peers6:
        peers6_size = decimal(len(peers6))
        size += len(_PEERS6) + len(peers6_size) + len(b":") + len(peers6)

    out.write(_HEAD)
    out.write(decimal(size))
    out.write(_KEEP_ALIVE if keep_alive else _CLOSE)
    out.write(complete)
    if not is_stopped:
        out.write(_DOWNLOADED)
        out.write(downloaded)
    if external:
        out.write(b"e")
        out.write(external)
        out.write(_INCOMPLETE_BEHIND_IP)
    else:
        out.write(_INCOMPLETE)
    out.write(incomplete)
    out.write(_INTERVAL)
    out.write(interval)
    out.write(_MIN_INTERVAL)
    out.write(shortest)
    out.write(_PEERS)
    out.write(peers_size)
    out.write(b":")
    out.write(peers)
    if peers6:
        out.write(_PEERS6)
        out.write(peers6_size)
        out.write(b":")
        out.write(peers6)
    out.write(b"e")
