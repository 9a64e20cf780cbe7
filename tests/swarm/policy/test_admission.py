import pytest

from opentracker.swarm.policy.admission import Admission


@pytest.mark.parametrize("info_hash", [b"A" * 20, bytes(20), b"\xff" * 20])
def test_what_no_list_stands_behind_serves_every_torrent(info_hash: bytes) -> None:
    assert Admission().allows(info_hash)
