"""Carries a list of the cluster to the trackers of one site: from its bucket into their FIFOs, and into their file."""

import asyncio
import logging
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from opentracker.bridge.bucket import Bucket
from opentracker.bridge.list_files import read_list, write_lines, write_list
from opentracker.bridge.lists import Kind, ListCopy, Outlet
from opentracker.bridge.nats import server_name
from opentracker.errors import LinkError
from opentracker.server.system.systemd import Notifier

log = logging.getLogger("opentracker")

PAUSE: Final = 1.0  # seconds between two tries of a server, and of a FIFO whose reader is away
IN_A_SLICE: Final = 1000  # changes applied before signals and FIFOs are looked after


@dataclass(frozen=True)
class Site:
    """The FIFOs of a site's trackers, each with whether it adds, and the list file, written every `save_seconds`."""

    fifos: tuple[tuple[Path, bool], ...]
    file: Path
    save_seconds: float = 10.0


@dataclass(frozen=True)
class Source:
    """The cluster's list, and the NATS servers that may have it."""

    cluster: str
    kind: Kind
    servers: tuple[str, ...]
    options: dict[str, Any]
    replicas: int = 1


class ListCarrier:
    """Carries one list."""

    def __init__(self, source: Source, site: Site, notifier: Notifier) -> None:
        self.source = source
        self.site = site
        self.notifier = notifier
        self.outlets = [(path, Outlet(adds)) for path, adds in site.fifos]
        entries = read_list(site.file, source.kind)
        self.copy = ListCopy(entries, [outlet for _, outlet in self.outlets])
        self.news = asyncio.Event()
        self.complaints: dict[Path, str] = {}  # the last logged error about each path

    async def run(self) -> None:
        """Run until a signal comes; then save the file."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        tasks = [loop.create_task(work) for work in (self.follow(), self.hand_on(), self.save())]
        stopped = loop.create_task(stopping.wait())
        self.notifier.is_ready(f"{len(self.copy.entries)} entries in {self.site.file}")
        await asyncio.wait((*tasks, stopped), return_when=asyncio.FIRST_COMPLETED)
        self.notifier.is_stopping()
        for task in tasks:
            if task.done():
                task.result()
            task.cancel()
        self.send()
        self.save_now()

    async def follow(self) -> None:
        """Follow the bucket at one server after the other."""
        while True:
            for server in self.source.servers:
                await self.use(server)
            await asyncio.sleep(PAUSE)

    async def use(self, server: str) -> None:
        """Apply the changes of the bucket until the connection ends."""
        name = server_name(server)
        bucket = Bucket(server, self.source.options, self.source.cluster, self.source.kind)
        try:
            await bucket.open(self.source.replicas)
            number = 0
            async for update in bucket.follow():
                if update is None:
                    log.info("list: %d entries with the bucket of %s", len(self.copy.entries), name)
                    continue
                self.copy.change(*update)
                self.news.set()
                number += 1
                if number % IN_A_SLICE == 0:
                    await asyncio.sleep(0)
        except LinkError as error:
            log.warning("list: no connection to NATS at %s: %s", name, error)
        finally:
            await bucket.close()

    async def hand_on(self) -> None:
        """Write changes into the FIFOs as they come."""
        while True:
            await self.news.wait()
            self.news.clear()
            self.send()
            if any(outlet.lines for _, outlet in self.outlets):
                await asyncio.sleep(PAUSE)
                self.news.set()

    def send(self) -> None:
        """Write the unsent changes into the FIFOs, as far as the trackers read."""
        for path, outlet in self.outlets:
            if not outlet.lines:
                continue
            try:
                outlet.sent(write_lines(path, list(outlet.lines.items())))
                self.complaints.pop(path, None)
            except OSError as error:
                self.complain(path, error)

    async def save(self) -> None:
        """Save the file at intervals."""
        while True:
            await asyncio.sleep(self.site.save_seconds)
            self.save_now()
            self.news.set()

    def save_now(self) -> None:
        """Save the file, if there are changes."""
        if not self.copy.unsaved:
            return
        try:
            write_list(self.site.file, self.copy.entries)
            self.complaints.pop(self.site.file, None)
            self.copy.saved()
        except OSError as error:
            self.complain(self.site.file, error)

    def complain(self, path: Path, error: OSError) -> None:
        """Log an error about a file, once until it changes."""
        if self.complaints.get(path) != error.strerror:
            self.complaints[path] = error.strerror or ""
            log.warning("list: cannot write %s: %s", path, error.strerror)
