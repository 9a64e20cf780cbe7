"""The features of this build, and a tracker put together from them: one stanza a feature, one loop a phase."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from opentracker._features import (
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_AUTH_KEYS,
    WANT_BOGON_FILTER,
    WANT_CLIENT_APPROVAL,
    WANT_CLIENT_COUNT,
    WANT_CONTROL,
    WANT_DENY,
    WANT_DYNAMIC_ACCESSLIST,
    WANT_FULLLOG_NETWORKS,
    WANT_FULLSCRAPE,
    WANT_IP_FROM_PROXY,
    WANT_MAX_PEER,
    WANT_PROXY_PROTOCOL,
    WANT_SPOT_WOODPECKER,
    WANT_STATS_HTML,
    WANT_STATS_JSON,
    WANT_STATS_PROMETHEUS,
    WANT_SYNC_LIVE,
    WANT_SYNC_SCRAPE,
    WANT_SYSLOGS,
    WANT_TLS,
    WANT_UPGRADE,
    WANT_WEBTORRENT,
    WANT_WORKERS,
)
from opentracker.config.file import ConfigReader
from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings
from opentracker.config.values import KEYS
from opentracker.errors import ConfigError
from opentracker.features.feature import Feature, keys_of
from opentracker.features.health import HealthFeature
from opentracker.features.statistics.feature import StatisticsFeature
from opentracker.server import binding
from opentracker.server.core import Core
from opentracker.server.http.stats_address import StatsAddressFeature
from opentracker.server.reload import ConfigReload
from opentracker.server.system.process import ProcessFeature
from opentracker.swarm.connection_ids import SECRET_SIZE

# In the order of every phase: a feature can use the parts of the features before it.
FEATURES: Final[list[type[Feature[Core]]]] = [ProcessFeature, StatsAddressFeature]
if WANT_MAX_PEER:
    from opentracker.server.limits import LimitsFeature

    FEATURES.append(LimitsFeature)
if WANT_DENY:
    from opentracker.features.denial.feature import DenialFeature
    from opentracker.server.network_fifos import NetworkFifoFeature

    FEATURES.append(DenialFeature)
    FEATURES.append(NetworkFifoFeature)
if WANT_BOGON_FILTER:
    from opentracker.features.bogons import BogonFeature

    FEATURES.append(BogonFeature)
if WANT_IP_FROM_PROXY:
    from opentracker.features.proxy import ProxyFeature

    FEATURES.append(ProxyFeature)
if WANT_PROXY_PROTOCOL:
    from opentracker.server.proxy_protocol import ProxyProtocolFeature

    FEATURES.append(ProxyProtocolFeature)
if WANT_SYNC_LIVE:
    from opentracker.server.livesync import LiveSyncFeature

    FEATURES.append(LiveSyncFeature)
if WANT_SYNC_SCRAPE:
    from opentracker.features.cluster.scrape_sync import ScrapeSyncFeature

    FEATURES.append(ScrapeSyncFeature)
if WANT_TLS:
    from opentracker.server.tls.feature import TlsFeature

    FEATURES.append(TlsFeature)
if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.feature import AccessListFeature

    FEATURES.append(AccessListFeature)
if WANT_DYNAMIC_ACCESSLIST:
    from opentracker.server.list_fifos import ListFifoFeature

    FEATURES.append(ListFifoFeature)
if WANT_WEBTORRENT:
    from opentracker.server.webtorrent.feature import WebTorrentFeature

    FEATURES.append(WebTorrentFeature)
if WANT_AUTH_KEYS:
    from opentracker.features.keys.addresses import KeyAddressFeature
    from opentracker.features.keys.feature import KeysFeature
    from opentracker.server.key_fifos import KeyFifoFeature

    FEATURES.append(KeysFeature)
    FEATURES.append(KeyAddressFeature)
    FEATURES.append(KeyFifoFeature)
if WANT_CLIENT_APPROVAL:
    from opentracker.features.client_approval import ApprovalFeature

    FEATURES.append(ApprovalFeature)
if WANT_FULLSCRAPE:
    from opentracker.features.fullscrape.feature import FullScrapeFeature
    from opentracker.features.state.feature import StateFeature

    FEATURES.append(StateFeature)
    FEATURES.append(FullScrapeFeature)
FEATURES.append(HealthFeature)
FEATURES.append(StatisticsFeature)
if WANT_STATS_JSON:
    from opentracker.features.statistics.json_modes import JsonFeature

    FEATURES.append(JsonFeature)
if WANT_STATS_PROMETHEUS:
    from opentracker.features.statistics.prometheus import PrometheusFeature

    FEATURES.append(PrometheusFeature)
if WANT_STATS_HTML:
    from opentracker.features.statistics.html.page import HtmlFeature

    FEATURES.append(HtmlFeature)
if WANT_CLIENT_COUNT:
    from opentracker.features.statistics.clients import ClientsFeature

    FEATURES.append(ClientsFeature)
if WANT_SPOT_WOODPECKER:
    from opentracker.features.statistics.woodpeckers import WoodpeckerFeature

    FEATURES.append(WoodpeckerFeature)
if WANT_FULLLOG_NETWORKS:
    from opentracker.features.statistics.full_log import FullLogFeature

    FEATURES.append(FullLogFeature)
if WANT_SYSLOGS:
    from opentracker.server.system.syslog import CompletedLogFeature

    FEATURES.append(CompletedLogFeature)

if WANT_UPGRADE:
    from opentracker.server.upgrade.feature import UpgradeFeature

    FEATURES.append(UpgradeFeature)
if WANT_CONTROL:
    from opentracker.server.control import ControlFeature

    FEATURES.append(ControlFeature)

PATHS: Final[tuple[NamedPath, ...]] = tuple(path for feature in FEATURES for path in feature.paths)
CONFIG: Final = ConfigReader(
    {**KEYS, **{key: take for each in FEATURES for key, take in keys_of(each).items()}}
)

# Gives up rights that a tracker with open sockets no longer needs; see privileges.confine.
Confine = Callable[[Settings, Sequence[NamedPath]], None]


class Server(Core):
    """A tracker with its features, which are created and loaded unless `features` is given."""

    def __init__(
        self,
        settings: Settings,
        sockets: list[socket.socket],
        secret: bytes,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
        features: Sequence[Feature[Core]] | None = None,
    ) -> None:
        if features is None:
            features = load(settings)
        super().__init__(settings, sockets, secret, seed, clock)
        for feature in features:
            self.counters.bring(feature.counters)
            feature.join(self)
        self.config = ConfigReload(self, settings, features, check_settings)
        if settings.config_files:
            self.reloads.insert(0, self.config.reload)
        self.complaints.append(lambda: self.config.complaint)
        self.sources.append(self.config.complete)
        self.endings += [feature.end for feature in features]
        self.closings += [feature.close for feature in features]


def load(settings: Settings) -> list[Feature[Core]]:
    """Create and load the features of a server in a process that is not confined. Raises UsageError."""
    features = [feature(settings) for feature in FEATURES]
    for feature in features:
        feature.load()
    return features


def check_settings(settings: Settings) -> None:
    """Raise UsageError or StartError for settings that contradict each other, or are incomplete."""
    check_features([feature(settings) for feature in FEATURES], settings)


def check_features(features: Sequence[Feature[Core]], settings: Settings) -> None:
    """The phase `check` of a start. Raises UsageError and StartError."""
    if WANT_WORKERS:
        refuse_alone(features, settings)
    for feature in features:
        feature.check()


def refuse_alone(features: Sequence[Feature[Core]], settings: Settings) -> None:
    """Raise ConfigError for a feature in use that does not go with several workers."""
    for feature in features:
        named = feature.in_use() if settings.workers > 1 and not feature.in_workers else ""
        if named:
            raise ConfigError(f"listen.workers above 1 does not go with {named} yet")


def random_secret() -> bytes:
    """The secret of a new tracker."""
    return os.urandom(SECRET_SIZE)


def random_seed() -> int:
    """The seed of a new tracker."""
    return int.from_bytes(os.urandom(7), "big")


def plan(settings: Settings) -> list[str]:
    """The steps of the features at a start, as lines of text."""
    return [line for feature in FEATURES for line in feature(settings).plan()]


def check(settings: Settings, confine: Confine) -> None:
    """Read the files that a start would read, at the same moments; see `start`. Raises StartError and UsageError."""
    features = [feature(settings) for feature in FEATURES]
    check_features(features, settings)
    for feature in features:
        feature.try_open()
    confine(settings, PATHS)
    for feature in features:
        feature.try_load()


def start(
    settings: Settings,
    confine: Confine,
    passed: Sequence[socket.socket] = (),
    make: type[Server] = Server,
    secret: bytes = b"",
    seed: int = -1,
) -> Server:
    """Open the sockets, confine this process and put a server behind them. Raises StartError and UsageError.

    `passed` are sockets that are open already; with some, the default sockets are not opened. `secret` and `seed` are
    random unless they are given, see Core.

    `confine` is `privileges.confine`, which is irreversible, so tests pass a stub. Files outside of the tracker's
    directory are opened before it, all others after it.
    """
    features = [feature(settings) for feature in FEATURES]
    with ExitStack() as opened:  # closed again if the start fails
        for sock in passed:
            opened.enter_context(sock)
        for feature in features:
            opened.callback(feature.close)
        check_features(features, settings)
        own = []
        if settings.binds or not passed:
            own = binding.open_sockets(binding.planned_binds(settings), left=settings.left.sockets)
        for sock in own:
            opened.enter_context(sock)
        for feature in features:
            feature.open()
        confine(settings, PATHS)
        for feature in features:
            feature.load()
        if seed < 0:
            seed = random_seed()
        server = make(settings, [*passed, *own], secret or random_secret(), seed, features=features)
        for feature in features:
            feature.begin(server)
        opened.pop_all()
    return server
