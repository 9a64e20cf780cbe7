"""Visibility: the tracker asks it whether to list a peer to a client; a filter of addresses answers."""

from opentracker.protocol.messages import Announce


class Visibility:
    """Lists every peer to every client; a filter is a subclass that hides some."""

    def __init__(self) -> None:
        self.hides = False  # whether any stored peer is visible only to some clients

    def screen(self, a: Announce) -> None:
        """Clear `stored` of an announce whose peer must never be listed; the peer still gets an answer."""

    def lists(self, peer: bytes) -> bool:
        """Whether a peer (address and port) that is stored without an announce may be listed."""
        return True

    def hide(self, a: Announce) -> None:
        """Remove the peers from an answer that its client may not see."""
