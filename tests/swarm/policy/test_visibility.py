"""Without a filter everybody is listed to everybody."""

from opentracker.protocol.messages import Announce
from opentracker.swarm.policy.visibility import Visibility


def test_everybody_is_listed() -> None:
    visibility = Visibility()
    a = Announce(both_families=False)
    a.stored, a.peer, a.peers = True, bytes(6), bytes(12)
    visibility.screen(a)
    visibility.hide(a)
    assert (a.stored, a.peers, visibility.hides) == (True, bytes(12), False)


def test_every_peer_of_a_file_is_listed() -> None:
    visibility = Visibility()
    assert visibility.lists(bytes(6))
    assert visibility.lists(bytes(18))
    assert not visibility.hides
