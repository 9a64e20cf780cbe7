"""What `-t` tells of."""

from pathlib import Path

from opentracker import plan
from opentracker._features import WANT_V6
from opentracker.config.settings import Bind, Settings
from tests.server.live import HOME, packed

ENDPOINT = f"[{HOME}]" if HOME == "::1" else HOME


def test_the_defaults_name_the_sockets_alone() -> None:
    lines = plan.describe(Settings(), False)
    assert all(line.startswith("would listen on ") for line in lines)
    assert f"would listen on UDP {'[::]' if WANT_V6 else '0.0.0.0'}:6969" in lines


def test_every_file_is_named() -> None:
    settings = Settings(
        binds=[Bind(True, packed(HOME), 1)],
        directory=Path("/srv/\x1b"),
        accesslist=Path("list"),
        fifo_add=Path("add"),
        fifo_delete=Path("delete"),
        state_to_load=Path("/old"),
        state_file=Path("state"),
        stats_path="secret",
        redirect_url="http://x/",
        sync_binds=[(bytes(4), 9696, ""), (packed("fe80::1"), 9696, "eth0")],
        sync_peers=[(packed("10.0.0.2"), 1, "")],
        config_files=["a.conf", "b.conf"],
    )
    assert plan.describe(settings, False) == [
        "the config file a.conf is good",
        "the config file b.conf is good",
        f"would listen on UDP {ENDPOINT}:1",
        "would listen for live sync on 0.0.0.0:9696",
        "would listen for live sync on [fe80::1%eth0]:9696",
        "would send live sync to 10.0.0.2:1",
        "would load the access list list",
        "would read torrents to add to the access list from add",
        "would read torrents to delete from the access list from delete",
        "would load the state in /old",
        "would write the state to state",
        "would serve statistics at /secret",
        "would redirect / to http://x/",
        "would work in /srv/\\x1b",
    ]
    assert plan.describe(settings, True)[-1] == "would run as nobody, with the root directory /srv/\\x1b"


def test_root_is_told_which_directory_it_would_be_in() -> None:
    told = f"would run as tracker, with the root directory {Path.cwd()}"
    assert plan.describe(Settings(user="tracker"), True)[-1] == told
    assert told not in plan.describe(Settings(user="tracker"), False)
