"""The answers to spoofed datagrams: every kind of packet sent to a tracker on real sockets, and a table of the sizes.

`python tests/e2e/amplification.py` measures and rewrites the table in docs/security.md; a test measures again.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from opentracker._features import OT_MAX_PEERS_UDP4, OT_MAX_PEERS_UDP6, OT_MAX_SCRAPE_UDP  # noqa: E402
from tests.server.live import (  # noqa: E402
    HASH_A,
    TRANSACTION,
    Live,
    UdpClient,
    announce_packet,
    connect_packet,
    scrape_packet,
)

PAGE = ROOT / "docs" / "security.md"
BEGIN = "<!-- amplification: python tests/e2e/amplification.py -->\n"
END = "<!-- end of amplification -->\n"
CROWD = 300  # peers of the torrent that is asked for: more than any answer takes


@dataclass
class Row:
    """A kind of datagram, and the answer it drew."""

    kind: str
    valid_id: bool
    asked: int  # bytes, without the heads of IP and UDP
    answered: int

    def ratio(self) -> float:
        """Bytes out for each byte in."""
        return self.answered / self.asked

    def text(self) -> str:
        """A line of the table."""
        valid = "yes" if self.valid_id else "no"
        answered = str(self.answered) if self.answered else "silence"
        return f"| {self.kind} | {valid} | {self.asked} | {answered} | {self.ratio():.2f} |"


def answer_to(client: UdpClient, packet: bytes) -> int:
    """Bytes of the answer; 0 for silence: the next to come is then the answer to a connect sent after it."""
    marker = b"\xde\xad\xbe\xef"
    client.send(packet)
    client.send(connect_packet(marker))
    first = client.receive()
    if first[4:8] == marker:
        return 0
    assert client.receive()[4:8] == marker, "at most one answer"
    return len(first)


def kinds(connection_id: bytes) -> list[tuple[str, bytes]]:
    """Every kind of datagram with a connection id."""
    announce = announce_packet(connection_id, num_want=10_000)
    hashes = [HASH_A] * OT_MAX_SCRAPE_UDP
    return [
        ("announce, every peer there is", announce),
        ("announce, no peers wanted", announce_packet(connection_id, num_want=0)),
        ("announce, 500 bytes of options", announce + b"\1" * 500),
        ("announce, cut short", announce[:97]),
        ("scrape of no torrent", scrape_packet(connection_id)),
        ("scrape of one torrent", scrape_packet(connection_id, HASH_A)),
        (f"scrape of {OT_MAX_SCRAPE_UDP} torrents", scrape_packet(connection_id, *hashes)),
        ("error (action 3)", connection_id + b"\0\0\0\3" + TRANSACTION + b"Connection ID missmatch.\0"),
        ("unknown action", connection_id + b"\0\0\0\4" + TRANSACTION + bytes(100)),
    ]


def measured(host: str) -> list[Row]:
    """The rows for a tracker with a crowded torrent, asked over the family of `host`."""
    family = "IPv6" if ":" in host else "IPv4"
    live = Live()
    client = live.udp(live.listen_udp(host))
    good = client.connect()
    for port in range(10_000, 10_000 + CROWD):
        client.ask(announce_packet(good, port=port, num_want=0))
    rows = [
        Row("connect", False, 16, answer_to(client, connect_packet())),
        Row("connect, wrong magic", False, 16, answer_to(client, bytes(8) + connect_packet()[8:])),
    ]
    for valid_id, connection_id in ((False, bytes(8)), (True, good)):
        for kind, packet in kinds(connection_id):
            rows.append(Row(f"{kind}, {family}", valid_id, len(packet), answer_to(client, packet)))
    rows += [
        Row(f"{size} bytes of anything, {family}", False, size, answer_to(client, b"\xff" * size))
        for size in (1, 15, 16, 1472)
    ]
    live.close()
    return rows


def most(family: str) -> int:
    """Bytes of the largest answer there can be: an announce's."""
    return 20 + (6 * OT_MAX_PEERS_UDP4 if family == "IPv4" else 18 * OT_MAX_PEERS_UDP6)


def table(rows: list[Row]) -> str:
    """The table in Markdown."""
    lines = ["| datagram | valid id | bytes in | bytes out | ratio |", "| --- | --- | ---: | ---: | ---: |"]
    return "\n".join(lines + [row.text() for row in rows]) + "\n"


def main() -> None:
    """Rewrite the table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    made = table(measured("127.0.0.1") + measured("::1")[2:])
    PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
