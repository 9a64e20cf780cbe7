"""Statistics as text, in the shapes that MRTG scripts and people know from the C tracker."""

from collections.abc import Callable
from typing import Final

from opentracker._features import OT_PEER_TIMEOUT, WANT_LOG_NETWORKS, WANT_LOG_NUMWANT, WANT_SPOT_WOODPECKER
from opentracker.features.statistics.everything import everything
from opentracker.features.statistics.page import CENSUS, NETWORKS, Renderer, Rendering
from opentracker.protocol.addresses import format_ip
from opentracker.swarm.counting.network_count import SHOWN, SIZES4, SIZES6
from opentracker.swarm.counting.ranking import Ranking
from opentracker.swarm.surveys.snapshot import StatsSnapshot

# Label -> counter, in the order of `herr`; the C tracker's labels first. Nothing is ever `COM`: compact=0 is accepted.
ERRORS: Final = (
    ("302 RED", "http_302"),
    ("400 ...", "http_400_parse"),
    ("400 PAR", "http_400_parameter"),
    ("400 COM", ""),
    ("403 IP ", "http_403"),
    ("404 INV", "http_404"),
    ("500 SRV", "http_500"),
    ("402 MOD", "http_402"),
    ("405 MET", "http_405"),
    ("414 URI", "http_414"),
    ("431 HED", "http_431"),
    ("503 BSY", "http_503"),
)


def mrtg(figures: StatsSnapshot, first: int, second: int, caption: str) -> bytes:
    """Four lines without a final newline: two counters, how long they have been counted, and a caption."""
    uptime = figures.uptime
    return f"{first}\n{second}\n{uptime} seconds ({uptime // 3600} hours)\n{caption}".encode("ascii")


def conn(figures: StatsSnapshot) -> bytes:
    """Connections of all kinds, and what came of them."""
    count = figures.counters["tcp_connections"] + figures.counters["udp_datagrams"]
    return mrtg(figures, count, figures.successes(), connections(figures, "connections", count))


def connections(figures: StatsSnapshot, what: str, count: int) -> str:
    """The caption of `conn` and `syncs`."""
    conns, success = figures.per_second(count), figures.per_second(figures.successes())
    return f"opentracker {what}, {conns} conns/s :: {success} success/s."


def tcp4(figures: StatsSnapshot) -> bytes:
    """TCP connections, of both families, and announces over them."""
    return of_protocol(
        figures, "tcp4", figures.counters["tcp_connections"], figures.counters["tcp_announces"]
    )


def udp4(figures: StatsSnapshot) -> bytes:
    """Datagrams, of both families, and announces and connects among them."""
    successes = figures.counters["udp_announces"] + figures.counters["udp_connects"]
    return of_protocol(figures, "udp4", figures.counters["udp_datagrams"], successes)


def of_protocol(figures: StatsSnapshot, name: str, count: int, successes: int) -> bytes:
    """Connections and successes of one protocol."""
    conns, success = figures.per_second(count), figures.per_second(successes)
    caption = f"opentracker {name} stats, {conns} conns/s :: {success} success/s."
    return mrtg(figures, count, successes, caption)


def scrp(figures: StatsSnapshot) -> bytes:
    """Scrapes."""
    tcp, udp = figures.counters["tcp_scrapes"], figures.counters["udp_scrapes"]
    caption = f"opentracker scrape stats, {figures.per_second(tcp + udp)} scrape/s (tcp and udp)"
    return mrtg(figures, tcp, udp, caption)


def fscr(figures: StatsSnapshot) -> bytes:
    """Full scrapes, a thousand for each, and the bytes sent for them."""
    scrapes, size = figures.counters["full_scrapes"] * 1000, figures.counters["full_scrape_bytes"]
    conns, rate = figures.per_second(scrapes), figures.per_second(size)
    return mrtg(figures, scrapes, size, f"opentracker full scrape stats, {conns} conns/s :: {rate} bytes/s.")


def syncs(figures: StatsSnapshot) -> bytes:
    """Peers received by live sync."""
    count = figures.counters["tcp_connections"] + figures.counters["udp_datagrams"]
    return mrtg(
        figures, figures.counters["sync_peers_received"], 0, connections(figures, "connections", count)
    )


def completed(figures: StatsSnapshot) -> bytes:
    """Completed downloads."""
    count = figures.counters["completed"]
    caption = f"opentracker, {count // max(1, figures.uptime // 3600)} completed/h."
    return mrtg(figures, count, 0, caption)


def peer(figures: StatsSnapshot) -> bytes:
    """Peers and seeders."""
    census = figures.counted()
    return serving(census.peers(), census.seeders(), census.torrents)


def torr(figures: StatsSnapshot) -> bytes:
    """Torrents."""
    return serving(figures.counted().torrents, 0, figures.counted().torrents)


def serving(first: int, second: int, torrents: int) -> bytes:
    """Four lines that tell how many torrents there are."""
    return f"{first}\n{second}\nopentracker serving {torrents} torrents\nopentracker".encode("ascii")


def block(caption: str, ranked: list[tuple[int, bytes]]) -> str:
    """A block of networks, busiest first, by their first addresses."""
    lines = [f"Networks, limit {caption}:\n"]
    for times, network in ranked:
        lines.append(f"{times:08d}: {first_address(network)}\n")
    return "".join(lines) + "\n"


def first_address(network: bytes) -> str:
    """The text of a network's first address; 3 bytes and fewer are of IPv4, and so are no others."""
    return format_ip(network + bytes((4 if len(network) <= 3 else 16) - len(network)))


def s24s(figures: StatsSnapshot) -> bytes:
    """The networks of most peers."""
    assert figures.networks is not None
    blocks = []
    for size in SIZES4 + SIZES6:
        blocks.append(block(f"/{8 * size}", figures.networks.counts[size].ranking.first(SHOWN)))
    return "".join(blocks).encode("ascii")


def networks_of(mode: str) -> Callable[[StatsSnapshot], bytes]:
    """The rendering of one block of networks, of both families, that a mode has ranked."""

    def render(figures: StatsSnapshot) -> bytes:
        both = Ranking(SHOWN)
        for count in figures.ranked[mode].values():
            both.merge(count.ranking)
        caption = " and ".join(f"/{8 * size}" for size in figures.ranked[mode])
        return block(caption, both.first(SHOWN)).encode("ascii")

    return render


def top(size: int) -> Callable[[StatsSnapshot], bytes]:
    """The rendering of the largest torrents."""

    def render(figures: StatsSnapshot) -> bytes:
        census = figures.counted()
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


def herr(figures: StatsSnapshot) -> bytes:
    """HTTP answers other than 200."""
    lines = [f"{label} {figures.counters[name] if name else 0}\n" for label, name in ERRORS]
    return "".join(lines).encode("ascii")


def renew(figures: StatsSnapshot) -> bytes:
    """How old peers were when they renewed."""
    lines = [f"{age:02d} {figures.renewals[age]}\n" for age in range(OT_PEER_TIMEOUT)]
    return "".join(lines).encode("ascii")


def version(figures: StatsSnapshot) -> bytes:
    """What this build is, on a line."""
    return f"{figures.version}\n".encode()


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
if WANT_LOG_NUMWANT:

    def numwants(figures: StatsSnapshot) -> bytes:
        """How many peers were asked for."""
        lines = [f"{number:03d} => {count}\n" for number, count in enumerate(figures.numwants)]
        return "".join(lines).encode("ascii")

    MODES["numwants"] = Rendering((), numwants)
