"""Messages that other workers have for the hearers of one; test_mesh and test_sharing have its answers."""

from opentracker.server.workers.frames import TELL
from tests.server.workers.crew import Crew


def test_a_message_goes_to_the_hearer_whose_name_it_has(two: Crew) -> None:
    heard: list[bytes] = []
    two.workers[1].hearers[b"test"] = heard.append
    for payload in (b"test a message", b"test", b"test "):
        two.workers[0].mesh.send(1, TELL, 0, payload)
    two.until(lambda: len(heard) == 3, "the messages")
    assert heard == [b"a message", b"", b""]
