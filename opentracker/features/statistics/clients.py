"""Client software, `mode=clients`: new peers by the program that their peer_id names (BEP 20).

A client may send any peer_id. So only names from a table are counted, and all others together, which bounds the memory.
"""

from typing import ClassVar, Final

from mypy_extensions import i64

from opentracker.features.feature import Feature, Host
from opentracker.features.statistics.page import Statistics
from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.swarm.counting.metric import Gauge
from opentracker.swarm.policy.watching import Watcher
from opentracker.swarm.surveys.snapshot import StatsSnapshot

NEWCOMERS: Final = Gauge(
    "opentracker_newcomers_total", "Peers that came to a torrent, by the client software in their peer_id."
)
OTHERS: Final = "others"

# The two letters of Azureus-style peer_ids: `-qB4650-` and twelve random bytes.
AZUREUS: Final = {
    b"AG": "Ares",
    b"AZ": "Vuze",
    b"BC": "BitComet",
    b"BG": "BTGetit",
    b"BI": "BiglyBT",
    b"BT": "BitTorrent",
    b"CD": "Enhanced CTorrent",
    b"DE": "Deluge",
    b"FC": "FileCroc",
    b"FD": "Free Download Manager",
    b"FL": "Flud",
    b"FW": "FrostWire",
    b"GT": "anacrolix/torrent",
    b"HL": "Halite",
    b"JS": "Torch",
    b"KG": "KGet",
    b"KT": "KTorrent",
    b"LT": "libtorrent",
    b"LW": "LimeWire",
    b"MG": "Mediaget",
    b"PI": "PicoTorrent",
    b"RT": "Retriever",
    b"SD": "Xunlei",
    b"ST": "SymTorrent",
    b"TB": "Torch",
    b"TI": "Tixati",
    b"TL": "Tribler",
    b"TR": "Transmission",
    b"TX": "Tixati",
    b"UL": "uLeecher",
    b"UM": "uTorrent",
    b"UT": "uTorrent",
    b"UW": "uTorrent",
    b"WW": "WebTorrent",
    b"WD": "WebTorrent",
    b"XL": "Xunlei",
    b"lt": "rTorrent",
    b"qB": "qBittorrent",
}
# Other beginnings.
PREFIXES: Final = {b"A2": "aria2", b"M": "BitTorrent"}
DASH: Final = 0x2D


def name_of(peer_id: bytes) -> str:
    """The name of a client; OTHERS for a peer_id that is not in the tables."""
    if len(peer_id) == 20 and peer_id[0] == DASH:
        return AZUREUS.get(peer_id[1:3], OTHERS) if peer_id[7] == DASH else OTHERS
    if len(peer_id) == 20 and DASH in peer_id[:4]:
        return PREFIXES.get(peer_id[:2], PREFIXES.get(peer_id[:1], OTHERS))
    return OTHERS


class Clients(Watcher):
    """Counts stored new peers, by client."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def announced(self, a: Announce, minute: i64) -> None:
        """See Watcher."""
        if a.age < 0 and a.stored and a.event != EVENT_STOPPED:
            name = name_of(a.peer_id)
            self.counts[name] = self.counts.get(name, 0) + 1

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the counts to a snapshot, in descending order."""
        for name, count in sorted(self.counts.items(), key=lambda item: (-item[1], item[0])):
            snapshot.tell(NEWCOMERS, count, f'client="{name}"')


def shares(snapshot: StatsSnapshot) -> list[tuple[str, int]]:
    """Clients and their numbers of new peers, in descending order."""
    found = [reading for reading in snapshot.readings.values() if reading.gauge.name == NEWCOMERS.name]
    return [(reading.labels.removeprefix('client="')[:-1], int(reading.value)) for reading in found]


class ClientsFeature(Feature[Host]):
    """`mode=clients`."""

    in_workers: ClassVar[bool] = True

    def join(self, host: Host) -> None:
        """Watch announces, and add the counts to snapshots."""
        clients = Clients()
        host.tracker.watchers.append(clients)
        host.part(Statistics).sources.own.append(clients.tell)
