import pytest

from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED, Announce


def test_events_have_their_numbers_of_bep_15() -> None:
    assert (EVENT_NONE, EVENT_COMPLETED, EVENT_STARTED, EVENT_STOPPED) == (0, 1, 2, 3)


@pytest.mark.parametrize("both_families", [False, True])
def test_a_new_announce_asks_for_nothing_and_answers_nothing(both_families: bool) -> None:
    a = Announce(both_families=both_families)
    assert a.both_families is both_families
    assert (a.info_hash, a.peer_id, a.peer, a.url_data) == (b"", b"", b"", b"")
    assert (a.stored, a.seeding, a.event, a.numwant) == (False, False, EVENT_NONE, 0)
    assert (a.complete, a.incomplete, a.downloaded, a.interval, a.peers, a.peers6) == (0, 0, 0, 0, b"", b"")


def test_a_misspelt_field_is_an_error() -> None:
    """It is filled in again and again, by parsers that nothing else would tell of a mistake."""
    with pytest.raises(AttributeError):
        Announce(both_families=False).infohash = b"A" * 20  # type: ignore[attr-defined]
