"""Settings as the command line and config files make them."""

from pathlib import Path

from opentracker import cli
from opentracker.config.settings import Settings


def settings_of(*arguments: str) -> Settings:
    """The settings of a command line that starts a tracker."""
    settings = cli.parse(list(arguments))
    assert isinstance(settings, Settings)
    return settings


def settings_of_file(folder: Path, *lines: str) -> Settings:
    """The settings of a config file with these lines."""
    path = folder / "conf"
    path.write_text("".join(f"{line}\n" for line in lines))
    return settings_of("-f", str(path))
