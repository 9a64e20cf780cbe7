import pytest

from opentracker.protocol.messages import Announce
from opentracker.swarm.policy.watching import Watcher


def test_a_watcher_has_to_look() -> None:
    with pytest.raises(NotImplementedError):
        Watcher().announced(Announce(both_families=False), 0)
