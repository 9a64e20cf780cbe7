"""The responder without the fast ways: it recognizes no plain announce, and answers it all the same."""

from librt.strings import BytesWriter

from opentracker.server.http.long_way import LongWayResponder
from tests.server.http.talk import H_01
from tests.server.live import HOME, Live, packed


def test_a_plain_announce_is_not_recognized_and_answered_all_the_same() -> None:
    live = Live()
    server = live.server
    answers = LongWayResponder(server.tracker, server.counters, b"")
    out = BytesWriter()
    assert not answers.reads_plain(H_01)
    assert not answers.answer_plain(H_01 + bytes(64), 0, len(H_01), packed(HOME), True, 0, out)
    assert len(out) == 0
    server.http.answers = answers
    assert live.ask(live.listen_tcp(), H_01).status == 200
    assert live.counters.value("tcp_announces") == 1
    live.close()
