"""The names of environment variables: which are ours, and which are typos of ours."""

import difflib
from collections.abc import Mapping
from typing import Final

from build_hook.errors import BuildError, nearest
from build_hook.features_file import Features

VARIABLES: Final = ("OPENTRACKER_PROFILE", "OPENTRACKER_FEATURES", "OPENTRACKER_LOCAL_VERSION")


def check_names(features: Features, environment: Mapping[str, str]) -> None:
    """Refuse an unknown variable that looks like ours: a typo must not give the default build in silence."""
    known = {*features.flags, *features.constants, *features.ignored}
    for name, value in environment.items():
        if name.startswith(("WANT_", "OT_")) and name not in known:
            kind = "flag" if name.startswith("WANT_") else "constant"
            raise BuildError(f"{name}={value} (environment): no such {kind}; {nearest(name, known)}")
        # Others set OPENTRACKER_... too (Kubernetes for a service of that name): only likely typos count.
        near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.85)
        if name not in VARIABLES and name.startswith("OPENTRACKER_") and near:
            raise BuildError(
                f"{name}={value} (environment): no such variable; the nearest known one is {near[0]}"
            )
