"""An announce of a known peer over UDP allocates nothing in a compiled build."""

import subprocess
import sys

import pytest

from tests.swarm.model import FAMILIES

pytest.importorskip("_testcapi", reason="this Python cannot make its allocations fail")
pytestmark = pytest.mark.needs(WANT_COMPILED=True)

SMALL = 200  # peers of a small torrent at most
PATIENCE = 60  # seconds
# A process of its own, which a failed allocation may end. Every allocation fails while it counts renewals.
RENEWALS = """
import sys
from _testcapi import remove_mem_hooks, set_nomemory
from librt.random import Random
from librt.strings import BytesWriter
from opentracker.protocol.messages import Announce
from opentracker.swarm.tracker import Tracker

peers, size = int(sys.argv[1]), int(sys.argv[2])
tracker = Tracker(Random(1))
a = Announce(False)
a.info_hash, a.stored, a.numwant = b"T" * 20, True, 0
datagrams = []
for number in range(peers):
    a.peer, a.seeding = number.to_bytes(size - 2, "big") + b"\\x1a\\xe1", number % 3 == 0
    tracker.announce(a, 0)
    left = 0 if a.seeding else 1  # see BEP 15 for the fields of an announce
    datagram = bytes(16) + a.info_hash + bytes(28) + left.to_bytes(8, "big") + bytes(24) + a.peer[-2:]
    datagrams.append((datagram, a.peer[:-2]))
out = BytesWriter()
answer = tracker.answer_udp


def renew(requests):
    taken = 0
    for datagram, address in requests:
        out.truncate(0)
        if answer(datagram, address, 50, 1, out):
            taken += 1 if taken < 200 else -200  # a small number needs no allocation
    return taken


for _ in range(20):  # until the writer has room, and the interpreter has specialized the loop
    renew(iter((datagrams * 10)[:10]))
requests = iter(datagrams)
set_nomemory(0)
taken = renew(requests)
remove_mem_hooks()
print(taken, len(out))
"""


@pytest.mark.parametrize("size", FAMILIES)
@pytest.mark.parametrize("peers", [1, 60, SMALL - 1, SMALL + 1, 5_000])
def test_a_renewal_makes_no_object(peers: int, size: int) -> None:
    command = [sys.executable, "-P", "-c", RENEWALS, str(peers), str(size)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(peers % 201), str(20 + min(peers - 1, 50) * size)]
