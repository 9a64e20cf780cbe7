"""A bridge's counts as a file of Prometheus text, for the textfile collector of node_exporter or any reader."""

import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from opentracker.bridge.relay import Counts

PREFIX: Final = "opentracker_bridge"
READABLE: Final = 0o644  # the collector runs as another user


def render(counts: Counts, waiting: int, is_connected: bool, cluster: str, site: str) -> str:
    """All metrics; `waiting` packets are in the queue."""
    labels = f'{{cluster="{cluster}",site="{site}"}}'
    lines = []
    values = asdict(counts)
    for each in fields(counts):
        lines += metric(f"{each.name}_total", "counter", each.metadata["help"], labels, values[each.name])
    lines += metric("waiting_packets", "gauge", "packets in the queue", labels, waiting)
    lines += metric("connected", "gauge", "1 while there is a connection to NATS", labels, int(is_connected))
    return "".join(f"{line}\n" for line in lines)


def metric(name: str, kind: str, text: str, labels: str, value: int) -> list[str]:
    """The three lines of a metric."""
    whole = f"{PREFIX}_{name}"
    return [f"# HELP {whole} {text}", f"# TYPE {whole} {kind}", f"{whole}{labels} {value}"]


def write(path: Path, text: str) -> None:
    """Replace a file by renaming a new one over it, so that no reader sees half of it. Raises OSError."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="ascii")
    new.chmod(READABLE)
    os.replace(new, path)
