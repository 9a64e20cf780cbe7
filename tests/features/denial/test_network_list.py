"""A list of networks that are not served: its file, its reloads, and its changes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker.errors import UsageError
from opentracker.features.denial.network_list import NETWORK, DenialReloader, NetworkChanges, read
from opentracker.protocol.addresses import parse_ip, parse_network
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.policy.denial import Denial, NetworkTable


def table(path: Path) -> NetworkTable:
    networks = NetworkTable()
    for _ in read(path, networks):
        pass
    return networks


def test_n07_a_file_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "denied"
    path.write_text(
        "; Spamhaus DROP List\n\n# mine\n192.0.2.0/24 ; SBL1\r\n  2001:db8::/32\t# all\n::ffff:198.51.100.7\n"
    )
    networks = table(path)
    assert networks.size() == 3
    for address in ("192.0.2.200", "2001:db8:ffff::", "198.51.100.7"):
        assert networks.holds(parse_ip(address))
    path.write_text("")
    assert table(path).size() == 0


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"192.0.2.0/24\n<html>\n", "denied:2: '<html>': "),
        (b"192.0.2.0/33\n", "denied:1: '192.0.2.0/33': "),
        (b"example.org\n", "denied:1: 'example.org': "),
        (b"10.0.0.0/8 10.0.0.0/9\n", "denied:1: "),
        (b"\xff\x1b[2J\n", "denied:1: "),
        (b"192.0.2.0/2", "denied:1: the last line has no line end: is it cut off?"),
    ],
)
def test_n08_a_file_that_is_refused(tmp_path: Path, text: bytes, error: str) -> None:
    """A `/24` that is cut off after its first digit is a quarter of all addresses."""
    path = tmp_path / "denied"
    path.write_bytes(text)
    with pytest.raises(UsageError) as refused:
        table(path)
    assert error in str(refused.value)
    assert str(refused.value).isprintable()


def test_n09_a_large_file_is_read_in_slices(tmp_path: Path) -> None:
    path = tmp_path / "denied"
    path.write_text("".join(f"10.{number >> 8}.{number & 255}.0/24\n" for number in range(5000)))
    networks = NetworkTable()
    assert len(list(read(path, networks))) >= 100
    assert networks.size() == 5000


# ---- Changes -----------------------------------------------------------------------------------------------


class Desk:
    """A list beside the config's 203.0.113.0/24, and two FIFOs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.denial = Denial(Counters())
        self.of_config = NetworkTable()
        self.of_config.add(*parse_network("203.0.113.0/24"))
        self.work: list[Iterator[None]] = []
        self.keeper = DenialReloader(
            self.denial, NetworkTable(), lambda: self.of_config, self.work.append, True
        )
        self.adds = NetworkChanges(self.keeper, "add", True)
        self.deletes = NetworkChanges(self.keeper, "delete", False)

    def load(self, text: str) -> None:
        self.path.write_text(text)
        self.keeper.reload(self.path)
        self.finish()

    def finish(self) -> None:
        while self.work:
            for _ in self.work.pop(0):
                pass

    def denied(self) -> list[bool]:
        """Whether one address of each of four networks is denied; the last is of the config."""
        addresses = ("192.0.2.1", "198.51.100.1", "2001:db8::1", "203.0.113.1")
        return [self.denial.holds(parse_ip(address)) for address in addresses]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "denied")


def test_n15_changes_hold_until_a_reload(desk: Desk) -> None:
    desk.load("192.0.2.0/24\n")
    desk.adds.feed(b"198.51.100.0/24 # spies\n2001:db8::/32; all of it\n")
    desk.deletes.feed(b"192.0.2.0/24\n203.0.113.0/24\n")
    assert desk.denied() == [False, True, True, True], "those of the config stay"
    assert desk.keeper.weight() == 2 * NETWORK
    desk.load("192.0.2.0/24\n")
    assert desk.denied() == [True, False, False, True]
    assert desk.keeper.weight() == NETWORK


def test_n15_exactly_the_deleted_network_goes(desk: Desk) -> None:
    desk.load("192.0.2.0/24\n192.0.2.0/25\n")
    desk.deletes.feed(b"192.0.2.0/24\n192.0.2.0/26\n")
    assert desk.denied()[0]
    desk.deletes.feed(b"192.0.2.0/25\n")
    assert not desk.denied()[0]


def test_n15_changes_during_a_reload_hold_before_it_ends_and_after(desk: Desk) -> None:
    desk.path.write_text("192.0.2.0/24\n" * 100)
    desk.keeper.reload(desk.path)
    next(desk.work[0])
    desk.adds.feed(b"198.51.100.0/24\n")
    desk.deletes.feed(b"192.0.2.0/24\n")
    assert desk.denied() == [False, True, False, True]
    desk.finish()
    assert desk.denied() == [False, True, False, True]


def test_n15_the_first_network_of_all_comes_through_a_fifo(desk: Desk) -> None:
    desk.of_config = NetworkTable()
    desk.keeper.deny()
    assert not desk.denial.in_force
    desk.adds.feed(b"192.0.2.0/24\n")
    assert desk.denial.in_force
    desk.deletes.feed(b"192.0.2.0/24\n")
    assert not desk.denial.in_force


@pytest.mark.parametrize(
    "line", [b"", b"nowhere", b"192.0.2.0/33", b"192.0.2.0/24 all", b"\xff", b"# 192.0.2.0/24"]
)
def test_n15_lines_that_change_nothing(desk: Desk, line: bytes) -> None:
    desk.adds.feed(line + b"\n")
    desk.adds.look()
    assert desk.denied() == [False, False, False, True]


def test_n15_a_line_that_is_cut_changes_nothing_before_its_end_comes(desk: Desk) -> None:
    desk.adds.feed(b"192.0.2.0/2")
    desk.adds.look()
    desk.adds.look()
    assert not desk.denied()[1]
    desk.adds.feed(b"4\n")
    assert desk.denied() == [True, False, False, True]
