"""What options and keys do with their values, and what they expect."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import WANT_SYNC_LIVE, WANT_V4_ONLY, WANT_V6
from opentracker.config import values
from opentracker.config.settings import Settings
from opentracker.swarm.policy.permissions import EVERYTHING
from tests.server.live import packed


@given(st.text())
def test_what_is_shown_is_one_printable_line(text: str) -> None:
    assert values.shown(text).isprintable()


def test_what_is_shown_is_recognisable() -> None:
    assert values.shown("/srv/ä b'c") == "/srv/ä b'c"
    assert values.shown("a\tb\n\x1b\udcff") == "a\\tb\\n\\x1b\\udcff"
    assert values.shown("x" * 160) == "x" * 160
    assert values.shown("x" * 161) == "x" * 160 + "..."


@pytest.mark.parametrize(("value", "port"), [("0", 0), ("6969", 6969), ("65535", 65535), ("00080", 80)])
def test_ports(value: str, port: int) -> None:
    assert values.parse_port(value) == port


@pytest.mark.parametrize("value", ["", "65536", "-1", "+1", "1 ", "x", "٣", "²", "000080", "1" * 5000])
def test_what_is_no_port(value: str) -> None:
    with pytest.raises(ValueError, match="expected a port, 0 to 65535"):
        values.parse_port(value)


@pytest.mark.parametrize(("address", "served"), [("::1", not WANT_V4_ONLY), ("127.0.0.1", not WANT_V6)])
def test_families(address: str, served: bool) -> None:
    settings = Settings()
    if served:
        values.listen_address(settings, address)
        assert settings.last_address == packed(address)
    else:
        with pytest.raises(ValueError, match="this build serves IPv"):
            values.listen_address(settings, address)


@pytest.mark.parametrize("value", ["", "a\0b"])
def test_what_is_no_path(value: str) -> None:
    with pytest.raises(ValueError, match="expected a path"):
        values.directory(Settings(), value)


@pytest.mark.parametrize("value", ["", "a b", "a:b", "a\n"])
def test_what_is_no_user(value: str) -> None:
    with pytest.raises(ValueError, match="expected the name of a user"):
        values.user(Settings(), value)


@pytest.mark.parametrize("value", ["stats", "secret-3f_2.x~", "...", "announcements"])
def test_t09_the_path_of_statistics(value: str) -> None:
    settings = Settings()
    values.stats_path(settings, value)
    assert settings.stats_path == value


@pytest.mark.parametrize(
    "value", ["", "/stats", "a/b", "a b", "a?b", "a%20b", "a#b", "ä", "..", ".", "announce", "scrape"]
)
def test_t09_what_is_no_path_of_statistics(value: str) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match=r"expected (one component of a path|another path)"):
        values.stats_path(settings, value)
    assert settings == Settings()


@pytest.mark.parametrize("value", ["bogus", "1.2.3.4/33", "1.2.3.4/-1", "2001:db8::/129", "", "1.2.3.4/24/8"])
def test_c08_what_is_no_network(value: str) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match=r"expected|is not an|bad prefix"):
        values.may_everything(settings, value)
    assert not settings.permissions.given(EVERYTHING)


def test_c08_a_network_with_every_permission() -> None:
    settings = Settings()
    values.may_everything(settings, "1.2.3.4/24")
    assert settings.permissions.rights(packed("1.2.3.255")) == EVERYTHING
    assert settings.permissions.rights(packed("1.2.4.0")) == 0
    assert not settings.restricts_fullscrapes


@pytest.mark.needs("WANT_FULLSCRAPE")
def test_l15_a_state_to_load_is_meant_from_where_the_command_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    values.state_to_load(settings, "dump")
    values.state_file(settings, "state")
    assert settings.state_to_load == tmp_path / "dump"
    assert settings.state_file == Path("state")


@pytest.mark.needs("WANT_DYNAMIC_ACCESSLIST")
def test_fifos() -> None:
    settings = Settings()
    values.fifo_add(settings, "add")
    values.fifo_delete(settings, "/run/delete")
    assert (settings.fifo_add, settings.fifo_delete) == (Path("add"), Path("/run/delete"))


if WANT_SYNC_LIVE:

    @pytest.mark.parametrize("value", ["10.0.0.1:9696", "[2001:db8::1]:9696"])
    def test_live_sync_over_either_family_in_any_build(value: str) -> None:
        address, port, _ = values.parse_sync_endpoint(value)
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
        assert values.parse_sync_endpoint(value) == (packed("fe80::1"), port, interface)

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
            values.parse_sync_endpoint(value)

    def test_a_port_for_live_sync_is_on_the_latest_address() -> None:
        settings = Settings()
        values.sync_port(settings, "9696")
        assert settings.sync_binds == [(bytes(16 if WANT_V6 else 4), 9696, "")]
        settings = Settings(last_address=packed("::1" if WANT_V6 else "127.0.0.1"))
        values.sync_port(settings, "80")
        assert settings.sync_binds == [(settings.last_address, 80, "")]
