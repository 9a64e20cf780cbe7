"""The limit on the descriptors of this process: each connection needs one."""

import logging
import resource

log = logging.getLogger("opentracker")


def raise_limit() -> None:
    """Raise the soft limit to the hard limit.

    The soft limit is 1024 nearly everywhere, for the sake of programs that use select(2).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        log.debug("%s descriptors at most", describe(hard))
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:  # macOS refuses "unlimited"; a service manager may forbid the call
        log.warning("%s descriptors at most, not the %s allowed: %s", describe(soft), describe(hard), error)
    else:
        log.info("%s descriptors at most (the limit was %s)", describe(hard), describe(soft))


def describe(limit: int) -> str:
    """A limit as text."""
    return "any number of" if limit == resource.RLIM_INFINITY else str(limit)
