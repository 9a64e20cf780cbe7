"""Which torrents are served: the question the tracker asks, answered by an access list."""

from typing import Final

UNAUTHORIZED: Final = (
    b"Requested download is not authorized for use with this tracker."  # the C tracker's text
)


class Admission:
    """Serves every torrent; an access list is a subclass that refuses some."""

    def allows(self, info_hash: bytes) -> bool:
        """Whether the torrent with this info_hash (20 bytes) is served."""
        return True
