"""State dumps: whole lines are loaded, broken ones skipped, however the file is cut; written again they say the same.

The first byte of an input chooses the size of the blocks that are read.
"""

from librt.random import Random

from opentracker._features import WANT_MAX_PEER
from opentracker.features.state.dump import Loading, lines_of, read_line, write_lines
from opentracker.swarm.tracker import Tracker
from tests.swarm.torrents import info_hashes

if WANT_MAX_PEER:
    from opentracker.swarm.policy.limits import Limits
    from opentracker.swarm.tracker import limit_by

WORDS = [b"41" * 20, b":", b":29000000:", b":5\n", b"\r\n", b"\n", b"Ab", b"9999999999", b"0"]
tracker = Tracker(Random(1))
EPOCH = 29_000_000  # minutes since 1970: in the year 2025
MINUTE = 60
LONGEST_INPUT = 600  # bytes: several torrents, and as many empty lines as are loaded in several steps


def emptied(tracker: Tracker) -> None:
    """Make a tracker as good as new, which takes less time than a new one."""
    for info_hash in info_hashes(tracker):
        tracker.remove(info_hash)
    if WANT_MAX_PEER:
        limit_by(tracker, Limits())


def loaded(lines: list[bytes]) -> Tracker:
    """A tracker that has loaded a file; always the same one."""
    emptied(tracker)
    for _ in Loading(tracker, MINUTE, EPOCH).load(lines):
        pass
    return tracker


def dump(tracker: Tracker) -> list[bytes]:
    """The lines of a dump, sorted: shards differ between processes."""
    return sorted(b"".join(write_lines(tracker, MINUTE, EPOCH)).splitlines())


def check(data: bytes) -> None:
    """One file."""
    if not data:
        return
    size, text = data[0] + 1, data[1:]
    cut = list(lines_of([text[at : at + size] for at in range(0, len(text), size)]))
    whole = list(lines_of([text]))
    lines = dump(loaded(cut))
    if whole != cut:  # the same lines are loaded in the same way
        assert lines == dump(loaded(whole))
    good = {found[0] for found in map(read_line, set(text.split(b"\n"))) if found is not None}
    assert len(lines) <= len(good)
    for line in lines:
        found = read_line(line)
        assert found is not None and found[0] in good
    if lines:  # no lines are the same file each time
        assert dump(loaded(list(lines_of([b"".join(line + b"\n" for line in lines)])))) == lines
