"""An answer goes to its taker."""

from opentracker.server.waiting import WaitingCall


def test_a_call_has_the_answer() -> None:
    answers: list[bytes] = []
    WaitingCall(answers.append).answered(b"an answer")
    assert answers == [b"an answer"]
