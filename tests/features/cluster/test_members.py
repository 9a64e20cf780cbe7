"""The table of a cluster's members: bounded, and with those that have never sent anything."""

from opentracker.features.cluster.counting import MEMBER_BYTES, MEMBER_PACKETS, MEMBER_SILENCE
from opentracker.features.cluster.members import MOST, NEVER, Members
from opentracker.swarm.surveys.snapshot import StatsSnapshot


def test_a_member_that_is_expected_has_never_been_heard() -> None:
    members = Members()
    members.expect(bytes(4))
    assert members.of(bytes(4)).silence(1000.0) == NEVER
    assert list(members.by_address) == [bytes(4)]


def test_silence_is_counted_from_the_latest_packet() -> None:
    heard = Members().of(bytes(16))
    heard.last = 40.0
    assert heard.silence(100.0) == 60.0


def test_addresses_beyond_the_most_are_counted_together() -> None:
    members = Members()
    own = [members.of(number.to_bytes(4, "big")) for number in range(MOST)]
    assert len(set(map(id, own))) == MOST
    for number in (MOST, MOST + 1):
        members.of(number.to_bytes(4, "big")).packets += 1
    assert members.others.packets == 2
    assert len(members.by_address) == MOST


def test_another_process_goes_on_counting() -> None:
    before, after = Members(), Members()
    for number in range(MOST):
        heard = before.of(number.to_bytes(4, "big"))
        heard.packets, heard.bytes, heard.records, heard.malformed, heard.last = number, 2, 3, 4, 5.5
    before.others.packets = 9
    after.expect(bytes(4))
    after.unpack(before.packed(), lambda address: address[3] != 7)
    assert after.others.packets == 9
    assert list(after.by_address) == [each for each in before.by_address if each[3] != 7]
    for address, heard in after.by_address.items():
        rows = [heard.packets, heard.bytes, heard.records, heard.malformed, heard.last]
        assert rows == [int.from_bytes(address, "big"), 2, 3, 4, 5.5]


def test_each_member_is_told_of() -> None:
    members = Members()
    members.expect(bytes([192, 0, 2, 1]))
    heard = members.of(bytes([192, 0, 2, 2]))
    heard.packets, heard.bytes, heard.last = 7, 700, 900.0
    snapshot = StatsSnapshot("opentracker", 1, 1000)
    members.tell(snapshot, 1000.0)
    silent, busy = 'member="192.0.2.1"', 'member="192.0.2.2"'
    assert [snapshot.reading(each, busy) for each in (MEMBER_PACKETS, MEMBER_BYTES, MEMBER_SILENCE)] == [
        *(7, 700, 100)
    ]
    assert [snapshot.reading(each, silent) for each in (MEMBER_PACKETS, MEMBER_SILENCE)] == [0, 1000]
    assert MEMBER_SILENCE.is_bad(1000)
    assert not MEMBER_SILENCE.is_bad(100)
