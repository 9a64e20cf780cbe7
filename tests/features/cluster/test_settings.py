"""The settings of a cluster."""

import pytest

from opentracker._features import WANT_V6
from opentracker.config.settings import Settings
from opentracker.errors import StartError
from opentracker.features.cluster.settings import KEYS, Endpoint, SyncSettings, parse_sync_endpoint, sync_port
from opentracker.swarm.policy.permissions import MAY_LIVESYNC
from tests.server.live import packed

V4A, V4B, V6A = (packed(host) for host in ("127.0.0.1", "127.0.0.2", "::1"))


def binds(*addresses: bytes) -> list[Endpoint]:
    return [(address, 0, "") for address in addresses]


@pytest.mark.parametrize(
    ("own", "peers", "text"),
    [
        ([], [], "live sync has no address: this build .* needs livesync.cluster.listen"),
        (binds(V4A, V4B), [], "livesync.cluster.listen 127.0.0.2:0: one address .* there is 127.0.0.1:0"),
        (binds(V6A, V4A, V6A), [], r"livesync.cluster.listen \[::1\]:0: one address .* there is \[::1\]:0"),
        (binds(V6A), [(V4A, 9696, "")], "livesync.cluster.peer 127.0.0.1:9696: no livesync.cluster.listen"),
    ],
)
def test_c13_what_cannot_work_is_refused(own: list[Endpoint], peers: list[Endpoint], text: str) -> None:
    with pytest.raises(StartError, match=text):
        SyncSettings(own, peers).check()


def test_one_address_in_each_family_is_fine() -> None:
    SyncSettings(binds(V4A, V6A), [(V6A, 1, "lo"), (V4B, 1, "")]).check()


@pytest.mark.parametrize("value", ["10.0.0.1:9696", "[2001:db8::1]:9696"])
def test_live_sync_over_either_family_in_any_build(value: str) -> None:
    address, port, _ = parse_sync_endpoint(value)
    assert (len(address), port) == (4 if "." in value else 16, 9696)


@pytest.mark.parametrize(
    ("value", "interface", "port"),
    [
        ("fe80::1", "", 9696),
        ("[fe80::1]", "", 9696),
        ("[fe80::1]:80", "", 80),
        ("[fe80::1%eth0]:80", "eth0", 80),
        ("[fe80::1%eth0]", "eth0", 9696),
        ("fe80::1%wlan0.5", "wlan0.5", 9696),
    ],
)
def test_live_sync_on_an_interface(value: str, interface: str, port: int) -> None:
    assert parse_sync_endpoint(value) == (packed("fe80::1"), port, interface)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "[fe80::1%]:80",
        "[fe80::1%eth0:80",
        "fe80::1%eth0]:80",
        "[fe80::1%eth0]80",
        "[fe80::1%et h0]",
        "[fe80::1%et/h0]",
        "[fe80::1%0123456789abcdef]",
        "10.0.0.1%eth0",
        "[fe80::1%eth0%eth1]",
        "[fe80::1%eth0]:99999",
    ],
)
def test_what_live_sync_cannot_use(value: str) -> None:
    with pytest.raises(ValueError, match=r"expected|is not an|bad port|this build serves"):
        parse_sync_endpoint(value)


def test_a_port_for_live_sync_is_on_the_latest_address() -> None:
    settings = Settings()
    sync_port(settings, "9696")
    assert settings.of(SyncSettings).binds == [(bytes(16 if WANT_V6 else 4), 9696, "")]
    settings = Settings(last_address=packed("::1" if WANT_V6 else "127.0.0.1"))
    sync_port(settings, "80")
    assert settings.of(SyncSettings).binds == [(settings.last_address, 80, "")]


def test_live_sync_in_both_families() -> None:
    settings = Settings()
    KEYS["livesync.cluster.listen"](settings, "[fe80::1%eth0]:9000")
    KEYS["livesync.cluster.listen"](settings, "10.0.0.1")
    KEYS["livesync.cluster.peer"](settings, "10.0.0.2")
    KEYS["livesync.cluster.peer"](settings, "10.0.0.3:9000")
    asked = settings.of(SyncSettings)
    assert asked.binds == [(packed("fe80::1"), 9000, "eth0"), (packed("10.0.0.1"), 9696, "")]
    assert asked.peers == [(packed("10.0.0.2"), 9696, ""), (packed("10.0.0.3"), 9000, "")]


def test_a_node_is_believed() -> None:
    settings = Settings()
    KEYS["livesync.cluster.node_ip"](settings, "10.0.0.1")
    assert settings.permissions.rights(packed("10.0.0.1")) == MAY_LIVESYNC
