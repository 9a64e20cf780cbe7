"""The actions of options and keys, and the values that they expect."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.config import values
from opentracker.config.settings import Settings
from opentracker.server.system.log_lines import FORMATS
from opentracker.swarm.policy.permissions import EVERYTHING, MAY_PROXY
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


@pytest.mark.parametrize("value", ["bogus", "1.2.3.4/33", "1.2.3.4/-1", "2001:db8::/129", "", "1.2.3.4/24/8"])
def test_c08_what_is_no_network(value: str) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match=r"expected|is not an|bad prefix"):
        values.may_all_but_proxy(settings, value)
    assert not settings.permissions.given(EVERYTHING)


def test_c08_a_network_with_every_permission_but_a_proxys() -> None:
    """An administrator behind a proxy would have its own requests taken for a proxy's, and fail."""
    settings = Settings()
    values.may_all_but_proxy(settings, "1.2.3.4/24")
    assert settings.permissions.rights(packed("1.2.3.255")) == EVERYTHING - MAY_PROXY
    assert settings.permissions.rights(packed("1.2.4.0")) == 0


@dataclass
class Some:
    """The settings of a feature."""

    most: int = 7


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("007", 7), ("1000000000", 10**9)])
def test_limits(text: str, value: int) -> None:
    settings = Settings()
    values.limit(Some, "most")(settings, text)
    assert settings.of(Some).most == value


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.5", "many", "1 2", "²", "9" * 16, "9" * 5000, "1e3"])
def test_what_is_no_limit(text: str) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="expected a number, or 0 for no limit"):
        values.limit(Some, "most")(settings, text)
    assert settings == Settings()


def test_a_limit_of_nothing() -> None:
    with pytest.raises(AttributeError, match="Some has no field least"):
        values.limit(Some, "least")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90s", 90), ("10m", 600), ("2h", 7200), ("0m", 0), ("007s", 7)]
)
def test_times(text: str, seconds: int) -> None:
    assert values.parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "m", "-1m", "1.5h", "10 m", "10min", "1d", "\u00b2s", "9" * 20 + "s"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time as in 90s, 10m or 2h, or 0 for never"):
        values.parse_seconds(text)


@pytest.mark.parametrize(("text", "level"), [("debug", 10), ("info", 20), ("warning", 30), ("error", 40)])
def test_levels_of_the_log(text: str, level: int) -> None:
    settings = Settings()
    values.log_level(settings, text)
    assert settings.log_level == level


@pytest.mark.parametrize("text", ["", "INFO", "quiet", "20"])
def test_what_is_no_level(text: str) -> None:
    with pytest.raises(ValueError, match="expected debug, info, warning, error"):
        values.log_level(Settings(), text)


def test_formats_of_the_log() -> None:
    settings = Settings()
    for text in ("json", "logfmt", "text"):
        values.log_format(settings, text)
        assert settings.log_format == text
    assert set(FORMATS) == set(values.LOG_FORMATS)
    with pytest.raises(ValueError, match="expected text, logfmt, json"):
        values.log_format(settings, "xml")
