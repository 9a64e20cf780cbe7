"""A plugin that tox loads from here: one line before a wheel is compiled, because tox hides the output of builds."""

import logging

from tox.plugin import impl
from tox.tox_env.api import ToxEnv


@impl
def tox_on_install(tox_env: ToxEnv, arguments: object, section: str, of_type: str) -> None:
    """Announce mypyc where the build hook requires it, which it does for compiled wheels alone."""
    requirements = arguments if isinstance(arguments, list | tuple | set) else ()
    if of_type == "requires_for_build_wheel" and any(str(item).startswith("mypy") for item in requirements):
        logging.warning("mypyc compiles this wheel: a few minutes without output")
