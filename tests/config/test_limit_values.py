"""What `limits.*` in a config file says."""

import pytest

from opentracker import _features
from opentracker._features import OT_MAX_MEMORY
from opentracker.config import file as config
from opentracker.config.limit_values import KEYS
from opentracker.config.settings import Settings

FIELDS = {  # with every feature
    "limits.torrents": "limit_torrents",
    "limits.peers": "limit_peers",
    "limits.peers_per_torrent": "limit_peers_per_torrent",
    "limits.ports_per_address": "limit_ports_per_address",
    "limits.memory": "limit_memory",
    "limits.connections": "limit_connections",
    "limits.connections_per_address": "limit_connections_per_address",
    "limits.full_scrapes": "limit_full_scrapes",
    "limits.full_scrapes_per_address": "limit_full_scrapes_per_address",
}

memory = pytest.mark.needs("WANT_MAX_PEER")


def test_every_key_is_in_the_table_of_all_keys() -> None:
    assert set(KEYS) == {key for key in FIELDS if key in config.ACTIONS}
    assert all(config.ACTIONS[key] is action for key, action in KEYS.items())


@pytest.mark.parametrize(
    ("flag", "keys"),
    [
        ("WANT_FULLSCRAPE", {"limits.full_scrapes", "limits.full_scrapes_per_address"}),
        ("WANT_MAX_PEER", FIELDS.keys() - {"limits.full_scrapes", "limits.full_scrapes_per_address"}),
    ],
)
def test_limits_are_there_with_what_they_limit(flag: str, keys: set[str]) -> None:
    assert {key for key in FIELDS if config.KEYS[key] == flag} == keys
    assert (set(KEYS) & keys) == (keys if getattr(_features, flag) else set())


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("007", 7), ("1000000000", 10**9)])
def test_numbers(key: str, text: str, value: int) -> None:
    settings, others = Settings(), Settings()
    KEYS[key](settings, text)
    setattr(others, FIELDS[key], value)
    assert settings == others


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("text", ["", "-1", "+1", "1.5", "many", "1 2", "²", "9" * 16, "9" * 5000, "1e3"])
def test_what_is_no_number(key: str, text: str) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match=r"expected .* or 0 for no limit"):
        KEYS[key](settings, text)
    assert settings == Settings()


@memory
@pytest.mark.parametrize(
    ("text", "value"), [("512M", 512 << 20), ("4g", 4 << 30), ("1K", 1024), ("2T", 2 << 40), ("0M", 0)]
)
def test_memory_in_units(text: str, value: int) -> None:
    settings = Settings()
    KEYS["limits.memory"](settings, text)
    assert settings.limit_memory == value


@memory
def test_memory_as_a_share_of_what_there_is() -> None:
    settings = Settings()
    assert (settings.limit_memory, settings.limit_memory_share) == (None, OT_MAX_MEMORY)
    KEYS["limits.memory"](settings, "1G")
    KEYS["limits.memory"](settings, "40%")
    assert (settings.limit_memory, settings.limit_memory_share) == (None, 40)


@memory
@pytest.mark.parametrize("text", ["101%", "%", "-1%", "5%%", "5P", "M", "1 M", "1MB", "512Ⅿ", "ſ"])
def test_what_is_no_memory(text: str) -> None:
    with pytest.raises(ValueError, match="expected bytes as in 512M"):
        KEYS["limits.memory"](Settings(), text)
