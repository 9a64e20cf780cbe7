"""Variants: what a package's build is told, and what the installed tracker has to say of itself."""

import json
from dataclasses import dataclass
from typing import Any, Final

from build_hook.rendering import build_record
from build_hook.resolution import resolve
from builder.checkout import ROOT, version


@dataclass(frozen=True)
class Variant:
    """A set of choices with the name that its package has."""

    choices: dict[str, str]
    access_list: str = ""  # the key of config files that names its list

    def record(self) -> dict[str, Any]:
        """Return the build record of the tracker that is to come of it."""
        record: dict[str, Any] = json.loads(
            build_record(resolve(ROOT, self.choices), "opentracker", version())
        )
        return record


# As debian/rules, opentracker.spec and Containerfile name them; a test compares.
VARIANTS: Final = {
    "open": Variant({"OPENTRACKER_PROFILE": "open"}),
    "whitelist": Variant({"OPENTRACKER_PROFILE": "debian"}, "access.whitelist"),
    "blacklist": Variant({"OPENTRACKER_PROFILE": "blacklist"}, "access.blacklist"),
    "compiled": Variant({"OPENTRACKER_PROFILE": "open", "WANT_COMPILED": "1"}),
}
