"""What an operator asks for, with the defaults; options and config files fill it in."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from opentracker._features import (
    OT_MAX_CONNECTIONS,
    OT_MAX_CONNECTIONS_PER_ADDRESS,
    OT_MAX_FULLSCRAPES,
    OT_MAX_FULLSCRAPES_PER_ADDRESS,
    OT_MAX_MEMORY,
    OT_MAX_PEERS,
    OT_MAX_PEERS_PER_TORRENT,
    OT_MAX_PORTS_PER_ADDRESS,
    OT_MAX_TORRENTS,
)
from opentracker.swarm.policy.permissions import Permissions


@dataclass(frozen=True)
class Bind:
    """A socket to open: `udp` or TCP, packed address or None for the wildcard of every family, port (0: a free one)."""

    udp: bool
    address: bytes | None
    port: int


@dataclass
class Settings:
    """Everything that options and config files say."""

    binds: list[Bind] = field(default_factory=list)  # none: TCP and UDP 6969 on `last_address`
    last_address: bytes | None = None  # the latest `-i`
    redirect_url: str = ""  # where `/` is redirected; empty: 404
    directory: Path = field(default_factory=Path)  # to work in; as root it becomes the root directory
    user: str = "nobody"  # to become, when started as root
    permissions: Permissions = field(default_factory=Permissions)
    accesslist: Path | None = None  # black or white, whichever the build has
    fifo_add: Path | None = None  # where torrents for the access list are written to
    fifo_delete: Path | None = None
    stats_path: str = "stats"  # where statistics are served, without slashes
    state_to_load: Path | None = None  # `-l`
    state_file: Path | None = None  # loaded at the start, written now and then, at SIGUSR1 and at a clean end
    state_interval: float = 600.0  # seconds between two writes; 0: none but those that are asked for
    sync_binds: list[tuple[bytes, int, str]] = field(
        default_factory=list
    )  # address, port, interface or empty
    sync_peers: list[tuple[bytes, int, str]] = field(default_factory=list)  # none: the multicast group
    udp_workers: int = 0  # 0 and 1: this process
    restricts_fullscrapes: bool = False  # to those who may: some were named, beside those who may everything
    config_files: list[str] = field(default_factory=list)  # that were read, for `-t` to tell
    limit_torrents: int = OT_MAX_TORRENTS  # in the limits 0 is: none
    limit_peers: int = OT_MAX_PEERS
    limit_peers_per_torrent: int = OT_MAX_PEERS_PER_TORRENT
    limit_ports_per_address: int = OT_MAX_PORTS_PER_ADDRESS
    limit_memory: int | None = None  # bytes; None: so many percent of what may be used
    limit_memory_share: int = OT_MAX_MEMORY
    limit_connections: int = OT_MAX_CONNECTIONS  # 0: as many as descriptors and memory allow
    usable_memory: int = 0  # bytes that the process may use; 0: not known
    limit_connections_per_address: int = OT_MAX_CONNECTIONS_PER_ADDRESS
    limit_full_scrapes: int = OT_MAX_FULLSCRAPES
    limit_full_scrapes_per_address: int = OT_MAX_FULLSCRAPES_PER_ADDRESS
    system_log: str = "/dev/log"  # the socket of the system's log; a test has its own
    log_level: int = logging.INFO  # the least serious that is logged: `-q`, `--verbose`
    # Options and keys as they were given, for a log.
    taken: list[str] = field(default_factory=list, compare=False)
    listed_networks: Permissions = field(
        default_factory=Permissions
    )  # to everybody, whatever their addresses
    refused_ports: frozenset[bytes] = frozenset()  # never listed; two bytes each
    check_only: bool = False  # `-t`
