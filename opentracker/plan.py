"""What a start would do, in words: `-t`."""

from opentracker.config.settings import Settings
from opentracker.config.values import shown
from opentracker.protocol.addresses import format_endpoint, format_ip
from opentracker.server import binding


def describe(settings: Settings, as_root: bool) -> list[str]:
    """A line for each config file, socket and file of a start, and for what is not at its default.

    `as_root` is whether root would start it, who then is somebody else, in another root directory.
    """
    lines = [f"the config file {shown(name)} is good" for name in settings.config_files]
    for bind in binding.planned_binds(settings):
        assert bind.address is not None
        kind = "UDP" if bind.udp else "TCP"
        lines.append(f"would listen on {kind} {format_endpoint(bind.address, bind.port)}")
    lines += [f"would listen for live sync on {sync_endpoint(*each)}" for each in settings.sync_binds]
    lines += [f"would send live sync to {sync_endpoint(*each)}" for each in settings.sync_peers]
    for doing, path in [
        ("would load the access list", settings.accesslist),
        ("would read torrents to add to the access list from", settings.fifo_add),
        ("would read torrents to delete from the access list from", settings.fifo_delete),
        ("would load the state in", settings.state_to_load),
        ("would write the state to", settings.state_file),
    ]:
        if path is not None:
            lines.append(f"{doing} {shown(str(path))}")
    defaults = Settings()
    if settings.stats_path != defaults.stats_path:
        lines.append(f"would serve statistics at /{settings.stats_path}")
    if settings.redirect_url:
        lines.append(f"would redirect / to {settings.redirect_url}")
    if as_root:
        root = shown(str(settings.directory.absolute()))
        lines.append(f"would run as {settings.user}, with the root directory {root}")
    elif settings.directory != defaults.directory:
        lines.append(f"would work in {shown(str(settings.directory))}")
    return lines


def sync_endpoint(address: bytes, port: int, interface: str) -> str:
    """`1.2.3.4:9696` or `[fe80::1%eth0]:9696`."""
    if interface:
        return f"[{format_ip(address)}%{interface}]:{port}"
    return format_endpoint(address, port)
