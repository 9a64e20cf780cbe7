"""The things that a running tracker hands to the one that takes its place: identity, sockets, the lock of the state.

They come by a channel, as one message of JSON and messages with descriptors, DESCRIPTORS in each. `names` has a name
for each descriptor, in order::

    passed GROUP          a socket of the service manager
    own GROUP WORKER      a socket that the tracker has bound for its clients
    other                 a socket that a feature has bound
    named NAME            a socket that a feature knows by a name of its own
    lock                  the lock file of the state, locked
    torrents WORKER       the channel by which a worker gives its torrents; one process alone is worker 0
"""

import json
import os
import select
import socket
from collections.abc import MutableMapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from opentracker.config.settings import Left
from opentracker.errors import StartError
from opentracker.server.upgrade.launcher import VARIABLE

FORMAT: Final = 2
DESCRIPTORS: Final = 64  # in a message; Linux takes 253
MOST_BYTES: Final = 1 << 16
PATIENCE: Final = 10.0  # seconds for the first message, and for each one after it
PASSED: Final = "passed"
OWN: Final = "own"
OTHER: Final = "other"
NAMED: Final = "named"
LOCK: Final = "lock"
TORRENTS: Final = "torrents"

Named = tuple[str, int]  # a name and a descriptor


@dataclass
class Identity:
    """The marks of one tracker to the outside. `origin` is minute 0 by the machine's monotonic clock."""

    secret: bytes  # of the connection ids
    seed: int  # of the tracker id
    origin: float
    keys: list[int] = field(default_factory=list)  # of the ownership among workers


@dataclass
class Bequest:
    """Everything that the successor has received; `channel` is the way back to the running tracker."""

    channel: socket.socket
    identity: Identity
    workers: int
    steered: set[int]  # groups that the kernel steers
    passed: dict[int, socket.socket] = field(default_factory=dict)  # by group
    own: dict[int, dict[int, socket.socket]] = field(default_factory=dict)  # by group and worker
    others: list[socket.socket] = field(default_factory=list)
    named: dict[str, socket.socket] = field(default_factory=dict)
    lock: int = -1
    torrents: dict[int, socket.socket] = field(default_factory=dict)  # by worker

    def take(self, name: str, fd: int) -> None:
        """Take a descriptor by its name."""
        kind, _, rest = name.partition(" ")
        if kind == LOCK:
            self.lock = fd
            return
        sock = socket.socket(fileno=fd)
        if kind == NAMED:
            self.named[rest] = sock
            return
        places = [int(number) for number in rest.split()]
        if kind == PASSED:
            self.passed[places[0]] = sock
        elif kind == OWN:
            self.own.setdefault(places[0], {})[places[1]] = sock
        elif kind == TORRENTS:
            self.torrents[places[0]] = sock
        else:
            self.others.append(sock)

    def close(self) -> None:
        """Close all that has not been used."""
        for sock in (*self.passed.values(), *self.others, *self.torrents.values(), self.channel):
            sock.close()
        for sock in self.named.values():
            sock.close()
        for group in self.own.values():
            for sock in group.values():
                sock.close()


def of_features(left: Left) -> list[Named]:
    """All that features have opened, by names."""
    named = [(OTHER, sock.fileno()) for sock in left.others]
    named += [(f"{NAMED} {name}", sock.fileno()) for name, sock in left.own.items()]
    if left.lock >= 0:
        named.append((LOCK, left.lock))
    return named


def send(
    channel: socket.socket,
    identity: Identity,
    workers: int,
    steered: Sequence[int],
    named: Sequence[Named],
) -> None:
    """Send everything. Raises OSError."""
    head = {
        "format": FORMAT,
        "identity": {**asdict(identity), "secret": identity.secret.hex()},
        "workers": workers,
        "steered": list(steered),
        "names": [name for name, _ in named],
    }
    channel.send(json.dumps(head).encode("ascii"))
    for start in range(0, len(named), DESCRIPTORS):
        socket.send_fds(channel, [b"+"], [fd for _, fd in named[start : start + DESCRIPTORS]])


def receive(environment: MutableMapping[str, str]) -> Bequest | None:
    """Everything that a running tracker hands over; None if this process was not started by one. Raises StartError."""
    number = environment.pop(VARIABLE, "")
    if not number:
        return None
    if not number.isdigit():
        raise StartError(f"{VARIABLE}={number!r}: expected the number of a descriptor")
    try:
        channel = socket.socket(fileno=int(number))
    except OSError as error:
        raise StartError(f"{VARIABLE}={number}: {error.strerror}") from error
    try:
        return read(channel)
    except BaseException:
        channel.close()
        raise


def read(channel: socket.socket) -> Bequest:
    """Everything that comes by a channel. Raises StartError."""
    try:
        channel.set_inheritable(False)
        channel.setblocking(False)
        head = json.loads(next_message(channel)[0])
        if head["format"] != FORMAT:
            raise StartError(
                f"the running tracker hands over in format {head['format']}, not {FORMAT}: restart it"
            )
        identity = Identity(**{**head["identity"], "secret": bytes.fromhex(head["identity"]["secret"])})
        bequest = Bequest(channel, identity, head["workers"], set(head["steered"]))
        names = list(head["names"])
        while names:
            fds = next_message(channel)[1]
            if not fds:
                raise StartError("the running tracker hands over less than it says")
            for fd in fds:
                os.set_inheritable(fd, False)
                bequest.take(names.pop(0), fd)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise StartError(f"what the running tracker hands over cannot be read: {error!r}") from error
    return bequest


def next_message(channel: socket.socket) -> tuple[bytes, list[int]]:
    """The next message and its descriptors. Raises StartError and OSError."""
    if not select.select([channel], [], [], PATIENCE)[0]:
        raise StartError("the running tracker hands nothing over")
    message, fds, _, _ = socket.recv_fds(channel, MOST_BYTES, DESCRIPTORS)
    if not message:
        raise StartError("the running tracker has ended in the middle")
    return message, fds
