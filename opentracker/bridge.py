"""`python -m opentracker.bridge`: live sync between sites, carried by NATS.

A bridge is a member of its site's cluster. What the trackers there tell each other it publishes, a packet a message, as
`opentracker.CLUSTER.SITE`; what bridges of other sites publish it tells its own trackers, every record marked as having
come by sync. Marked records are never published, so nothing goes round, however many bridges a site has.
"""

import argparse
import asyncio
import importlib
import logging
import re
import signal
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from opentracker.config.values import shown
from opentracker.errors import EXIT_START, EXIT_USAGE, StartError, UsageError
from opentracker.features.cluster.settings import SyncSettings, parse_sync_endpoint
from opentracker.protocol.addresses import parse_network
from opentracker.protocol.livesync import (
    FROM_SYNC,
    HEADER_SIZE,
    LARGEST,
    PEERS4,
    PEERS6,
    kind_of,
    record_count,
    record_size,
)
from opentracker.server.livesync import Cluster, open_cluster, receive
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions

log = logging.getLogger("opentracker")

PREFIX: Final = "opentracker"  # of subjects
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # of a cluster or a site: one token of a subject
QUEUE: Final = 10_000  # packets that wait for NATS, half a million peers, before the oldest are dropped
IN_FLIGHT: Final = 256  # packets published before NATS has to say that it has them
CONFIRM_SECONDS: Final = 10.0
READ_AT_ONCE: Final = 64  # packets of a socket before others have their turn


@dataclass
class Figures:
    """What a bridge counts: packets since its start, and connections to NATS."""

    heard: int = 0  # of the own site, to be published
    unblessed: int = 0  # from addresses that may not
    malformed: int = 0
    published: int = 0
    dropped: int = 0  # there was no room for them in the queue, or NATS was too slow to hand them over
    received: int = 0  # of other sites
    refused: int = 0  # of other sites, and malformed
    told: int = 0
    unsent: int = 0  # the own site could not be told
    connected: int = 0
    lost: int = 0  # connections

    def describe(self) -> str:
        """All of them in one line."""
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


class Bridge:
    """What is carried over and what is not, without a socket; `clock` gives seconds and never goes back."""

    def __init__(
        self, permissions: Permissions, clock: Callable[[], float] = time.monotonic, room: int = QUEUE
    ) -> None:
        self.permissions = permissions
        self.clock = clock
        self.room = room
        self.figures = Figures()
        self.waiting: deque[tuple[float, bytes]] = deque()

    def hear(self, packet: bytes, address: bytes) -> bool:
        """Put a packet of the own site that came from `address` into the queue, if it is to be published."""
        if not self.permissions.rights(address) & MAY_LIVESYNC:
            self.figures.unblessed += 1
            return False
        kind = kind_of(packet)
        if kind not in (PEERS4, PEERS6):
            # Scrape sync stays in its site: it asks one tracker, and that answers all.
            self.figures.malformed += kind < 0
            return False
        fresh = own_records(packet, record_size(kind))
        if len(fresh) == HEADER_SIZE:
            return False
        self.figures.heard += 1
        if len(self.waiting) >= self.room:
            self.waiting.popleft()
            self.figures.dropped += 1
        self.waiting.append((self.clock(), fresh))
        return True

    def next_message(self) -> bytes:
        """Take the oldest packet of the queue, its records as old as they are by now."""
        since, packet = self.waiting.popleft()
        self.figures.published += 1
        minutes = int(self.clock() - since) // 60
        return aged(packet, minutes) if minutes > 0 else packet

    def take(self, message: bytes) -> bytes | None:
        """The packet to tell the own site, made of another site's message; None for one that is malformed."""
        self.figures.received += 1
        kind = kind_of(message)
        if kind not in (PEERS4, PEERS6) or len(message) > LARGEST:
            self.figures.refused += 1
            return None
        size = record_size(kind)
        packet = bytearray(message[: HEADER_SIZE + record_count(message, size) * size])
        for at in range(HEADER_SIZE + size - 2, len(packet), size):
            packet[at] |= FROM_SYNC
        return bytes(packet)


def own_records(packet: bytes, size: int) -> bytes:
    """A packet without the records that have come by sync, and without what follows its last whole record."""
    end = HEADER_SIZE + record_count(packet, size) * size
    records = [packet[at : at + size] for at in range(HEADER_SIZE, end, size)]
    return packet[:HEADER_SIZE] + b"".join(record for record in records if not record[size - 2] & FROM_SYNC)


def aged(packet: bytes, minutes: int) -> bytes:
    """A packet of whole records that are some minutes older."""
    size = record_size(kind_of(packet))
    older = bytearray(packet)
    for at in range(HEADER_SIZE + size - 1, len(older), size):
        older[at] = min(255, older[at] + minutes)
    return bytes(older)


# ---- NATS and the cluster ----------------------------------------------------------------------------------


class Carrier:
    """A bridge at work: between the sockets of a cluster and a connection to NATS."""

    def __init__(self, bridge: Bridge, cluster: Cluster, options: argparse.Namespace) -> None:
        self.bridge = bridge
        self.cluster = cluster
        self.site: str = options.site
        self.own_subject = f"{PREFIX}.{options.cluster}.{options.site}"
        self.all_subjects = f"{PREFIX}.{options.cluster}.*"
        self.report_seconds: float = options.report
        self.connecting = connection_options(options)
        self.nats: Any = importlib.import_module("nats")
        self.client = self.nats.NATS()
        self.news = asyncio.Event()
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until a signal comes."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stopping.set)
        for sock in self.cluster.sockets:
            loop.add_reader(sock.fileno(), self.read, sock)
        for line in self.cluster.words:
            log.info("%s", line)
        tasks = [loop.create_task(work) for work in (self.connect_and_publish(), self.report())]
        stopped = loop.create_task(self.stopping.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for sock in self.cluster.sockets:
                loop.remove_reader(sock.fileno())
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)
            await self.end()
            log.info("bridge: %s", self.bridge.figures.describe())
        for task in done:
            if task is not stopped:
                task.result()

    def read(self, sock: Any) -> None:
        """Take in what trackers of the own site tell."""
        for _ in range(READ_AT_ONCE):
            try:
                packet, address = receive(sock)
            except BlockingIOError:
                return
            except OSError:  # of a packet that we have sent: nobody is there
                continue
            if self.bridge.hear(packet, address):
                self.news.set()

    async def connect_and_publish(self) -> None:
        """Connect, for as long as it takes, and publish what is in the queue whenever there is a connection."""
        await self.client.connect(
            **self.connecting,
            name=f"{self.own_subject} bridge",
            no_echo=True,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            error_cb=self.failed,
            disconnected_cb=self.disconnected,
            reconnected_cb=self.connected,
        )
        await self.client.subscribe(
            self.all_subjects, cb=self.told, pending_msgs_limit=self.bridge.room, pending_bytes_limit=-1
        )
        await self.connected()
        while True:
            await self.news.wait()
            self.news.clear()
            while self.bridge.waiting and self.client.is_connected:
                await self.publish_some()

    async def publish_some(self) -> None:
        """Publish a few packets, and wait until NATS has them: what comes meanwhile waits in the queue."""
        try:
            for _ in range(min(IN_FLIGHT, len(self.bridge.waiting))):
                await self.client.publish(self.own_subject, self.bridge.next_message())
            await self.client.flush(CONFIRM_SECONDS)
        except (self.nats.errors.Error, OSError) as error:
            log.warning("bridge: NATS did not confirm: %s", describe(error))

    async def told(self, message: Any) -> None:
        """Tell the own site what another site has published."""
        if message.subject == self.own_subject:
            return  # of another bridge of this site
        packet = self.bridge.take(message.data)
        if packet is not None:
            figures = self.bridge.figures
            figures.told += 1
            figures.unsent += self.cluster.send(packet)

    async def connected(self) -> None:
        """There is a connection, be it the first or a new one."""
        self.bridge.figures.connected += 1
        log.info("bridge: connected to %s as %s", self.client.connected_url.netloc, self.own_subject)
        self.news.set()

    async def disconnected(self) -> None:
        """There is none any more."""
        if not self.stopping.is_set():
            self.bridge.figures.lost += 1
            log.warning("bridge: the connection to NATS is lost; packets wait until there is one again")

    async def failed(self, error: Exception) -> None:
        """The client has a fault to tell: no server, a message dropped because we were too slow."""
        if isinstance(error, self.nats.errors.SlowConsumerError):
            self.bridge.figures.dropped += 1
        else:
            log.warning("bridge: NATS: %s", describe(error))

    async def report(self) -> None:
        """A line of figures now and then."""
        while True:
            await asyncio.sleep(self.report_seconds)
            log.info("bridge: %s", self.bridge.figures.describe())

    async def end(self) -> None:
        """Publish what is left, if there is a connection, and close it."""
        try:
            if self.client.is_connected:
                while self.bridge.waiting:
                    await self.client.publish(self.own_subject, self.bridge.next_message())
                await self.client.drain()
            else:
                self.bridge.figures.dropped += len(self.bridge.waiting)
                await self.client.close()
        except (self.nats.errors.Error, OSError) as error:
            log.warning("bridge: NATS: %s", describe(error))


def describe(error: Exception) -> str:
    """An error of the client; some of them have no text."""
    return shown(str(error) or type(error).__name__)


# ---- The command line --------------------------------------------------------------------------------------

EPILOG: Final = """
The trackers of the site have to know the bridge: give them its address as livesync.cluster.node_ip. It hears them by
multicast from another machine, or on the same one only where they name it as livesync.cluster.peer, since a tracker's
own machine does not hear its multicast.

example:
  python -m opentracker.bridge --cluster main --site paris --listen 10.0.0.9 --node-ip 10.0.0.0/24 \\
      --nats tls://nats.example:4222 --creds /etc/opentracker/paris.creds

exit status: 0 after SIGINT or SIGTERM, 1 for a wrong command line, 111 where the machine refuses what was asked
"""


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line as a tracker does."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message)


def name(text: str) -> str:
    """The name of a cluster or a site."""
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected letters, digits, _ and -")
    return text


def endpoint(text: str) -> tuple[bytes, int, str]:
    """An address of live sync."""
    try:
        return parse_sync_endpoint(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def network(text: str) -> tuple[bytes, int]:
    """An address, or a network."""
    try:
        return parse_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """A number over 0."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number over 0")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The options."""
    it = Parser(
        prog="python -m opentracker.bridge",
        description="Carry live sync between the clusters of several sites over NATS.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    it.add_argument("--cluster", required=True, type=name, help="what all sites together are called")
    it.add_argument("--site", required=True, type=name, help="what this site is called; every site differs")
    local = it.add_argument_group("the site's cluster")
    local.add_argument(
        "--listen",
        action="append",
        required=True,
        type=endpoint,
        metavar="ADDR",
        help="address for live sync (port 9696 if left out); once for each family",
    )
    local.add_argument(
        "--peer",
        action="append",
        default=[],
        type=endpoint,
        metavar="ADDR",
        help="tell this tracker, and not the multicast group; may be repeated",
    )
    local.add_argument(
        "--node-ip",
        action="append",
        required=True,
        type=network,
        metavar="IP[/BITS]",
        help="believe trackers with these addresses; may be repeated",
    )
    far = it.add_argument_group("NATS")
    far.add_argument(
        "--nats",
        action="append",
        metavar="URL",
        help="a server, nats://HOST:PORT or tls://HOST:PORT; may be repeated (default: nats://localhost:4222)",
    )
    far.add_argument("--creds", type=Path, metavar="FILE", help="credentials of a NATS user (JWT and key)")
    far.add_argument("--nkey", type=Path, metavar="FILE", help="the seed of an nkey")
    far.add_argument("--token", type=Path, metavar="FILE", help="file that holds a token")
    far.add_argument("--tls-ca", type=Path, metavar="FILE", help="certificates of who may sign the server's")
    far.add_argument("--tls-cert", type=Path, metavar="FILE", help="our certificate, and maybe its key")
    far.add_argument("--tls-key", type=Path, metavar="FILE", help="its key")
    it.add_argument(
        "--queue",
        type=positive,
        default=QUEUE,
        metavar="N",
        help="packets that wait while NATS is away, before the oldest are dropped (default: %(default)s)",
    )
    it.add_argument(
        "--report",
        type=positive,
        default=60,
        metavar="SECONDS",
        help="a line of figures so often (default: %(default)s)",
    )
    return it


def connection_options(options: argparse.Namespace) -> dict[str, Any]:
    """What the NATS client is told. Raises UsageError for files that cannot be used."""
    told: dict[str, Any] = {"servers": options.nats or ["nats://localhost:4222"]}
    try:
        if options.tls_key and not options.tls_cert:
            raise UsageError("--tls-key goes with --tls-cert")
        if options.tls_ca or options.tls_cert:
            told["tls"] = ssl.create_default_context(cafile=options.tls_ca)
            if options.tls_cert:
                told["tls"].load_cert_chain(options.tls_cert, options.tls_key)
        if options.creds:
            options.creds.read_bytes()
            told["user_credentials"] = str(options.creds)
        if options.nkey:
            options.nkey.read_bytes()
            told["nkeys_seed"] = str(options.nkey)
        if options.token:
            told["token"] = options.token.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:  # ssl.SSLError is an OSError
        raise UsageError(f"cannot use a file of the options for NATS: {error}") from error
    return told


async def work(bridge: Bridge, cluster: Cluster, options: argparse.Namespace) -> None:
    """Be a bridge until a signal comes."""
    await Carrier(bridge, cluster, options).run()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    logging.basicConfig(format="opentracker: %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # it is told to us by callbacks
    try:
        options = parser().parse_args(arguments)
        connection_options(options)
        permissions = Permissions()
        for first, bits in options.node_ip:
            permissions.bless(first, bits, MAY_LIVESYNC)
        cluster = open_cluster(SyncSettings(options.listen, options.peer))
        try:
            asyncio.run(work(Bridge(permissions, room=options.queue), cluster, options))
        finally:
            cluster.close()
    except UsageError as error:
        print(f"opentracker: {error} (--help tells more)", file=sys.stderr)
        return EXIT_USAGE
    except (StartError, ImportError) as error:
        print(f"opentracker: {error}", file=sys.stderr)
        return EXIT_START
    return 0


if __name__ == "__main__":
    sys.exit(main())
