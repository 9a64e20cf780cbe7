"""Choices and their origins: the features file, then a profile, then the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from build_hook.errors import BuildError
from build_hook.features_file import Features

DEFAULT_PROFILE: Final = "open"
LONGEST_NUMBER: Final = 20  # characters, as of -2**63: a number in TOML has 64 bits


@dataclass(frozen=True)
class Choice:
    """A value and its origin, in the words of a message."""

    value: Any
    origin: str


def default_choices(features: Features, own: Features) -> dict[str, Choice]:
    """Return the choices of the features file. Planned flags that our own file has on are of origin "default"."""
    choices = {name: Choice(value, features.where("flags", name)) for name, value in features.flags.items()}
    for name, constant in features.constants.items():
        choices[name] = Choice(constant.value, features.where("constants", name))
    for name in features.planned:
        if own.flags.get(name):
            choices[name] = Choice(features.flags[name], "default")
    return choices


def profile_choices(features: Features, profile: str) -> dict[str, Choice]:
    """Return the choices of the profile. The default profile may be missing from the file."""
    if profile not in features.profiles and profile != DEFAULT_PROFILE:
        known = ", ".join(features.profiles)
        raise BuildError(f"OPENTRACKER_PROFILE={profile} (environment): no such profile; there are {known}")
    return {
        name: Choice(value, f"profile {profile}, {features.where(f'profile.{profile}', name)}")
        for name, value in features.profiles.get(profile, {}).items()
    }


def environment_choices(features: Features, environment: Mapping[str, str]) -> dict[str, Choice]:
    """Return the choices of single variables: WANT_X=0|1, OT_X=whole number."""
    choices: dict[str, Choice] = {}
    for name in features.flags:
        if (text := environment.get(name)) is not None:
            if text not in ("0", "1"):
                raise BuildError(f"{name}={text} (environment): a flag is 0 or 1")
            choices[name] = Choice(text == "1", "environment")
    for name in features.constants:
        if (text := environment.get(name)) is not None:
            if not re.fullmatch(r"-?[0-9]+", text, re.ASCII) or len(text) > LONGEST_NUMBER:
                raise BuildError(
                    f"{name}={text} (environment): a whole number {allowed_range(features, name)}"
                )
            choices[name] = Choice(int(text), "environment")
    return choices


def allowed_range(features: Features, name: str) -> str:
    """Return a constant's permitted range in words."""
    constant = features.constants[name]
    return f"from {constant.min} to {constant.max} ({constant.unit}) is allowed"
