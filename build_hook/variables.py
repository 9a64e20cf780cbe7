"""The names of environment variables: ours, typos of ours, and names of other programs."""

from collections.abc import Mapping
from typing import Final

from build_hook.errors import BuildError
from build_hook.features_file import Features
from build_hook.names import is_made_of_words, is_typo, nearest

VARIABLES: Final = (
    *("OPENTRACKER_PROFILE", "OPENTRACKER_FEATURES"),
    *("OPENTRACKER_LOCAL_VERSION", "OPENTRACKER_SERVICE"),
)
KINDS: Final = {"WANT": "flag", "OT": "constant", "OPENTRACKER": "variable"}  # of the names with this prefix


def check_names(features: Features, environment: Mapping[str, str]) -> list[str]:
    """Return the unknown names with our prefixes. Refuse a likely typo of a known name.

    A typo must not give the default build. Others use our prefixes too (WANT_AUTOCONF; Kubernetes sets
    OPENTRACKER_PORT for a service of that name), and must be able to build.
    """
    known = {*features.names(), *features.ignored, *VARIABLES}
    unknown = []
    for name, value in environment.items():
        kind = KINDS.get(name.partition("_")[0])
        if kind is None or name in known:
            continue
        if meant := names_meant(name, known, features):
            raise BuildError(f"{name}={value} (environment): no such {kind}; {nearest(name, meant)}")
        unknown.append(name)
    return unknown


def names_meant(name: str, known: set[str], features: Features) -> list[str]:
    """Return the known names of which this one is a typo or, of flags, another form."""
    prefix = name.partition("_")[0] + "_"
    alike = [other for other in known if other.startswith(prefix)]
    return [
        other
        for other in alike
        if is_typo(name, other) or (other in features.flags and is_made_of_words(name, other))
    ]
