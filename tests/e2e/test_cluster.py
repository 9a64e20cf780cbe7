"""Whole clusters: trackers in network namespaces of their own, as bench/cluster.py makes them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opentracker._features import OT_CLIENT_SYNC_RENEW_BOUNDARY
from tests.server.workers.several import needs_several

SCRIPT = Path(__file__).parents[2] / "bench" / "cluster.py"
UNSHARE = ["unshare", "-n", "--pid", "--fork", "--kill-child", "--mount-proc"]
PATIENCE = 150.0  # seconds; what waits longest is a packet that is not full, for 15
ANNOUNCES = 936  # over two nodes: full packets over IPv4 and, all but the last, over IPv6

pytestmark = [
    pytest.mark.needs("WANT_SYNC_LIVE", WANT_ACCESSLIST_WHITE=False),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="network namespaces are Linux's"),
    pytest.mark.skipif(os.geteuid() != 0, reason="for root: makes networks, and starts trackers in them"),
]
needs_ipv4 = pytest.mark.needs(WANT_V6=False)


def stages(*options: str) -> list[dict[str, Any]]:
    """The results of bench/cluster.py for a cluster."""
    for needed in ("unshare", "nsenter", "ip"):
        if shutil.which(needed) is None:
            pytest.skip(f"needs the command {needed}")
    if subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("may not make namespaces")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--announces", str(ANNOUNCES), "--torrents", "20", *options],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("may not make interfaces")
    assert done.stdout, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def only(found: list[dict[str, Any]], start: str) -> dict[str, Any]:
    """The one stage whose name starts so."""
    (stage,) = [each for each in found if each["stage"].startswith(start)]
    return stage


@needs_ipv4
@pytest.mark.parametrize("workers", [1, pytest.param(3, marks=needs_several)])
def test_y14_what_one_node_hears_all_know_within_16_seconds(workers: int) -> None:
    found = stages("--nodes", "2", "--workers", str(workers))
    assert only(found, "a peer announced at one node")["good"]
    assert only(found, "gone after stopped")["good"]
    assert only(found, "round 1")["peers"] == [ANNOUNCES] * 2
    assert only(found, "round 1")["exact"]
    assert only(found, "forged packets")["good"], found
    assert only(found, "verdict")["good"]


@pytest.mark.needs(WANT_V4_ONLY=False)
def test_y14_over_ipv6_with_peers_of_ipv6() -> None:
    found = stages("--nodes", "2", "--ipv6")
    assert only(found, "round 1")["exact"], found
    assert only(found, "verdict")["good"]


@needs_ipv4
@pytest.mark.skipif(
    OT_CLIENT_SYNC_RENEW_BOUNDARY != 0, reason="heals within the test only with that constant at 0"
)
def test_what_was_lost_heals_at_the_next_announce_and_so_does_a_restarted_node() -> None:
    found = stages("--relay", "--loss", "5", "--double", "10", "--rounds", "8", "--restart")
    assert only(found, "a node was restarted")["peers"] == 0
    assert [each["exact"] for each in found if each["stage"].startswith("round ")][-1], found
    relays = [each for each in found if each["stage"] == "relay"]
    assert relays[-1]["lost"] + relays[-1]["doubled"] > 0


@needs_ipv4
@pytest.mark.needs("WANT_SYNC_BRIDGE")
@pytest.mark.skipif(shutil.which("nats-server") is None, reason="needs the command nats-server")
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=needs_several)])
def test_y14_across_the_bridge(workers: int) -> None:
    found = stages("--nodes", "3", "--bridge", "--workers", str(workers))
    assert only(found, "a peer announced at one node")["good"]
    assert only(found, "gone after stopped")["good"]
    assert only(found, "round 1")["exact"], found
    ends = [each for each in found if each["stage"] == "a bridge's end"]
    assert [each["status"] for each in ends] == [0, 0]
    figures = [dict(pair.split("=") for pair in each["line"].split() if "=" in pair) for each in ends]
    # No echo: each site has published what its own clients announced, and has been told of the other's, once.
    assert [int(each["published"]) for each in figures] == [int(each["told"]) for each in figures[::-1]]
    assert [each["dropped"] for each in figures] == ["0", "0"]
