"""Rules: what cannot be built is one line that names every choice in it and where each comes from."""

from collections.abc import Callable
from typing import Any

import pytest

from build_hook.errors import BuildError
from build_hook.resolution import resolve
from tests.build.workshop import ROOT

Choose = Callable[..., Any]

REFUSED = [
    (
        {"WANT_ACCESSLIST_WHITE": "1", "WANT_ACCESSLIST_BLACK": "1"},
        "WANT_ACCESSLIST_BLACK=1 (environment) and WANT_ACCESSLIST_WHITE=1 (environment) exclude each other"
        " (features.toml:26): at most one of them is allowed",
    ),
    (
        {"OPENTRACKER_PROFILE": "whitelist", "WANT_ACCESSLIST_BLACK": "1"},
        "WANT_ACCESSLIST_BLACK=1 (environment) and WANT_ACCESSLIST_WHITE=1 (profile whitelist, features.toml:58)"
        " exclude each other (features.toml:26): at most one of them is allowed",
    ),
    (
        {"WANT_GZIP": "1", "WANT_FULLSCRAPE": "0"},
        "WANT_GZIP=1 (environment) needs WANT_FULLSCRAPE (features.toml:33); there is"
        " WANT_FULLSCRAPE=0 (environment)",
    ),
    (
        {"WANT_DYNAMIC": "1"},
        "WANT_DYNAMIC=1 (environment) needs WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE (features.toml:29);"
        " there is WANT_ACCESSLIST_BLACK=0 (features.toml:7), WANT_ACCESSLIST_WHITE=0 (features.toml:8)",
    ),
    ({"WANT_SYNC_LIVE": "1"}, "WANT_SYNC_LIVE=1 (environment): not in this version; only 0 is allowed"),
    ({"WANT_FULLSCRAPE": "1"}, "WANT_FULLSCRAPE=1 (environment): not in this version; only 0 is allowed"),
    (
        {"OPENTRACKER_PROFILE": "later"},
        "WANT_SYNC_LIVE=1 (profile later, features.toml:65): not in this version; only 0 is allowed",
    ),
    (
        {"WANT_GZIP": "1"},
        "WANT_GZIP=1 (environment) needs WANT_FULLSCRAPE (features.toml:33); there is"
        " WANT_FULLSCRAPE=0 (not in this version)",
    ),
    ({"OT_INTERVAL": "0"}, "OT_INTERVAL=0 (environment): from 300 to 12000 (s) is allowed"),
    (
        {"OT_VARIATION": "901", "OPENTRACKER_PROFILE": "whitelist"},
        "OT_VARIATION=901 (environment): from 0 to OT_INTERVAL (s) is allowed; OT_INTERVAL is 900"
        " (profile whitelist, features.toml:59)",
    ),
]


@pytest.mark.parametrize(("environment", "message"), REFUSED, ids=[" ".join(e)[:60] for e, _ in REFUSED])
def test_refused_in_one_line(choose: Choose, environment: dict[str, str], message: str) -> None:
    with pytest.raises(BuildError) as caught:
        choose(**environment)
    assert str(caught.value) == message


def test_conflicts_and_needs_are_told_before_what_is_planned(choose: Choose) -> None:
    with pytest.raises(BuildError, match=r"WANT_SYNC_LIVE=1 .* needs WANT_GREETING"):
        choose(WANT_SYNC_LIVE="1", WANT_GREETING="0")


def test_what_is_on_by_default_goes_off_with_what_it_needs() -> None:
    """Nobody who leaves a feature out has to know what hangs on it; who asks for that is told."""
    build = resolve(ROOT, {"WANT_FULLSCRAPE": "0"})
    assert resolve(ROOT, {}).flags["WANT_FULL_STATE"] is True
    assert build.flags["WANT_FULL_STATE"] is False
    assert build.origins["WANT_FULL_STATE"] == "off with WANT_FULLSCRAPE"
    with pytest.raises(BuildError, match=r"WANT_FULL_STATE=1 \(environment\) needs WANT_FULLSCRAPE"):
        resolve(ROOT, {"WANT_FULLSCRAPE": "0", "WANT_FULL_STATE": "1"})


def test_a_planned_flag_may_be_set_to_what_it_is(choose: Choose) -> None:
    assert choose(WANT_FULLSCRAPE="0", WANT_SYNC_LIVE="0").flags["WANT_FULLSCRAPE"] is False


def test_peers_outlive_the_longest_interval() -> None:
    assert resolve(ROOT, {"OT_PEER_TIMEOUT": "42"}).constants["OT_PEER_TIMEOUT"] == 42
    with pytest.raises(BuildError, match=r"OT_PEER_TIMEOUT=41 \(environment\): at least 42 min is allowed"):
        resolve(ROOT, {"OT_PEER_TIMEOUT": "41"})
    with pytest.raises(BuildError, match=r"OT_PEER_TIMEOUT=45 \(features\.toml:\d+\): at least 246 min"):
        resolve(ROOT, {"OT_CLIENT_REQUEST_INTERVAL": "11612"})
