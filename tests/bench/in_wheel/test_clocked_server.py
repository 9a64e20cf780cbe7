"""A tracker whose minutes pass by announces."""

from harness import wheels
from harness.clocked import ask, clocked, send
from harness.servers import Running, running
from harness.setting import Bench
from rows.udp import renewals

JUMP = 45 * 60  # seconds: the peer timeout


def announce_in_turn(bench: Bench, server: Running) -> list[int]:
    """1000 announces of 100 peers in turn, one request at a time; gives the renewals by age."""
    small = (
        "--torrents",
        "10",
        "--peers",
        "100",
        "--warmup",
        "0",
        "--requests",
        "1000",
        "--weights",
        "0/1/0",
    )
    bench.programs.load("load", "mix", *server.arguments, *small, "--in-turn", "--window", "1")
    return renewals(server)


def test_by_default_the_clock_is_the_usual_one(bench: Bench) -> None:
    tracker = clocked(bench.contender("pure", wheels.WHITELIST))
    with running(tracker, bench.stage, bench.programs.whitelist(10)) as server:
        ages = announce_in_turn(bench, server)
    assert ages[0] == sum(ages) == 1000


def test_a_minute_passes_with_each_forty_announces(bench: Bench) -> None:
    tracker = clocked(bench.contender("pure", wheels.WHITELIST), announces_a_minute=40)
    with running(tracker, bench.stage, bench.programs.whitelist(10)) as server:
        ages = announce_in_turn(bench, server)
        report = ask(server)
    assert sum(ages) == 1000
    assert ages[0] == 0
    assert 10 <= report["torrents"] <= 11


def test_a_jump_of_the_clock_makes_a_long_iteration_which_can_be_forgotten(bench: Bench) -> None:
    tracker = clocked(bench.contender("pure", wheels.WHITELIST))
    with running(tracker, bench.stage, bench.programs.whitelist(10)) as server:
        before = ask(server)["longest_turn"]
        send(server, b"fj")
        jumped = ask(server)["longest_turn"]
        send(server, b"r")
        after = ask(server)["longest_turn"]
    assert before < JUMP <= jumped
    assert after < JUMP
