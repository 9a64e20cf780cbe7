"""Statistics as JSON: every text mode as an object, for `format=json`. The shapes are in docs/statistics.md."""

import json
from collections.abc import Callable
from typing import Any, Final

from opentracker._features import (
    OT_PEER_TIMEOUT,
    WANT_LOG_NETWORKS,
    WANT_LOG_NUMWANT,
    WANT_SPOT_WOODPECKER,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.features.statistics.page import CENSUS, NETWORKS, Renderer, Rendering
from opentracker.features.statistics.text import ERRORS, first_address
from opentracker.swarm.counting.network_count import SHOWN, SIZES4, SIZES6, NetworkCount
from opentracker.swarm.counting.ranking import Ranking
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.snapshot import StatsSnapshot

CONTENT_TYPE: Final = b"application/json"

Shape = Callable[[StatsSnapshot], dict[str, Any]]


def conn(figures: StatsSnapshot) -> dict[str, Any]:
    """Connections of all kinds, and what came of them."""
    tcp, udp = figures.counters["tcp_connections"], figures.counters["udp_datagrams"]
    return {**rates(figures, tcp + udp, figures.successes()), "tcp_connections": tcp, "udp_datagrams": udp}


def rates(figures: StatsSnapshot, count: int, successes: int) -> dict[str, Any]:
    """Connections and successes, in all and a second."""
    uptime = max(1, figures.uptime)
    return {
        "uptime": figures.uptime,
        "connections": count,
        "successes": successes,
        "connections_per_second": round(count / uptime, 3),
        "successes_per_second": round(successes / uptime, 3),
    }


def tcp4(figures: StatsSnapshot) -> dict[str, Any]:
    """TCP connections and announces."""
    return rates(figures, figures.counters["tcp_connections"], figures.counters["tcp_announces"])


def udp4(figures: StatsSnapshot) -> dict[str, Any]:
    """Datagrams, and announces and connects among them."""
    counters = figures.counters
    return rates(figures, counters["udp_datagrams"], counters["udp_announces"] + counters["udp_connects"])


def scrp(figures: StatsSnapshot) -> dict[str, Any]:
    """Scrapes."""
    return chosen(figures, "tcp_scrapes", "udp_scrapes")


def fscr(figures: StatsSnapshot) -> dict[str, Any]:
    """Full scrapes."""
    return chosen(figures, "full_scrapes", "full_scrape_bytes")


def syncs(figures: StatsSnapshot) -> dict[str, Any]:
    """Live sync."""
    return chosen(figures, *[name for name in figures.counters if name.startswith("sync_")])


def completed(figures: StatsSnapshot) -> dict[str, Any]:
    """Completed downloads."""
    return chosen(figures, "completed")


def chosen(figures: StatsSnapshot, *names: str) -> dict[str, Any]:
    """Counters by name, with the seconds in which they were counted."""
    return {"uptime": figures.uptime, **{name: figures.counters[name] for name in names}}


def peer(figures: StatsSnapshot) -> dict[str, Any]:
    """Torrents and peers."""
    return swarm(figures.counted())


def swarm(census: Census) -> dict[str, Any]:
    """Torrents, and peers by family and kind; a family that is not in the build is left out."""
    shape: dict[str, Any] = {
        "torrents": census.torrents,
        "peers": census.peers(),
        "seeders": census.seeders(),
        "leechers": census.peers() - census.seeders(),
    }
    if not WANT_V6:
        shape["ipv4"] = {"seeders": census.seeders4, "leechers": census.leechers4}
    if not WANT_V4_ONLY:
        shape["ipv6"] = {"seeders": census.seeders6, "leechers": census.leechers6}
    return shape


def s24s(figures: StatsSnapshot) -> dict[str, Any]:
    """The networks of most peers."""
    assert figures.networks is not None
    return blocks(figures.networks.counts)


def networks_of(mode: str) -> Shape:
    """The shape of networks that a mode has ranked."""
    return lambda figures: blocks(figures.ranked[mode])


def blocks(counts: dict[int, NetworkCount]) -> dict[str, Any]:
    """Blocks of networks, busiest first."""
    return {
        "blocks": [
            {
                "family": "ipv4" if size in SIZES4 else "ipv6",
                "prefix_length": 8 * size,
                "networks": [
                    {"network": f"{first_address(network)}/{8 * size}", "count": times}
                    for times, network in counts[size].ranking.first(SHOWN)
                ],
            }
            for size in SIZES4 + SIZES6
            if size in counts
        ]
    }


def top(size: int) -> Shape:
    """The shape of the largest torrents."""
    return lambda figures: {
        "peers": torrents(figures.counted().by_peers, size),
        "seeders": torrents(figures.counted().by_seeders, size),
        "leechers": torrents(figures.counted().by_leechers, size),
    }


def torrents(ranking: Ranking, size: int) -> list[dict[str, Any]]:
    """Ranked torrents."""
    return [
        {"info_hash": info_hash.hex().upper(), "count": count} for count, info_hash in ranking.first(size)
    ]


def herr(figures: StatsSnapshot) -> dict[str, Any]:
    """HTTP answers other than 200."""
    return chosen(figures, *[name for _, name in ERRORS if name])


def renew(figures: StatsSnapshot) -> dict[str, Any]:
    """How old peers were when they renewed, by minutes."""
    return {"uptime": figures.uptime, "renewals": figures.renewals[:OT_PEER_TIMEOUT]}


def version(figures: StatsSnapshot) -> dict[str, Any]:
    """What this build is."""
    return {"version": figures.version}


def everything(figures: StatsSnapshot) -> dict[str, Any]:
    """All counts and counters."""
    return {
        "version": figures.version,
        "tracker_id": figures.tracker_id,
        "uptime": figures.uptime,
        "longest_turn": round(figures.longest_turn, 6),
        "open_connections": figures.connections,
        "memory": figures.memory,
        **swarm(figures.counted()),
        "counters": figures.counters,
        "renewals": figures.renewals[:OT_PEER_TIMEOUT],
    }


def json_of(shape: Shape) -> Callable[[StatsSnapshot], bytes]:
    """A rendering of a shape: one line of ASCII."""
    return lambda figures: json.dumps(shape(figures)).encode("ascii") + b"\n"


SHAPES: Final[dict[str, Shape]] = {
    "conn": conn,
    "tcp4": tcp4,
    "udp4": udp4,
    "scrp": scrp,
    "fscr": fscr,
    "syncs": syncs,
    "completed": completed,
    "peer": peer,
    "torr": peer,
    "s24s": s24s,
    "top10": top(10),
    "top100": top(100),
    "herr": herr,
    "renew": renew,
    "version": version,
    "everything": everything,
}
if WANT_SPOT_WOODPECKER:
    SHAPES["woodpeckers"] = networks_of("woodpeckers")
if WANT_LOG_NETWORKS:
    SHAPES["busy"] = networks_of("busy")
if WANT_LOG_NUMWANT:

    def numwants(figures: StatsSnapshot) -> dict[str, Any]:
        """How many peers were asked for."""
        return {"uptime": figures.uptime, "numwants": figures.numwants}

    SHAPES["numwants"] = numwants

NEEDS: Final = {
    **dict.fromkeys(("peer", "torr", "top10", "top100", "everything"), (CENSUS,)),
    "s24s": (NETWORKS,),
    "woodpeckers": ("woodpeckers",),
    "busy": ("busy",),
}
MODES: Final[dict[str, Renderer]] = {
    mode: Rendering(NEEDS.get(mode, ()), json_of(shape), CONTENT_TYPE) for mode, shape in SHAPES.items()
}
