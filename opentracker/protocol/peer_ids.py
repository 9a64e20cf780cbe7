"""Names of client software by peer_id (BEP 20).

A client may send any peer_id. So only names from a table are told, and OTHERS for all others, which bounds the memory
of their counts.
"""

from typing import Final

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
