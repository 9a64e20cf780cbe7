from opentracker.swarm.policy.keys import Keys


def test_without_a_key_file_no_request_needs_a_key() -> None:
    keys = Keys()
    assert not keys.in_force
    keys.check(b"", bytes(4))
    keys.check(b"any", bytes(16))
