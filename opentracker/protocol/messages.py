"""An announce on its way through the tracker: the fields of the request, and those of the answer.

One `Announce` is made for each server and used again for every request (building one for each would cost an
interpreted announce a tenth of its time). A parser fills in all request fields, `swarm.tracker` all answer fields, and
a writer turns the answer fields into bytes.
"""

from typing import Final

EVENT_NONE: Final = 0
EVENT_COMPLETED: Final = 1
EVENT_STARTED: Final = 2
EVENT_STOPPED: Final = 3
EVENT_PAUSED: Final = 4  # BEP 21: a partial seed; the number is libtorrent's over UDP


class Announce:
    """The fields of one announce; sizes in bytes.

    `both_families` tells whether the answer lists peers of both address families, as over HTTP, or only of the client's
    own family, as over UDP.

    Request: `info_hash` (20), `peer_id` (20, or empty if unknown), `peer` (address and port as in a compact list:
    4 + 2 or 16 + 2), `stored` (whether the peer can be listed: ports 0 and 1 cannot), `seeding`, `event`,
    `numwant` (0 or more, limits applied), `url_data` (BEP 41), `sync_age` (-1 if the client itself announces; else the
    peer came by live sync, and this is the age in minutes that the record gives).

    Answer: `interval` in seconds, `complete` (seeders), `incomplete` (leechers), `downloaded`, and compact lists:
    `peers` (6 bytes each) and `peers6` (18 each) with both families, else `peers` of the client's family. Two fields
    are for the statistics: `age`, the minutes since the known peer's last announce (-1: not a renewal), and
    `has_completed`, whether this announce raised the torrent's `downloaded`.
    """

    __slots__ = (
        "age",
        "both_families",
        "complete",
        "downloaded",
        "event",
        "has_completed",
        "incomplete",
        "info_hash",
        "interval",
        "numwant",
        "peer",
        "peer_id",
        "peers",
        "peers6",
        "seeding",
        "stored",
        "sync_age",
        "url_data",
    )

    def __init__(self, both_families: bool) -> None:
        self.info_hash = b""
        self.peer_id = b""
        self.peer = b""
        self.stored = False
        self.seeding = False
        self.event: int = EVENT_NONE
        self.numwant: int = 0
        self.both_families = both_families
        self.url_data = b""
        self.sync_age: int = -1
        self.interval: int = 0
        self.complete: int = 0
        self.incomplete: int = 0
        self.downloaded: int = 0
        self.peers = b""
        self.peers6 = b""
        self.age: int = -1
        self.has_completed = False
