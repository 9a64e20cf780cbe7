"""A tracker for harnesses: all that the build has, joined, without a socket; made anew before it grows large."""

import logging
from typing import Final

from librt.strings import BytesWriter

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Settings
from opentracker.swarm.policy.permissions import EVERYTHING
from tests.server.live import Live

INPUTS: Final = 2000  # that one tracker lives for
SOURCES: Final = [
    address
    for address in (
        b"\x7f\0\0\x01",
        b"\x0a\x01\x02\x03",
        bytes(15) + b"\x01",
        b"\x20\x01\x0d\xb8" + bytes(12),
    )
    if not (WANT_V4_ONLY and len(address) == 16) and not (WANT_V6 and len(address) == 4)
]


class Desk:
    """Hands what strangers send to a tracker."""

    def __init__(self) -> None:
        logging.getLogger("opentracker").setLevel(logging.CRITICAL)
        self.inputs = 0
        self.live = self.opened()

    def opened(self) -> Live:
        settings = Settings()
        settings.permissions.bless(bytes(16 if WANT_V6 else 4), 0, EVERYTHING)
        return Live(settings)

    def fresh(self) -> Live:
        """The tracker, or a new one in its place."""
        self.inputs += 1
        if self.inputs % INPUTS == 0:
            self.live.close()
            self.live = self.opened()
        return self.live

    def datagram(self, packet: bytes, source: bytes, minute: int = 0) -> bytes:
        """The answer to a datagram; empty for silence."""
        out = BytesWriter()
        self.live.server.udp.answer(packet, len(packet), source, minute, out)
        return out.getvalue()
