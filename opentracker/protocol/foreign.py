"""Other protocols that are sent to an HTTP port by mistake: TLS, and the PROXY protocol.

Clients that speak TLS wait for an answer to their hello, so they get an alert at once. A proxy with the PROXY protocol
switched on sends a line or a block before each request, which no HTTP server understands.
"""

from typing import Final

TLS: Final = "TLS"
PROXY: Final = "PROXY"

_BEGINNINGS: Final = {
    b"\x16\x03": TLS,  # a handshake record of any version (RFC 8446, 5.1)
    b"PROXY ": PROXY,  # version 1
    b"\r\n\r\n\0\r\nQUIT\n": PROXY,  # version 2
}

# A record of SSL 3.0 to TLS 1.2, which every TLS client understands: fatal (2), handshake_failure (40).
TLS_ALERT: Final = b"\x15\x03\x01\0\x02\x02\x28"


def foreign_protocol(data: bytes) -> str:
    """TLS or PROXY if `data` begins as that protocol; empty otherwise, also if `data` is too short to tell."""
    for beginning, name in _BEGINNINGS.items():
        if data.startswith(beginning):
            return name
    return ""
