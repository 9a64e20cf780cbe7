"""`X-Forwarded-For` of a trusted proxy: the last address that is no proxy's, or the first, or a failure."""

import ipaddress

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.errors import HttpError, TrackerFailure
from opentracker.features.proxy import Proxies
from opentracker.protocol.addresses import parse_endpoint, parse_network
from opentracker.protocol.http import header_values, parse_request
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions

WORDS = [
    b"8.8.8.8",
    b", ",
    b"127.0.0.9",
    b"[2001:db8::1]:99",
    b"2001:db8::1",
    b"::1",
    b"\r\nX-Forwarded-For: ",
]
WORDS += [b"\n", b"x-forwarded-for:", b" ", b"\t", b"evil", b"::ffff:127.0.0.9", b":80"]
PROXY = bytes(15) + b"\x09" if WANT_V6 else b"\x7f\0\0\x09"
STRANGER = bytes(15) + b"\x08" if WANT_V6 else b"\x7f\0\0\x08"
permissions = Permissions()
for text in ("127.0.0.9", "::9"):
    permissions.bless(*parse_network(text), MAY_PROXY)
proxies = Proxies(permissions, Counters())


def check(headers: bytes) -> None:
    """A request with these headers."""
    try:
        request = parse_request(b"GET /announce HTTP/1.1\r\nX-Forwarded-For: " + headers + b"\r\n\r\n")
    except HttpError:
        return
    if request is None:
        return
    assert proxies.client(request, STRANGER) == STRANGER
    try:
        client = proxies.client(request, PROXY)
    except TrackerFailure:
        return
    assert not (WANT_V4_ONLY and len(client) != 4) and not (WANT_V6 and len(client) != 16)
    ipaddress.ip_address(client)
    names = b",".join(header_values(request, b"X-Forwarded-For")).split(b",")
    while names:
        address = parse_endpoint(names.pop().strip(b" \t").decode())[0]
        if address == client and (not names or permissions.rights(client) & MAY_PROXY == 0):
            return
        assert permissions.rights(address) & MAY_PROXY
    raise AssertionError("a client that was not named")
