"""TLS as a feature: its sockets, its certificates, and their reload.

The files are read before the tracker gives up root's rights, by their paths in the whole file system. SIGHUP reads them
again. A tracker that was started as root then finds only those inside its root directory that its user may read.
"""

import logging
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.paths import NamedPaths
from opentracker.config.settings import Bind, Settings, Take
from opentracker.config.values import parse_listener
from opentracker.errors import UsageError
from opentracker.features.feature import Feature, Overseer
from opentracker.features.outcome import Outcome
from opentracker.server import binding
from opentracker.server.core import Core
from opentracker.server.http.accepting import Acceptor, acceptor_for
from opentracker.server.http.listener import Listener
from opentracker.server.http.server import HttpServer
from opentracker.server.sockets import answer_at_once, describe
from opentracker.server.tls.certificates import Certificates, Pair, load_all
from opentracker.server.tls.handshake import Handshake
from opentracker.server.tls.metrics import COUNTERS, NOT_AFTER, HandshakeCounts
from opentracker.swarm.counting.metric import Metric
from opentracker.swarm.surveys.snapshot import StatsSnapshot

log = logging.getLogger("opentracker")

DEFAULT_TLS_PORT: Final = 443
LOOK: Final = 86400.0  # seconds between two looks at the expiry of the certificates


@dataclass
class TlsSettings:
    """The sockets, and the files of the pairs: the n-th key is the n-th certificate's."""

    binds: list[Bind] = field(default_factory=list)
    certificates: list[Path] = field(default_factory=list)
    keys: list[Path] = field(default_factory=list)


CERTIFICATES: Final = NamedPaths(
    TlsSettings, "certificates", "would load the certificate", key="tls.certificate"
)
KEYS: Final = NamedPaths(TlsSettings, "keys", "would load the key", key="tls.key")


def listen_tls(settings: Settings, value: str) -> None:
    """`listen.tls`."""
    settings.of(TlsSettings).binds.append(Bind(False, *parse_listener(value, DEFAULT_TLS_PORT)))
    settings.binds_elsewhere = True


class TlsListener(Listener):
    """A listening socket whose clients speak TLS."""

    def __init__(
        self, acceptor: Acceptor, server: HttpServer, certificates: Certificates, counts: HandshakeCounts
    ) -> None:
        super().__init__(acceptor, server)
        self.context = certificates.context
        self.counts = counts

    def serve(self, fd: int, address: bytes) -> None:
        """See Listener."""
        Handshake(fd, address, self.server, self.context, self.counts).go_on()


class TlsFeature(Feature[Core]):
    """TLS ports. Several workers serve the same sockets, with the same certificates and keys of resumed sessions."""

    in_workers: ClassVar[bool] = True
    is_asked_for: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"listen.tls": listen_tls}
    paths: ClassVar[tuple[NamedPaths, ...]] = (CERTIFICATES, KEYS)
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS
    renewed: ClassVar[frozenset[str]] = frozenset({"tls.certificate", "tls.key"})

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.asked = settings.of(TlsSettings)
        self.certificates: Certificates | None = None
        self.sockets: list[socket.socket] = []
        self.listeners: list[TlsListener] = []
        self.worker = 0
        self.outcome = Outcome(
            "opentracker_tls_certificates",
            "reload",
            "Certificates read",
            "The certificates could not be read again: those before are in use.",
            time.time,
        )

    def plan(self) -> Iterator[str]:
        """See Feature."""
        for bind in self.planned_binds():
            yield f"would listen on {binding.in_words(bind)} for TLS"
        yield from super().plan()

    def planned_binds(self) -> list[Bind]:
        """The sockets to open."""
        return binding.spread(self.asked.binds)

    def pairs(self, within: Path) -> list[Pair]:
        """The files of the pairs; relative paths are those in the directory `within`."""
        files = zip(self.asked.certificates, self.asked.keys, strict=True)
        return [(within / certificate, within / key) for certificate, key in files]

    def check(self) -> None:
        """See Feature."""
        certificates, keys = len(self.asked.certificates), len(self.asked.keys)
        if certificates != keys:
            raise UsageError(
                f"each tls.certificate needs its tls.key: there are {certificates} certificates and {keys} keys"
            )
        if self.asked.binds and not certificates:
            raise UsageError("listen.tls needs a tls.certificate and its tls.key")

    def open(self) -> None:
        """Read the certificates and bind the sockets, while root's rights are there."""
        self.try_open()
        self.sockets = binding.open_for(self.settings, self.planned_binds())
        for sock in self.sockets:
            answer_at_once(sock.fileno())

    def try_open(self) -> None:
        """Read the certificates."""
        pairs = self.pairs(self.settings.directory)
        if pairs:
            self.certificates = load_all(pairs)

    def join(self, host: Core) -> None:
        """Listen, if there is a port; read the certificates again at SIGHUP."""
        certificates = self.certificates
        if certificates is None:
            return
        counts = HandshakeCounts(host.counters)
        for sock in self.sockets:
            self.listeners.append(TlsListener(acceptor_for(sock), host.http, certificates, counts))
        host.listeners += self.listeners
        host.sockets += self.sockets
        self.outcome.succeeded()
        host.sources.append(self.tell)
        host.reloads.append(self.reload)
        host.complaints.append(self.complaint)
        host.every(LOOK, self.warn)

    def divide(self, settings: Settings, worker: int) -> None:
        """See Feature."""
        self.worker = worker

    def begin(self, host: Core) -> None:
        """Tell of the certificates."""
        if self.settings.workers == 1:
            self.tell_sockets()
        self.warn()

    def oversee(self, overseer: Overseer) -> None:
        """Tell of the sockets, which all workers serve."""
        overseer.beginnings.append(self.tell_sockets)
        overseer.listening += [describe(sock) for sock in self.sockets]

    def tell_sockets(self) -> None:
        """Log the sockets."""
        for sock in self.sockets:
            log.info("%s speaks TLS", describe(sock))

    def renew(self, settings: Settings) -> None:
        """Set the paths for the reload that follows."""
        new = settings.of(TlsSettings)
        self.asked.certificates, self.asked.keys = new.certificates, new.keys

    def reload(self) -> None:
        """Read the certificates again, all or none."""
        try:
            certificates = load_all(self.pairs(Path()))
        except UsageError as error:
            self.outcome.failed(str(error))
            log.error("%s; the certificates stay as they were", error)
            return
        self.outcome.succeeded()
        self.certificates = certificates
        for listener in self.listeners:
            listener.context = certificates.context
        log.info("%d certificates were read again", len(certificates.loaded))
        self.warn()

    def warn(self) -> None:
        """Log a line for each certificate that expires soon; of several workers one does."""
        for line in self.expiring() if self.worker == 0 else []:
            log.warning("%s", line)

    def expiring(self) -> list[str]:
        """Lines about certificates that expire soon."""
        return [] if self.certificates is None else self.certificates.expiring(time.time())

    def complaint(self) -> str:
        """The reason why the last reload failed, or the certificates that expire soon."""
        return "; ".join(([self.outcome.complaint] if self.outcome.complaint else []) + self.expiring())

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the expiry of each certificate, and the outcome of the reloads."""
        self.outcome.tell(snapshot)
        if self.certificates is not None:
            for each in self.certificates.loaded:
                name = each.name().replace("\\", "\\\\").replace('"', '\\"')
                snapshot.tell(NOT_AFTER, each.not_after, f'certificate="{name}"')

    def close(self) -> None:
        """Close the sockets of a start that failed; those of a server are closed by it."""
        for sock in self.sockets:
            sock.close()
