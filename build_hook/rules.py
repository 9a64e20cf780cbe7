"""The rules that choices have to keep: ranges, conflicts, needs, planned flags."""

from collections.abc import Mapping

from build_hook.choices import Choice, allowed_range
from build_hook.errors import BuildError
from build_hook.features_file import Features


def check_ranges(features: Features, choices: Mapping[str, Choice]) -> None:
    """Refuse a constant outside its range."""
    for name in features.constants:
        check_range(features, choices, name)
    check_peer_timeout(choices)


def check_range(features: Features, choices: Mapping[str, Choice], name: str) -> None:
    """Refuse this constant if it is outside its range. A bound may be the name of another constant."""
    constant, choice = features.constants[name], choices[name]
    bounds = (constant.min, constant.max)
    least, most = (choices[bound].value if isinstance(bound, str) else bound for bound in bounds)
    if not least <= choice.value <= most:
        named = "".join(
            f"; {bound} is {choices[bound].value} ({choices[bound].origin})"
            for bound in bounds
            if isinstance(bound, str)
        )
        raise BuildError(f"{name}={choice.value} ({choice.origin}): {allowed_range(features, name)}{named}")


def check_peer_timeout(choices: Mapping[str, Choice]) -> None:
    """Refuse a peer timeout that may forget a punctual client: under 1.25 of the longest interval."""
    try:
        interval = choices["OT_CLIENT_REQUEST_INTERVAL"].value
        variation = choices["OT_CLIENT_REQUEST_VARIATION"].value
        timeout = choices["OT_PEER_TIMEOUT"]
    except KeyError:
        return  # another project's features file
    longest = interval + variation / 2
    least = -(-1.25 * longest // 60)
    if timeout.value < least:
        raise BuildError(
            f"OT_PEER_TIMEOUT={timeout.value} ({timeout.origin}): at least {least:.0f} min is allowed,"
            f" 1.25 times the longest interval handed out ({longest:g} s)"
        )


def check_conflicts(features: Features, choices: Mapping[str, Choice]) -> None:
    """Refuse two flags that exclude each other."""
    for number, flags in enumerate(features.conflicts):
        on = [f"{name}=1 ({choices[name].origin})" for name in flags if choices[name].value]
        if len(on) > 1:
            rule = features.where(f"conflicts#{number}")
            raise BuildError(
                f"{' and '.join(on)} exclude each other ({rule}): at most one of them is allowed"
            )


def drop_dependents(features: Features, choices: dict[str, Choice]) -> None:
    """Let a flag that nobody asked for, on by default alone, go off together with the flags that it needs."""
    for _ in features.requires:  # a chain is at most as long as there are rules
        for flag, needed in features.requires:
            if choices[flag] == Choice(True, features.where("flags", flag)) and not any(
                choices[name].value for name in needed
            ):
                choices[flag] = Choice(False, f"off with {' and '.join(needed)}")


def check_needs(features: Features, choices: Mapping[str, Choice]) -> None:
    """Refuse a flag without any of the flags that it needs."""
    for number, (flag, needed) in enumerate(features.requires):
        if choices[flag].value and not any(choices[name].value for name in needed):
            rule = features.where(f"requires#{number}")
            states = ", ".join(f"{name}=0 ({choices[name].origin})" for name in needed)
            raise BuildError(
                f"{flag}=1 ({choices[flag].origin}) needs {' or '.join(needed)} ({rule}); there is {states}"
            )


def planned_off(features: Features, choices: dict[str, Choice]) -> None:
    """Count planned flags as false, and refuse one that a profile or the environment sets."""
    for name in features.planned:
        choice = choices[name]
        if choice.value and choice.origin != "default":
            raise BuildError(f"{name}=1 ({choice.origin}): not in this version; only 0 is allowed")
        choices[name] = Choice(value=False, origin="not in this version")
