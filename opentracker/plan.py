"""The steps of a start in words: `-t`."""

from opentracker.config.settings import Settings
from opentracker.config.values import shown
from opentracker.server import binding, wiring


def describe(settings: Settings, as_root: bool) -> list[str]:
    """A line for each config file, socket and file of a start, and for what is not at its default.

    `as_root` is whether root would start it, who then is somebody else, in another root directory.
    """
    lines = [f"the config file {shown(name)} is good" for name in settings.config_files]
    lines += [f"would listen on {binding.in_words(bind)}" for bind in binding.planned_binds(settings)]
    lines += wiring.plan(settings)
    if settings.redirect_url:
        lines.append(f"would redirect / to {settings.redirect_url}")
    if as_root:
        root = shown(str(settings.directory.absolute()))
        lines.append(f"would run as {settings.user}, with the root directory {root}")
    elif settings.directory != Settings().directory:
        lines.append(f"would work in {shown(str(settings.directory))}")
    return lines
