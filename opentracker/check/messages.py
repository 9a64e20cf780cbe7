"""A client's requests and the answers (BEP 3, 15, 41, 48), without a socket. Malformed answers raise CheckError."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes

from opentracker.errors import CheckError
from opentracker.protocol.udp import ANNOUNCE, CONNECT, ERROR, MAGIC, OPTION_URL_DATA, SCRAPE

LONGEST_URL_DATA: Final = 255  # bytes of an option of BEP 41
DEEPEST: Final = 32  # of bencoded answers
LONGEST_INTEGER: Final = 20  # digits
EVENTS: Final = {"started": 2, "stopped": 3}  # of BEP 15


@dataclass(frozen=True)
class Peer:
    """The peer that a check announces: a leecher that does not exist."""

    info_hash: bytes
    peer_id: bytes
    port: int
    key: int


@dataclass
class Findings:
    """The values in the tracker's answers."""

    interval: int | None = None
    peers: int | None = None  # in the answer to the announce
    complete: int | None = None  # of the scrape
    downloaded: int | None = None
    incomplete: int | None = None


def u32(number: int) -> bytes:
    """Four bytes, as everywhere in BEP 15."""
    return number.to_bytes(4, "big")


def connect_packet(transaction: bytes) -> bytes:
    """The request for a connection id."""
    return int(MAGIC).to_bytes(8, "big") + u32(CONNECT) + transaction


def announce_packet(connection: bytes, transaction: bytes, peer: Peer, event: str, path: str) -> bytes:
    """An announce; it carries the path of the URL (BEP 41) unless that is `/announce`."""
    counts = bytes(8) + (1).to_bytes(8, "big") + bytes(8)  # downloaded, left, uploaded
    packet = connection + u32(ANNOUNCE) + transaction + peer.info_hash + peer.peer_id + counts
    packet += u32(EVENTS[event]) + bytes(4) + u32(peer.key) + u32(1) + peer.port.to_bytes(2, "big")
    data = path.encode("ascii") if path != "/announce" else b""
    for at in range(0, len(data), LONGEST_URL_DATA):
        piece = data[at : at + LONGEST_URL_DATA]
        packet += bytes([OPTION_URL_DATA, len(piece)]) + piece
    return packet


def scrape_packet(connection: bytes, transaction: bytes, info_hash: bytes) -> bytes:
    """A scrape of one torrent."""
    return connection + u32(SCRAPE) + transaction + info_hash


def udp_content(packet: bytes, action: int, least: int) -> bytes:
    """The bytes behind the head of an answer, `least` or more. Raises CheckError for an error packet."""
    found = int.from_bytes(packet[:4], "big")
    if found == ERROR:
        raise CheckError(f"failure: {readable(packet[8:])}")
    if found != action or len(packet) < 8 + least:
        raise CheckError(f"an answer of {len(packet)} bytes to action {action} has action {found}")
    return packet[8:]


def read_udp_announce(packet: bytes, stride: int, findings: Findings) -> None:
    """Read the answer to an announce; `stride` is the size of a peer."""
    content = udp_content(packet, ANNOUNCE, 12)
    findings.interval = int.from_bytes(content[:4], "big")
    findings.peers = len(content[12:]) // stride


def read_udp_scrape(packet: bytes, findings: Findings) -> None:
    """Read the counts of a scrape."""
    content = udp_content(packet, SCRAPE, 12)
    numbers = [int.from_bytes(content[at : at + 4], "big") for at in (0, 4, 8)]
    findings.complete, findings.downloaded, findings.incomplete = numbers


def with_query(path: str, query: str) -> str:
    """A path with more in its query."""
    return f"{path}{'&' if '?' in path else '?'}{query}"


def announce_query(peer: Peer, event: str) -> str:
    """The query of an announce."""
    return (
        f"info_hash={quote_from_bytes(peer.info_hash, safe='')}&peer_id={quote_from_bytes(peer.peer_id, safe='')}"
        f"&port={peer.port}&uploaded=0&downloaded=0&left=1&compact=1&numwant=1&key={peer.key:08x}&event={event}"
    )


def scrape_query(info_hash: bytes) -> str:
    """The query of a scrape."""
    return f"info_hash={quote_from_bytes(info_hash, safe='')}"


def read_http_announce(body: bytes, findings: Findings) -> None:
    """Read the body of the answer to an announce."""
    answer = answer_of(body)
    interval = answer.get(b"interval")
    if not isinstance(interval, int):
        raise CheckError("the answer has no interval")
    findings.interval = interval
    peers, peers6 = answer.get(b"peers", b""), answer.get(b"peers6", b"")
    findings.peers = len(peers) // 6 if isinstance(peers, bytes) else len(peers)
    if isinstance(peers6, bytes):
        findings.peers += len(peers6) // 18


def read_http_scrape(body: bytes, info_hash: bytes, findings: Findings) -> None:
    """Read the counts of a scrape; a tracker may leave out a torrent that it does not know."""
    files = answer_of(body).get(b"files")
    if not isinstance(files, dict):
        raise CheckError("the answer has no files")
    counts = files.get(info_hash, {})
    findings.complete, findings.downloaded, findings.incomplete = [
        int(counts.get(name, 0)) for name in (b"complete", b"downloaded", b"incomplete")
    ]


def answer_of(body: bytes) -> dict[bytes, Any]:
    """The dictionary of an answer. Raises CheckError for a failure reason, and for a body of another form."""
    try:
        answer, _ = decode(body, 0, 0)
    except (ValueError, IndexError):
        raise CheckError(f"the answer is not bencoded: {readable(body)}") from None
    if not isinstance(answer, dict):
        raise CheckError(f"the answer is no dictionary: {readable(body)}")
    if b"failure reason" in answer:
        raise CheckError(f"failure: {readable(answer[b'failure reason'])}")
    return answer


def decode(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """The value at an offset, and the offset behind it. Raises ValueError and IndexError.

    Unlike `protocol.bencode.decode` it takes keys in any order, as some trackers write them.
    """
    if depth > DEEPEST:
        raise ValueError("too deep")
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at, at + LONGEST_INTEGER + 3)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        at += 1
        values = []
        while data[at] != ord("e"):
            value, at = decode(data, at, depth + 1)
            values.append(value)
        if kind == b"l":
            return values, at + 1
        return dict(zip(values[::2], values[1::2], strict=True)), at + 1
    colon = data.index(b":", at, at + LONGEST_INTEGER)
    end = colon + 1 + int(data[at:colon])
    if not colon < end <= len(data):
        raise ValueError("a string that is cut off")
    return data[colon + 1 : end], end


def readable(text: Any) -> str:
    """A tracker's text on one line."""
    if not isinstance(text, bytes):
        return repr(text)
    line = text.rstrip(b"\0").decode("utf-8", "replace")[:200]
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line) or "(empty)"
