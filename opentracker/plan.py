"""The steps of a start as text: `-t`."""

from typing import Final

from opentracker.config.settings import Settings
from opentracker.config.values import shown
from opentracker.protocol.addresses import format_ip
from opentracker.server import binding, wiring
from opentracker.swarm.policy.permissions import (
    MAY_FULLSCRAPE,
    MAY_LIVESYNC,
    MAY_PROXY,
    MAY_STAT,
    Permissions,
)

RIGHTS: Final = {
    MAY_STAT: "statistics",
    MAY_FULLSCRAPE: "full scrapes",
    MAY_LIVESYNC: "live sync",
    MAY_PROXY: "a proxy's trust",
}


def rights_in_words(permissions: Permissions) -> list[tuple[str, str]]:
    """The networks that have rights, and which: `10.0.0.0/8`, `statistics, full scrapes`."""
    return [
        (f"{format_ip(first)}/{bits}", ", ".join(words for right, words in RIGHTS.items() if rights & right))
        for first, bits, rights in permissions.blessed()
    ]


def describe(settings: Settings, as_root: bool) -> list[str]:
    """A line for each config file, socket and file of a start, and for each right and setting that is not the default.

    `as_root` is whether root would start the tracker, which then changes the user and the root directory.
    """
    lines = [f"the config file {shown(name)} is good" for name in settings.config_files]
    lines += [f"would listen on {binding.in_words(bind)}" for bind in binding.planned_binds(settings)]
    if settings.workers > 1:
        lines.append(f"would serve them by {settings.workers} workers")
    lines += wiring.plan(settings)
    lines += [f"would give {network} {rights}" for network, rights in rights_in_words(settings.permissions)]
    if settings.redirect_url:
        lines.append(f"would redirect / to {settings.redirect_url}")
    if as_root:
        root = shown(str(settings.directory.absolute()))
        lines.append(f"would run as {settings.user}, with the root directory {root}")
    elif settings.directory != Settings().directory:
        lines.append(f"would work in {shown(str(settings.directory))}")
    return lines
