"""P-9: the same random requests to the C tracker and to ours; differential.py can also be run by hand, for longer."""

import struct

import pytest

from tests.e2e import differential
from tests.e2e.differential import C_TRACKER, Comparison, Side, UnexplainedError, compare
from tests.server.workers.allowed import may_be_several

pytestmark = [
    pytest.mark.needs("WANT_ACCESSLIST_WHITE", WANT_V6=False),
    pytest.mark.skipif(
        not C_TRACKER.exists(), reason=f"there is no {C_TRACKER}: Debian's package opentracker"
    ),
]
REQUESTS = 1500


@pytest.mark.parametrize(
    "workers", [1, pytest.param(3, marks=pytest.mark.skipif(not may_be_several(), reason="refuses several"))]
)
def test_p9_every_difference_from_the_c_tracker_has_its_decision(workers: int) -> None:
    done = compare(REQUESTS, seed=1, workers=workers)
    assert done.compared.total() == REQUESTS
    assert done.equal > 50
    assert set(done.differences) <= {*(f"D{n}" for n in range(1, 13)), "S-03", "S-04", "U-42", "U-44", "U-46"}
    print(done.compared, done.differences)


class WrongSide(Side):
    """One that counts a seeder too many in its UDP announces."""

    def ask_udp(self, source: str, packet: bytes) -> bytes:
        answer = super().ask_udp(source, packet)
        if answer[:4] == b"\0\0\0\x01" and len(answer) >= 20:
            seeders = int.from_bytes(answer[16:20], "big") + 1
            return answer[:16] + struct.pack(">I", seeders) + answer[20:]
        return answer


def test_a_difference_without_a_decision_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Swayed(Comparison):
        def __init__(self, theirs: Side, ours: Side, seed: int) -> None:
            ours.__class__ = WrongSide
            super().__init__(theirs, ours, seed)

    monkeypatch.setattr(differential, "Comparison", Swayed)
    with pytest.raises(UnexplainedError, match="udp=True"):
        compare(200, seed=1)
