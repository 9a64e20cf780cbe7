"""Decorators for the needs of a test: features of the build and of the machine."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from opentracker.server.sockets import has_ipv6

Test = TypeVar("Test", bound=Callable[..., object])

_machine_has_ipv6 = pytest.mark.skipif(not has_ipv6("::1"), reason="this machine has no IPv6")


def needs_ipv4(test: Test) -> Test:
    """For tests with IPv4 clients."""
    marked: Test = pytest.mark.needs(WANT_V6=False)(test)
    return marked


def needs_ipv6(test: Test) -> Test:
    """For tests with IPv6 clients."""
    marked: Test = _machine_has_ipv6(pytest.mark.needs(WANT_V4_ONLY=False)(test))
    return marked


def needs_both(test: Test) -> Test:
    """For tests with clients of both families."""
    return needs_ipv4(needs_ipv6(test))
