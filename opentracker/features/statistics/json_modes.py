"""Statistics as JSON: every text mode as an object, for `format=json`. The shapes are in docs/statistics.md."""

import json
from collections.abc import Callable
from typing import Any, ClassVar, Final

from opentracker._features import (
    OT_PEER_TIMEOUT,
    WANT_CLIENT_COUNT,
    WANT_LOG_NETWORKS,
    WANT_LOG_NUMWANT,
    WANT_MAX_PEER,
    WANT_SPOT_WOODPECKER,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.features.feature import Feature, Host
from opentracker.features.statistics.page import Renderer, Rendering, Statistics
from opentracker.features.statistics.text import first_address, herr_rows
from opentracker.swarm.counting.core_gauges import (
    LONGEST_ITERATION,
    MEMORY_COUNTED,
    MEMORY_LIMIT,
    MEMORY_USED,
    OPEN_CONNECTIONS,
)
from opentracker.swarm.counting.metric import SYNC
from opentracker.swarm.counting.network_count import SHOWN, SIZES4, SIZES6, NetworkCount
from opentracker.swarm.counting.ranking import Ranking
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.snapshot import CENSUS, NETWORKS, StatsSnapshot

if WANT_CLIENT_COUNT:
    from opentracker.features.statistics.clients import shares

CONTENT_TYPE: Final = b"application/json"

Shape = Callable[[StatsSnapshot], dict[str, Any]]


def conn(snapshot: StatsSnapshot) -> dict[str, Any]:
    """Connections of all kinds, and their successes."""
    tcp, udp = snapshot.count("tcp_connections"), snapshot.count("udp_datagrams")
    return {**rates(snapshot, tcp + udp, snapshot.successes()), "tcp_connections": tcp, "udp_datagrams": udp}


def rates(snapshot: StatsSnapshot, count: int, successes: int) -> dict[str, Any]:
    """Connections and successes, in all and a second."""
    uptime = max(1, snapshot.uptime)
    return {
        "uptime": snapshot.uptime,
        "connections": count,
        "successes": successes,
        "connections_per_second": round(count / uptime, 3),
        "successes_per_second": round(successes / uptime, 3),
    }


def tcp4(snapshot: StatsSnapshot) -> dict[str, Any]:
    """TCP connections and announces."""
    return rates(snapshot, snapshot.count("tcp_connections"), snapshot.count("tcp_announces"))


def udp4(snapshot: StatsSnapshot) -> dict[str, Any]:
    """Datagrams, and announces and connects among them."""
    return rates(
        snapshot,
        snapshot.count("udp_datagrams"),
        snapshot.count("udp_announces") + snapshot.count("udp_connects"),
    )


def scrp(snapshot: StatsSnapshot) -> dict[str, Any]:
    """Scrapes."""
    return chosen(snapshot, "tcp_scrapes", "udp_scrapes")


def fscr(snapshot: StatsSnapshot) -> dict[str, Any]:
    """Full scrapes."""
    return chosen(snapshot, "full_scrapes", "full_scrape_bytes")


def syncs(snapshot: StatsSnapshot) -> dict[str, Any]:
    """Live sync."""
    return chosen(snapshot, *[row.name for row in snapshot.of_group(SYNC)])


def completed(snapshot: StatsSnapshot) -> dict[str, Any]:
    """Completed downloads."""
    return chosen(snapshot, "completed")


def chosen(snapshot: StatsSnapshot, *names: str) -> dict[str, Any]:
    """Counters by name, with the seconds in which they were counted."""
    return {"uptime": snapshot.uptime, **{name: snapshot.count(name) for name in names}}


def peer(snapshot: StatsSnapshot) -> dict[str, Any]:
    """Torrents and peers."""
    return swarm(snapshot.counted())


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


def s24s(snapshot: StatsSnapshot) -> dict[str, Any]:
    """The networks with the most peers."""
    return blocks(snapshot.networks(NETWORKS))


def networks_of(mode: str) -> Shape:
    """The shape of networks that a mode has ranked."""
    return lambda snapshot: blocks(snapshot.networks(mode))


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
    return lambda snapshot: {
        "peers": torrents(snapshot.counted().by_peers, size),
        "seeders": torrents(snapshot.counted().by_seeders, size),
        "leechers": torrents(snapshot.counted().by_leechers, size),
    }


def torrents(ranking: Ranking, size: int) -> list[dict[str, Any]]:
    """Ranked torrents."""
    return [
        {"info_hash": info_hash.hex().upper(), "count": count} for count, info_hash in ranking.first(size)
    ]


def herr(snapshot: StatsSnapshot) -> dict[str, Any]:
    """HTTP answers other than 200."""
    return chosen(snapshot, *[status.counter for status in herr_rows() if status.counter])


def renew(snapshot: StatsSnapshot) -> dict[str, Any]:
    """The number of renewals, by the minutes since each peer's announce before."""
    return {"uptime": snapshot.uptime, "renewals": snapshot.renewals[:OT_PEER_TIMEOUT]}


def version(snapshot: StatsSnapshot) -> dict[str, Any]:
    """The version of this build."""
    return {"version": snapshot.version}


def everything(snapshot: StatsSnapshot) -> dict[str, Any]:
    """All counts and counters."""
    return {
        "version": snapshot.version,
        "tracker_id": snapshot.tracker_id,
        "uptime": snapshot.uptime,
        "longest_turn": round(snapshot.reading(LONGEST_ITERATION), 6),
        "open_connections": int(snapshot.reading(OPEN_CONNECTIONS)),
        "memory": memory(snapshot),
        **swarm(snapshot.counted()),
        "counters": snapshot.counters,
        "renewals": snapshot.renewals[:OT_PEER_TIMEOUT],
    }


def memory(snapshot: StatsSnapshot) -> dict[str, int]:
    """Memory as `limits.memory` counts it, for builds with limits."""
    kinds = {"counted": MEMORY_COUNTED, "used": MEMORY_USED, "limit": MEMORY_LIMIT}
    return {kind: int(snapshot.reading(gauge)) for kind, gauge in kinds.items()} if WANT_MAX_PEER else {}


def json_of(shape: Shape) -> Callable[[StatsSnapshot], bytes]:
    """A rendering of a shape: one line of ASCII."""
    return lambda snapshot: json.dumps(shape(snapshot)).encode("ascii") + b"\n"


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
if WANT_CLIENT_COUNT:

    def client_shares(snapshot: StatsSnapshot) -> dict[str, Any]:
        """New peers by client."""
        return {"uptime": snapshot.uptime, "newcomers": dict(shares(snapshot))}

    SHAPES["clients"] = client_shares
if WANT_LOG_NUMWANT:

    def numwants(snapshot: StatsSnapshot) -> dict[str, Any]:
        """The number of announces, by the number of peers that they asked for."""
        return {"uptime": snapshot.uptime, "numwants": snapshot.numwants}

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


class JsonFeature(Feature[Host]):
    """`format=json` for all modes."""

    in_workers: ClassVar[bool] = True

    def join(self, host: Host) -> None:
        """Add the format."""
        host.part(Statistics).renderings["json"] = dict(MODES)
