"""What an operator asks for, with the defaults; options and config files fill it in."""

from dataclasses import dataclass, field
from pathlib import Path


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
    directory: Path = field(default_factory=Path)  # to work in
    accesslist: Path | None = None  # black or white, whichever the build has
    check_only: bool = False  # `-t`
