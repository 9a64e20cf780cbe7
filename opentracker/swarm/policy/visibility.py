"""Which peers are listed, and to whom: the questions that the tracker asks, answered by a filter of addresses."""

from opentracker.protocol.messages import Announce


class Visibility:
    """Lists every peer to everybody; a filter is a subclass that does not."""

    def __init__(self) -> None:
        self.hides = False  # whether peers may be stored that are not for everybody

    def screen(self, a: Announce) -> None:
        """Take `stored` off an announce whose peer is to be answered and never listed."""

    def lists(self, peer: bytes) -> bool:
        """Whether a peer (address and port) that is stored without an announce may be listed."""
        return True

    def hide(self, a: Announce) -> None:
        """Leave out of an answer the peers that are not for the one who asks."""
