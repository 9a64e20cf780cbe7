"""The lines of `-t`."""

from pathlib import Path

import pytest

from opentracker import plan
from opentracker._features import (
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_DYNAMIC_ACCESSLIST,
    WANT_FULLSCRAPE,
    WANT_MAX_PEER,
    WANT_SYNC_LIVE,
    WANT_V6,
)
from opentracker.config.settings import Bind, Sections, Settings
from opentracker.features.statistics.feature import StatisticsSettings
from opentracker.swarm.policy.permissions import MAY_FULLSCRAPE, MAY_PROXY, MAY_STAT
from tests.server.live import HOME, packed
from tests.server.process import same_on_every_machine

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.feature import AccessListSettings
if WANT_DYNAMIC_ACCESSLIST:
    from opentracker.server.list_fifos import FifoSettings
if WANT_FULLSCRAPE:
    from opentracker.features.state.feature import StateSettings
if WANT_MAX_PEER:
    from opentracker.server.limits import LimitSettings
if WANT_SYNC_LIVE:
    from opentracker.features.cluster.settings import SyncSettings

ENDPOINT = f"[{HOME}]" if HOME == "::1" else HOME


def test_the_defaults_name_the_sockets_alone() -> None:
    lines = same_on_every_machine(plan.describe(Settings(), False))
    assert all(line.startswith("would listen on ") for line in lines)
    assert f"would listen on UDP {'[::]' if WANT_V6 else '0.0.0.0'}:6969" in lines


def of_features() -> tuple[list[object], list[str]]:
    """Sections of the features in this build, and their lines in order."""
    sections: list[object] = []
    lines = []
    if WANT_SYNC_LIVE:
        binds = [(bytes(4), 9696, ""), (packed("fe80::1"), 9696, "eth0")]
        sections.append(SyncSettings(binds, [(packed("10.0.0.2"), 1, "")]))
        lines += [
            "would listen for live sync on 0.0.0.0:9696",
            "would listen for live sync on [fe80::1%eth0]:9696",
        ]
        lines += ["would send live sync to 10.0.0.2:1"]
    if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
        sections.append(AccessListSettings(Path("list")))
        lines += ["would load the access list list"]
    if WANT_DYNAMIC_ACCESSLIST:
        sections.append(FifoSettings(Path("add"), Path("delete")))
        lines += ["would read torrents to add to the access list from add"]
        lines += ["would read torrents to delete from the access list from delete"]
    if WANT_FULLSCRAPE:
        sections.append(StateSettings(Path("/old"), Path("state")))
        lines += ["would load the state in /old", "would keep the state in state"]
    sections.append(StatisticsSettings("secret"))
    return sections, [*lines, "would serve statistics at /secret"]


@pytest.mark.needs("WANT_MAX_PEER")
def test_limits_are_in_numbers() -> None:
    settings = Settings(sections=Sections(LimitSettings(torrents=7, memory=5 << 20, connections=9)))
    lines = plan.describe(settings, False)
    assert "would keep torrents and peers in 5 MiB of memory" in lines
    assert "would have 9 connections at a time" in lines
    assert "would keep 7 torrents" in lines


def test_networks_are_named_with_their_rights() -> None:
    settings = Settings()
    settings.permissions.bless(bytes([10, 0, 0, 0]), 8, MAY_STAT | MAY_FULLSCRAPE)
    settings.permissions.bless(packed("2001:db8::1"), 128, MAY_PROXY)
    lines = [line for line in plan.describe(settings, False) if line.startswith("would give ")]
    assert lines == [
        "would give 10.0.0.0/8 statistics, full scrapes",
        "would give 2001:db8::1/128 a proxy's trust",
    ]


def test_every_file_is_named() -> None:
    sections, lines = of_features()
    settings = Settings(
        binds=[Bind(True, packed(HOME), 1)],
        directory=Path("/srv/\x1b"),
        redirect_url="http://x/",
        config_files=["a.conf", "b.conf"],
        sections=Sections(*reversed(sections)),
    )
    assert same_on_every_machine(plan.describe(settings, False)) == [
        "the config file a.conf is good",
        "the config file b.conf is good",
        f"would listen on UDP {ENDPOINT}:1",
        *lines,
        "would redirect / to http://x/",
        "would work in /srv/\\x1b",
    ]
    assert plan.describe(settings, True)[-1] == "would run as nobody, with the root directory /srv/\\x1b"


def test_root_is_told_which_directory_it_would_be_in() -> None:
    told = f"would run as tracker, with the root directory {Path.cwd()}"
    assert plan.describe(Settings(user="tracker"), True)[-1] == told
    assert told not in plan.describe(Settings(user="tracker"), False)
