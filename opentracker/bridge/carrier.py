"""A running bridge: it carries packets between the sockets of a cluster and one of several NATS servers."""

import asyncio
import logging
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from opentracker.bridge import metrics
from opentracker.bridge.nats import Link, server_name
from opentracker.bridge.relay import Bridge
from opentracker.errors import LinkError
from opentracker.server.livesync import Cluster, receive
from opentracker.server.system.systemd import Notifier

log = logging.getLogger("opentracker")

PREFIX: Final = "opentracker"  # of subjects
IN_FLIGHT: Final = 256  # packets published before NATS has to confirm them
READ_AT_ONCE: Final = 64  # packets read from a socket before others are served
SHORTEST_PAUSE: Final = 1.0  # seconds after all servers were tried
LONGEST_PAUSE: Final = 30.0
HELD_SECONDS: Final = 60.0  # a connection that lasted as long resets the pause
END_SECONDS: Final = 5.0  # for publishing the rest of the queue, and closing


@dataclass(frozen=True)
class Route:
    """The names of this site and its cluster, and the NATS servers."""

    cluster: str
    site: str
    servers: list[str]
    options: dict[str, Any] = field(default_factory=dict)  # of the client
    report_seconds: float = 60.0
    metrics_file: Path | None = None


class Carrier:
    """Carries for one bridge."""

    def __init__(self, bridge: Bridge, cluster: Cluster, route: Route, notifier: Notifier) -> None:
        self.bridge = bridge
        self.counts = bridge.counts
        self.cluster = cluster
        self.route = route
        self.notifier = notifier
        self.subject = f"{PREFIX}.{route.cluster}.{route.site}"
        self.connected_to = ""  # the server, while there is a connection
        self.news = asyncio.Event()  # a packet, the end of a connection, or a signal
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Run until a signal comes, and end within END_SECONDS after it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        for sock in self.cluster.sockets:
            loop.add_reader(sock.fileno(), self.read, sock)
        for line in self.cluster.words:
            log.info("%s", line)
        carrying = loop.create_task(self.carry())
        reporting = loop.create_task(self.report())
        stopped = loop.create_task(self.stopping.wait())
        self.notifier.is_ready(self.state())
        try:
            await asyncio.wait((carrying, reporting, stopped), return_when=asyncio.FIRST_COMPLETED)
            self.notifier.is_stopping()
            if self.stopping.is_set():
                await asyncio.wait((carrying,), timeout=END_SECONDS)
        finally:
            for sock in self.cluster.sockets:
                loop.remove_reader(sock.fileno())
            self.connected_to = ""
            self.bridge.give_up()
            self.tell()
        for task in (carrying, reporting):
            if task.done():
                task.result()

    def stop(self) -> None:
        """Called at a signal."""
        self.stopping.set()
        self.news.set()

    def read(self, sock: Any) -> None:
        """Read packets of the own site's trackers."""
        for _ in range(READ_AT_ONCE):
            try:
                packet, address = receive(sock)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error for a packet that was sent
                continue
            if self.bridge.hear(packet, address):
                self.news.set()

    # ---- NATS ------------------------------------------------------------------------------------------

    async def carry(self) -> None:
        """Use one server after the other, with a pause that grows while no connection lasts."""
        pause = SHORTEST_PAUSE
        while not self.stopping.is_set():
            for server in self.route.servers:
                if await self.use(server):
                    pause = SHORTEST_PAUSE
                if self.stopping.is_set():
                    return
            await self.stopped_within(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def use(self, server: str) -> bool:
        """Connect to a server, and carry until the connection ends; returns whether it lasted HELD_SECONDS."""
        name = server_name(server)
        loop = asyncio.get_running_loop()
        link = Link(server, self.route.options, self.count_drop)
        link.over.add_done_callback(lambda _: self.news.set())
        began = loop.time()
        try:
            await self.open(link)
            self.counts.connections += 1
            self.connected_to = name
            log.info("bridge: connected to NATS at %s as %s", name, self.subject)
            self.notifier.tell(f"STATUS={self.state()}")
            await self.publish_until_over(link)
        except LinkError as error:
            if not self.stopping.is_set():
                self.complain(name, str(error))
        finally:
            held = bool(self.connected_to) and loop.time() - began >= HELD_SECONDS
            self.connected_to = ""
            await link.close()
        return held

    def complain(self, name: str, reason: str) -> None:
        """Log and count a failed or lost connection to a server."""
        if self.connected_to:
            self.counts.lost += 1
            log.warning(
                "bridge: the connection to NATS at %s is lost: %s; packets wait until there is one again",
                name,
                reason,
            )
        else:
            log.warning("bridge: cannot connect to NATS at %s: %s", name, reason)
        self.notifier.tell(f"STATUS=Not connected; {name}: {reason}")

    async def open(self, link: Link) -> None:
        """Open a connection, or stop trying at a signal. Raises LinkError."""
        opening = link.begin(
            link.open(
                f"{self.subject} bridge", f"{PREFIX}.{self.route.cluster}.*", self.told, self.bridge.room
            )
        )
        stopped = link.begin(self.stopping.wait())
        await asyncio.wait((opening, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            raise LinkError("the bridge ends")
        opening.result()

    async def publish_until_over(self, link: Link) -> None:
        """Publish the packets of the queue as they come. Raises LinkError when the connection is over."""
        while True:
            self.news.clear()
            while self.bridge.waiting:
                try:
                    await link.publish(self.subject, self.bridge.next_batch(IN_FLIGHT))
                except LinkError:
                    self.bridge.give_back_batch()
                    raise
                self.bridge.confirm_batch()
            if link.over.done():
                raise LinkError(link.over.result())
            if self.stopping.is_set():
                return
            await self.news.wait()

    async def told(self, message: Any) -> None:
        """Send a message of another site to the own site's trackers."""
        if message.subject == self.subject:
            return  # from another bridge of this site
        packet = self.bridge.take(message.data)
        if packet is not None:
            self.counts.told += 1
            self.counts.unsent += self.cluster.send(packet)

    def count_drop(self) -> None:
        """Count a message of another site that was lost because it was not handled in time."""
        self.counts.dropped += 1

    # ---- Reports ---------------------------------------------------------------------------------------

    async def report(self) -> None:
        """Report at intervals."""
        while not self.stopping.is_set():
            await self.stopped_within(self.route.report_seconds)
            if not self.stopping.is_set():
                self.tell()

    async def stopped_within(self, seconds: float) -> None:
        """Wait for a signal, `seconds` at most."""
        waiting = asyncio.get_running_loop().create_task(self.stopping.wait())
        await asyncio.wait((waiting,), timeout=seconds)
        waiting.cancel()

    def state(self) -> str:
        """The state of the connection, as text."""
        return f"connected to {self.connected_to}" if self.connected_to else "not connected"

    def tell(self) -> None:
        """Log a line of counts, and write them to the metrics file, if there is one."""
        log.info("bridge: %s; waiting=%d %s", self.state(), len(self.bridge.waiting), self.counts.describe())
        if self.route.metrics_file is not None:
            try:
                self.write_metrics(self.route.metrics_file)
            except OSError as error:
                log.warning("bridge: cannot write %s: %s", self.route.metrics_file, error.strerror)

    def write_metrics(self, path: Path) -> None:
        """Write the counts to a file. Raises OSError."""
        is_connected = bool(self.connected_to)
        waiting = len(self.bridge.waiting)
        metrics.write(
            path, metrics.render(self.counts, waiting, is_connected, self.route.cluster, self.route.site)
        )
