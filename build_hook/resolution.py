"""The resolution: every choice made and checked."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from build_hook.choices import (
    DEFAULT_PROFILE,
    default_choices,
    environment_choices,
    profile_choices,
)
from build_hook.errors import BuildError
from build_hook.features_file import Features, load_features
from build_hook.rules import check_conflicts, check_needs, check_ranges, drop_dependents, planned_off
from build_hook.variables import check_names

# OPENTRACKER_SERVICE: the service manager whose files are in a wheel; the first is the default.
SERVICES: Final = ("systemd", "openrc", "rc.d", "none")


@dataclass(frozen=True)
class Build:
    """A build that can be made: every choice made and checked."""

    features: Features
    defaults: Features  # the project's own, where OPENTRACKER_FEATURES names another file
    profile: str
    flags: dict[str, bool]
    constants: dict[str, int]
    origins: dict[str, str]
    local_version: bool
    service: str
    notes: tuple[str, ...]

    def missing_flags(self, module: str) -> list[str]:
        """Return the flags that own a module (dotted, below the package) if all are off; [] if the module is built."""
        for owned, flags in self.features.modules.items():
            if (module + ".").startswith(owned + ".") and not any(map(self.holds, flags)):
                return flags
        return []

    def holds(self, owner: str) -> bool:
        """Tell whether a flag is on or, of `!WANT_X`, off."""
        return not self.flags[owner[1:]] if owner.startswith("!") else self.flags[owner]

    def dependencies(self) -> list[str]:
        """Return the run-time requirements that the flags add."""
        return [
            requirement
            for flag, requirements in self.features.dependencies.items()
            if self.flags[flag]
            for requirement in requirements
        ]


def resolve(root: Path, environment: Mapping[str, str]) -> Build:
    """Make every choice for the project in `root`: features file, then profile, then environment."""
    # A variable that is set to nothing counts as not set: that is how shells and recipes take one back.
    environment = {name: value for name, value in environment.items() if value}
    own = load_features(root / "features.toml")
    features = swapped_features(root, own, environment)
    unknown = check_names(features, environment)
    profile = environment.get("OPENTRACKER_PROFILE", DEFAULT_PROFILE)
    choices = default_choices(features, own)
    choices |= profile_choices(features, profile)
    choices |= environment_choices(features, environment)
    check_ranges(features, choices)
    check_conflicts(features, choices)
    drop_dependents(features, choices)
    check_needs(features, choices)
    planned_off(features, choices)
    check_needs(features, choices)
    local_version = environment.get("OPENTRACKER_LOCAL_VERSION", "0")
    if local_version not in ("0", "1"):
        raise BuildError(f"OPENTRACKER_LOCAL_VERSION={local_version} (environment): it is 0 or 1")
    service = environment.get("OPENTRACKER_SERVICE", SERVICES[0])
    if service not in SERVICES:
        raise BuildError(f"OPENTRACKER_SERVICE={service} (environment): it is one of {', '.join(SERVICES)}")
    return Build(
        features=features,
        defaults=own,
        profile=profile,
        flags={name: choices[name].value for name in features.flags},
        constants={name: choices[name].value for name in features.constants},
        origins={name: choice.origin for name, choice in choices.items()},
        local_version=local_version == "1",
        service=service,
        notes=tuple(notes(features, environment, unknown)),
    )


def notes(features: Features, environment: Mapping[str, str], unknown: Iterable[str]) -> Iterator[str]:
    """Yield a line for each kind of variable that changes nothing."""
    for name, why in features.ignored.items():
        if name in environment:
            yield f"{name}={environment[name]} (environment) has no meaning here: {why}"
    if unknown:
        yield f"not known to this build, and without effect: {', '.join(unknown)} (environment)"


def swapped_features(root: Path, own: Features, environment: Mapping[str, str]) -> Features:
    """Return the features file in force: the project's own, or the one that OPENTRACKER_FEATURES names."""
    if "OPENTRACKER_FEATURES" not in environment:
        return own
    path = root / environment["OPENTRACKER_FEATURES"]
    if not path.is_file():
        raise BuildError(
            f"OPENTRACKER_FEATURES={path} (environment): no such file; it names a whole features.toml"
        )
    features = load_features(path)
    for name in own.names():
        if name not in features.flags and name not in features.constants:
            raise BuildError(
                f"OPENTRACKER_FEATURES={path} (environment): {name} is missing; every name must be there"
            )
    # A planned feature is not written yet: another file cannot change that.
    features.planned += [name for name in own.planned if name not in features.planned]
    return features
