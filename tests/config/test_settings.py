from pathlib import Path

from opentracker.config.settings import Bind, Settings


def test_defaults() -> None:
    settings = Settings()
    assert settings.binds == []
    assert settings.redirect_url == ""
    assert settings.directory == Path()
    assert settings.accesslist is None
    assert not settings.check_only


def test_two_settings_share_nothing() -> None:
    Settings().binds.append(Bind(True, None, 1))
    assert Settings().binds == []
