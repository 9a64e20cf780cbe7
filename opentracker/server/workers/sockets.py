"""The sockets of several workers: each bound address has one for each worker, in a group that the kernel spreads over.

The supervisor holds all of them, so a worker that dies takes none along, and its successor serves the same ones.
"""

import logging
import socket
from collections.abc import Sequence

from opentracker.config.settings import Bind
from opentracker.server import binding
from opentracker.server.sockets import endpoint_of
from opentracker.server.workers.steering import attach, program

log = logging.getLogger("opentracker")


class Group:
    """The sockets of one address, by worker; `is_steered` tells whether the kernel gives announces to their owners."""

    def __init__(self, sockets: Sequence[socket.socket], is_steered: bool) -> None:
        self.sockets = list(sockets)
        self.is_steered = is_steered

    def close(self) -> None:
        """Close all sockets."""
        for sock in self.sockets:
            sock.close()


def open_groups(binds: list[Bind], workers: int, keys: Sequence[int]) -> list[Group]:
    """Open all groups, or none. Raises StartError, which names the socket that could not be opened.

    Sockets that may be in a group can also be bound by another tracker of the same user. So each address is bound by
    a socket outside of any group first, which fails if the address is in use.
    """
    probes = binding.open_sockets(binds)
    found = [
        Bind(bind.udp, bind.address, endpoint_of(probe)[1]) for bind, probe in zip(binds, probes, strict=True)
    ]
    for probe in probes:
        probe.close()
    groups: list[Group] = []
    try:
        for _ in range(workers):
            for number, sock in enumerate(binding.open_sockets(found, in_group=True)):
                if number == len(groups):
                    groups.append(Group([], False))
                groups[number].sockets.append(sock)
    except BaseException:
        for group in groups:
            group.close()
        raise
    code = program(workers, keys)
    for group in groups:
        first = group.sockets[0]
        group.is_steered = first.type != socket.SOCK_DGRAM or attach(first, code)
    return groups


def passed_groups(passed: Sequence[socket.socket], workers: int) -> list[Group]:
    """Sockets that the service manager has opened: all workers serve the same one, and the kernel steers nothing."""
    groups = []
    for sock in passed:
        is_udp = sock.type == socket.SOCK_DGRAM
        if is_udp:
            log.info("a UDP socket of the service manager is no group: workers hand its announces on")
        groups.append(Group([sock, *(sock.dup() for _ in range(workers - 1))], not is_udp))
    return groups
