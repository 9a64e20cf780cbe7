"""Admission: the tracker asks it whether to serve a torrent; an access list answers."""

from typing import Final

from mypy_extensions import mypyc_attr

from opentracker.swarm.counting.metric import CAUSE, Family, Metric

# The C tracker's text.
UNAUTHORIZED: Final = b"Requested download is not authorized for use with this tracker."

REFUSED: Final = Metric(
    "refused_accesslist",
    Family("opentracker_accesslist_refused_total", "Announces that the access list refused."),
    *("", "Announces that the access list refused", CAUSE),
)


@mypyc_attr(allow_interpreted_subclasses=True)
class Admission:
    """Serves every torrent; an access list is a subclass that refuses some."""

    def allows(self, info_hash: bytes) -> bool:
        """Whether the torrent with this info_hash (20 bytes) is served."""
        return True
