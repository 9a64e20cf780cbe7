"""WebTorrent as a feature: its key, its limit, and the statistics."""

import pytest

from opentracker.config.settings import Sections, Settings
from opentracker.errors import ConfigError
from opentracker.server.webtorrent.feature import WebTorrentFeature, WebTorrentSettings
from tests.server.live import Live, sections
from tests.server.webtorrent.browser import Browser, handshake


def test_the_key() -> None:
    settings = Settings()
    WebTorrentFeature.keys["limits.websockets"](settings, "5")
    assert settings == Settings(sections=Sections(WebTorrentSettings(5)))


def test_a_limit_and_its_reload() -> None:
    live = Live(Settings(sections=sections(WebTorrentSettings(1))))
    to = live.listen_tcp()
    browser = Browser(live, to)
    refused = live.tcp(to)
    refused.send(handshake())
    answer = refused.read_to_end()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"limits.websockets is reached" in answer
    for feature in live.server.config.features:
        feature.renew(Settings(sections=sections(WebTorrentSettings(2))))
    assert Browser(live, to).is_served()
    assert browser.is_served()
    live.close()


def test_the_limit_is_that_of_all_workers() -> None:
    shares = []
    for worker in range(3):
        settings = Settings(sections=Sections(WebTorrentSettings(5)), workers=3)
        WebTorrentFeature(settings).divide(settings, worker)
        shares.append(settings.of(WebTorrentSettings).websockets)
    assert shares == [2, 2, 1]


def test_a_limit_that_leaves_nothing_for_some_workers() -> None:
    WebTorrentFeature(Settings(sections=Sections(WebTorrentSettings(0)), workers=3)).check()
    with pytest.raises(ConfigError, match=r"limits\.websockets is less than one for each of 3 workers"):
        WebTorrentFeature(Settings(sections=Sections(WebTorrentSettings(2)), workers=3)).check()


def test_an_ending_without_a_server_is_none() -> None:
    feature = WebTorrentFeature(Settings())
    feature.renew(Settings())
    feature.end()
