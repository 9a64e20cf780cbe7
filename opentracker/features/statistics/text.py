"""Statistics as text, in the formats of the C tracker, which MRTG scripts and people know."""

from collections.abc import Callable
from typing import Final

from opentracker._features import (
    OT_PEER_TIMEOUT,
    WANT_CLIENT_COUNT,
    WANT_LOG_NETWORKS,
    WANT_LOG_NUMWANT,
    WANT_SPOT_WOODPECKER,
)
from opentracker.features.statistics.everything import everything
from opentracker.features.statistics.page import Renderer, Rendering
from opentracker.protocol.addresses import format_ip
from opentracker.protocol.statuses import STATUSES, Status
from opentracker.swarm.counting.network_count import SHOWN, SIZES4, SIZES6
from opentracker.swarm.counting.ranking import Ranking
from opentracker.swarm.surveys.snapshot import CENSUS, NETWORKS, StatsSnapshot

if WANT_CLIENT_COUNT:
    from opentracker.features.statistics.clients import shares

# The order of the C tracker's `herr`; ours follow.
HERR_ORDER: Final = (302, 400, 403, 404, 500, 402)


def mrtg(snapshot: StatsSnapshot, first: int, second: int, caption: str) -> bytes:
    """Four lines without a final newline: two counters, the uptime, and a caption."""
    uptime = snapshot.uptime
    return f"{first}\n{second}\n{uptime} seconds ({uptime // 3600} hours)\n{caption}".encode("ascii")


def conn(snapshot: StatsSnapshot) -> bytes:
    """Connections of all kinds, and their successes."""
    count = snapshot.count("tcp_connections") + snapshot.count("udp_datagrams")
    return mrtg(snapshot, count, snapshot.successes(), connections(snapshot, "connections", count))


def connections(snapshot: StatsSnapshot, what: str, count: int) -> str:
    """The caption of `conn` and `syncs`."""
    conns, success = snapshot.per_second(count), snapshot.per_second(snapshot.successes())
    return f"opentracker {what}, {conns} conns/s :: {success} success/s."


def tcp4(snapshot: StatsSnapshot) -> bytes:
    """TCP connections, of both families, and announces over them."""
    return of_protocol(snapshot, "tcp4", snapshot.count("tcp_connections"), snapshot.count("tcp_announces"))


def udp4(snapshot: StatsSnapshot) -> bytes:
    """Datagrams, of both families, and announces and connects among them."""
    successes = snapshot.count("udp_announces") + snapshot.count("udp_connects")
    return of_protocol(snapshot, "udp4", snapshot.count("udp_datagrams"), successes)


def of_protocol(snapshot: StatsSnapshot, name: str, count: int, successes: int) -> bytes:
    """Connections and successes of one protocol."""
    conns, success = snapshot.per_second(count), snapshot.per_second(successes)
    caption = f"opentracker {name} stats, {conns} conns/s :: {success} success/s."
    return mrtg(snapshot, count, successes, caption)


def scrp(snapshot: StatsSnapshot) -> bytes:
    """Scrapes."""
    tcp, udp = snapshot.count("tcp_scrapes"), snapshot.count("udp_scrapes")
    caption = f"opentracker scrape stats, {snapshot.per_second(tcp + udp)} scrape/s (tcp and udp)"
    return mrtg(snapshot, tcp, udp, caption)


def fscr(snapshot: StatsSnapshot) -> bytes:
    """Full scrapes, a thousand for each, and the bytes sent for them."""
    scrapes, size = snapshot.count("full_scrapes") * 1000, snapshot.count("full_scrape_bytes")
    conns, rate = snapshot.per_second(scrapes), snapshot.per_second(size)
    return mrtg(snapshot, scrapes, size, f"opentracker full scrape stats, {conns} conns/s :: {rate} bytes/s.")


def syncs(snapshot: StatsSnapshot) -> bytes:
    """Peers received by live sync."""
    count = snapshot.count("tcp_connections") + snapshot.count("udp_datagrams")
    return mrtg(
        snapshot, snapshot.count("sync_peers_received"), 0, connections(snapshot, "connections", count)
    )


def completed(snapshot: StatsSnapshot) -> bytes:
    """Completed downloads."""
    count = snapshot.count("completed")
    caption = f"opentracker, {count // max(1, snapshot.uptime // 3600)} completed/h."
    return mrtg(snapshot, count, 0, caption)


def peer(snapshot: StatsSnapshot) -> bytes:
    """Peers and seeders."""
    census = snapshot.counted()
    return serving(census.peers(), census.seeders(), census.torrents)


def torr(snapshot: StatsSnapshot) -> bytes:
    """Torrents."""
    return serving(snapshot.counted().torrents, 0, snapshot.counted().torrents)


def serving(first: int, second: int, torrents: int) -> bytes:
    """Four lines with two numbers and the number of torrents."""
    return f"{first}\n{second}\nopentracker serving {torrents} torrents\nopentracker".encode("ascii")


def block(caption: str, ranked: list[tuple[int, bytes]]) -> str:
    """A block of networks, busiest first, by their first addresses."""
    lines = [f"Networks, limit {caption}:\n"]
    for times, network in ranked:
        lines.append(f"{times:08d}: {first_address(network)}\n")
    return "".join(lines) + "\n"


def first_address(network: bytes) -> str:
    """The text of a network's first address; networks of up to 3 bytes are IPv4, longer ones IPv6."""
    return format_ip(network + bytes((4 if len(network) <= 3 else 16) - len(network)))


def s24s(snapshot: StatsSnapshot) -> bytes:
    """The networks with the most peers."""
    blocks = []
    networks = snapshot.networks(NETWORKS)
    for size in SIZES4 + SIZES6:
        blocks.append(block(f"/{8 * size}", networks[size].ranking.first(SHOWN)))
    return "".join(blocks).encode("ascii")


def networks_of(mode: str) -> Callable[[StatsSnapshot], bytes]:
    """The rendering of one block of networks, of both families, that a mode has ranked."""

    def render(snapshot: StatsSnapshot) -> bytes:
        both = Ranking(SHOWN)
        networks = snapshot.networks(mode)
        for count in networks.values():
            both.merge(count.ranking)
        caption = " and ".join(f"/{8 * size}" for size in networks)
        return block(caption, both.first(SHOWN)).encode("ascii")

    return render


def top(size: int) -> Callable[[StatsSnapshot], bytes]:
    """The rendering of the largest torrents."""

    def render(snapshot: StatsSnapshot) -> bytes:
        census = snapshot.counted()
        lines = []
        for what, ranking in (
            ("peers", census.by_peers),
            ("seeds", census.by_seeders),
            ("leechers", census.by_leechers),
        ):
            lines.append(f"Top {size} torrents by {what}:\n")
            for count, info_hash in ranking.first(size):
                lines.append(f"\t{count}\t{info_hash.hex().upper()}\n")
        return "".join(lines).encode("ascii")

    return render


def herr(snapshot: StatsSnapshot) -> bytes:
    """HTTP answers other than 200."""
    lines = [f"{status.brief} {snapshot.count(status.counter)}\n" for status in herr_rows()]
    return "".join(lines).encode("ascii")


def herr_rows() -> list[Status]:
    """The rows of `herr` in their order."""
    return sorted([status for status in STATUSES if status.brief], key=herr_place)


def herr_place(status: Status) -> int:
    """The place of a row in the order of `herr`; ours keep the table's order."""
    return HERR_ORDER.index(status.number) if status.number in HERR_ORDER else len(HERR_ORDER)


def renew(snapshot: StatsSnapshot) -> bytes:
    """The number of renewals, by the minutes since each peer's announce before."""
    lines = [f"{age:02d} {snapshot.renewals[age]}\n" for age in range(OT_PEER_TIMEOUT)]
    return "".join(lines).encode("ascii")


def version(snapshot: StatsSnapshot) -> bytes:
    """The version of this build, on a line."""
    return f"{snapshot.version}\n".encode()


MODES: Final[dict[str, Renderer]] = {
    "conn": Rendering((), conn),
    "tcp4": Rendering((), tcp4),
    "udp4": Rendering((), udp4),
    "scrp": Rendering((), scrp),
    "fscr": Rendering((), fscr),
    "syncs": Rendering((), syncs),
    "completed": Rendering((), completed),
    "peer": Rendering((CENSUS,), peer),
    "torr": Rendering((CENSUS,), torr),
    "s24s": Rendering((NETWORKS,), s24s),
    "top10": Rendering((CENSUS,), top(10)),
    "top100": Rendering((CENSUS,), top(100)),
    "herr": Rendering((), herr),
    "renew": Rendering((), renew),
    "version": Rendering((), version),
    "everything": Rendering((CENSUS,), everything),
}

if WANT_SPOT_WOODPECKER:
    MODES["woodpeckers"] = Rendering(("woodpeckers",), networks_of("woodpeckers"))
if WANT_LOG_NETWORKS:
    MODES["busy"] = Rendering(("busy",), networks_of("busy"))
if WANT_CLIENT_COUNT:

    def client_shares(snapshot: StatsSnapshot) -> bytes:
        """New peers by client."""
        lines = [f"{count:08d}: {name}\n" for name, count in shares(snapshot)]
        return "".join(lines).encode("ascii")

    MODES["clients"] = Rendering((), client_shares)
if WANT_LOG_NUMWANT:

    def numwants(snapshot: StatsSnapshot) -> bytes:
        """The number of announces, by the number of peers that they asked for."""
        lines = [f"{number:03d} => {count}\n" for number, count in enumerate(snapshot.numwants)]
        return "".join(lines).encode("ascii")

    MODES["numwants"] = Rendering((), numwants)
