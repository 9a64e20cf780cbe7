from opentracker.swarm.admission import Admission


def test_without_a_list_every_torrent_is_served() -> None:
    admission = Admission()
    assert all(admission.allows(info_hash) for info_hash in (b"A" * 20, bytes(20), b"\xff" * 20))
