from pathlib import Path

import pytest

from opentracker.server.settings import Bind, Settings, seen_from, settings_seen_from


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


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ("/etc/opentracker", "/etc/opentracker/whitelist.txt", "/whitelist.txt"),
        ("/etc/opentracker/", "/etc//opentracker/lists/white", "/lists/white"),
        ("/etc/opentracker", "/etc/opentracker", "/"),
        ("/etc/opentracker", "/etc/opentracker2/list", "/etc/opentracker2/list"),
        ("/etc/opentracker", "/whitelist.txt", "/whitelist.txt"),
        ("/etc/opentracker", "whitelist.txt", "whitelist.txt"),
        ("/etc/opentracker", "etc/opentracker/list", "etc/opentracker/list"),
        ("/", "/list", "/list"),
    ],
)
def test_a_path_that_begins_with_the_root_directory_is_shortened(root: str, path: str, expected: str) -> None:
    assert seen_from(Path(root), Path(path)) == Path(expected)


def test_settings_as_seen_from_the_new_root() -> None:
    root = Path("/srv/tracker")
    settings = Settings(
        directory=root,
        accesslist=root / "list",
        fifo_add=root / "add",
        fifo_delete=Path("delete"),
        state_file=root / "state",
        state_to_load=root / "old",
    )
    assert settings_seen_from(root, settings) == Settings(
        directory=root,
        accesslist=Path("/list"),
        fifo_add=Path("/add"),
        fifo_delete=Path("delete"),
        state_file=Path("/state"),
        state_to_load=root / "old",
        permissions=settings.permissions,
    )
    assert settings.accesslist == root / "list"
    assert settings_seen_from(root, Settings(permissions=settings.permissions)) == Settings(
        permissions=settings.permissions
    )
