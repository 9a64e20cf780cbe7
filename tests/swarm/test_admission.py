import pytest

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.admission import Admission

LISTS = ["WANT_ACCESSLIST_BLACK", "WANT_ACCESSLIST_WHITE"]


@pytest.mark.parametrize("flag", [pytest.param(flag, marks=pytest.mark.needs(flag)) for flag in LISTS])
@pytest.mark.parametrize("info_hash", [b"A" * 20, bytes(20), b"\xff" * 20])
def test_what_no_list_stands_behind_serves_every_torrent(flag: str, info_hash: bytes) -> None:
    assert Admission().allows(info_hash)
