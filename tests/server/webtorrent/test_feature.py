"""WebTorrent as a feature: its key, its limit, and the statistics."""

import pytest

from opentracker.config.settings import Sections, Settings
from opentracker.errors import ConfigError
from opentracker.server.webtorrent.feature import WebTorrentFeature, WebTorrentSettings
from opentracker.server.wiring import refuse_alone
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


@pytest.mark.needs("WANT_WORKERS", WANT_SYNC_LIVE=False)
def test_several_workers_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"listen\.workers above 1 does not go with WebTorrent yet"):
        refuse_alone([WebTorrentFeature(Settings())], Settings(workers=2))


def test_an_ending_without_a_server_is_none() -> None:
    feature = WebTorrentFeature(Settings())
    feature.renew(Settings())
    feature.end()
