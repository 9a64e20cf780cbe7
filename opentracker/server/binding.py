"""The sockets that a tracker opens: all of them, or none."""

import logging
import socket
from collections.abc import Sequence

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Bind, Settings
from opentracker.errors import StartError
from opentracker.protocol.addresses import DEFAULT_PORT, format_endpoint
from opentracker.server.sockets import endpoint_of, has_ipv6, open_tcp, open_udp

log = logging.getLogger("opentracker")

ANY4 = bytes(4)
ANY6 = bytes(16)


def planned_binds(settings: Settings) -> list[Bind]:
    """The sockets to open, each with its address: the configured ones, or TCP and UDP 6969. Raises StartError."""
    if settings.binds or settings.binds_elsewhere:
        return spread(settings.binds)
    return spread([Bind(udp, settings.last_address, DEFAULT_PORT) for udp in (False, True)])


def spread(asked: list[Bind]) -> list[Bind]:
    """Sockets, each with its address: a wildcard becomes one for each family that the build and the machine have.

    Raises StartError for a socket that is named twice.
    """
    everywhere = wildcards() if any(bind.address is None for bind in asked) else []
    binds: list[Bind] = []
    for bind in asked:
        for address in everywhere if bind.address is None else [bind.address]:
            planned = Bind(bind.udp, address, bind.port)
            if planned.port and planned in binds:
                raise StartError(
                    f"cannot bind {in_words(planned)}: Address already in use, it is named twice"
                )
            binds.append(planned)
    return binds


def open_for(settings: Settings, binds: list[Bind]) -> list[socket.socket]:
    """Open the sockets of a feature, or take those that another tracker has left. Raises StartError."""
    sockets = open_sockets(binds, left=settings.left.sockets)
    settings.left.others += sockets
    return sockets


def in_words(bind: Bind) -> str:
    """`UDP 0.0.0.0:6969`."""
    assert bind.address is not None
    return f"{'UDP' if bind.udp else 'TCP'} {format_endpoint(bind.address, bind.port)}"


def wildcards() -> list[bytes]:
    """The wildcard addresses of this build and this machine."""
    if WANT_V6:
        return [ANY6]
    if not WANT_V4_ONLY:
        if has_ipv6():
            return [ANY4, ANY6]
        log.warning("this machine has no IPv6: serving IPv4 alone")
    return [ANY4]


def bound_to(bind: Bind, sockets: Sequence[socket.socket]) -> socket.socket | None:
    """The first socket that is bound as asked; any port is right for port 0."""
    kind = socket.SOCK_DGRAM if bind.udp else socket.SOCK_STREAM
    for sock in sockets:
        address, port = endpoint_of(sock)
        if sock.type == kind and address == bind.address and bind.port in (0, port):
            return sock
    return None


def open_sockets(
    binds: list[Bind], in_group: bool = False, left: list[socket.socket] | None = None
) -> list[socket.socket]:
    """Open all sockets, or none. Raises StartError, which names the socket that could not be opened.

    A socket in `left` that is bound to an address already is taken from there.

    An IPv6 wildcard serves IPv4 too in a dual-stack build, unless the IPv4 wildcard is bound to the same port as well.
    Sockets `in_group` share their address with others, see SO_REUSEPORT.
    """
    sockets: list[socket.socket] = []
    try:
        for bind in binds:
            assert bind.address is not None
            found = bound_to(bind, left or [])
            if found is not None and left is not None:
                left.remove(found)
                sockets.append(found)
                continue
            only_v6 = WANT_V6 or bind.address != ANY6 or Bind(bind.udp, ANY4, bind.port) in binds
            open_socket = open_udp if bind.udp else open_tcp
            sockets.append(open_socket(bind.address, bind.port, only_v6, in_group))
    except StartError:
        for sock in sockets:
            sock.close()
        raise
    return sockets
