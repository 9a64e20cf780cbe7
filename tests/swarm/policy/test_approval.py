"""Rules for client software: their text, the peer_ids under them, and what a refused client is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.errors import TrackerFailure
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.policy.approval import Approval, Rule, parse_rule, reason

TAIL = b"abcdefghijkl"
TRANSMISSION_2, TRANSMISSION_3, TRANSMISSION_4 = b"-TR2940-" + TAIL, b"-TR3000-" + TAIL, b"-TR4050-" + TAIL
QBITTORRENT, ARIA2, MAINLINE = b"-qB4650-" + TAIL, b"A2-1-36-0-abcdefghij", b"M7-9-2--" + TAIL


def approval(allowed: list[str], denied: list[str]) -> Approval:
    found = Approval(Counters())
    found.install(map(parse_rule, allowed), map(parse_rule, denied))
    return found


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("-TR", Rule(b"-TR")),
        ("A2-1-36", Rule(b"A2-1-36")),
        ("-TR 3.00..4.99", Rule(b"-TR", b"3000", b"499z")),
        ("-TR   3.00 .. 4.99", Rule(b"-TR", b"3000", b"499z")),
        ("-TR 3..", Rule(b"-TR", b"3000", b"zzzz")),
        ("-TR ..2.94", Rule(b"-TR", b"0000", b"294z")),
        ("-LT 2.0.B..2.0.B.0", Rule(b"-LT", b"20B0", b"20B0")),
    ],
)
def test_v01_rules(text: str, rule: Rule) -> None:
    assert parse_rule(text) == rule
    assert hash(parse_rule(text)) == hash(rule)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-TR40500-",
        "ä",
        "-TR 3.00",
        "-TR 4..3",
        "-TR 3.00.00.0..",
        "-TR 3,1..4",
        "A2 1..2",
        "M7- 1..2",
        "-TR ä..",
        " 1..2",
    ],
)
def test_v01_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|above"):
        parse_rule(text)


@pytest.mark.parametrize(
    ("allowed", "denied", "served", "refused"),
    [
        ([], [], [TRANSMISSION_2, ARIA2, b""], []),
        (["-TR"], [], [TRANSMISSION_2, TRANSMISSION_4], [QBITTORRENT, ARIA2, b""]),
        (
            ["-TR 3.00..4.99"],
            [],
            [TRANSMISSION_3, TRANSMISSION_4],
            [TRANSMISSION_2, b"-TR5000-" + TAIL, b"-TR3000+" + TAIL],
        ),
        (
            ["-TR 3..", "M7-", "A2-"],
            [],
            [TRANSMISSION_4, MAINLINE, ARIA2],
            [TRANSMISSION_2, QBITTORRENT, b""],
        ),
        ([], ["-TR ..2.94", "-XX"], [TRANSMISSION_3, ARIA2, b""], [TRANSMISSION_2, b"-XX0001-" + TAIL]),
        (["-TR"], ["-TR 4.."], [TRANSMISSION_3], [TRANSMISSION_4, QBITTORRENT]),
    ],
)
def test_v02_v03_peer_ids_under_the_rules(
    allowed: list[str], denied: list[str], served: list[bytes], refused: list[bytes]
) -> None:
    found = approval(allowed, denied)
    assert found.in_force is bool(allowed or denied)
    for peer_id in served:
        found.check(peer_id)
    for peer_id in refused:
        with pytest.raises(TrackerFailure):
            found.check(peer_id)
    assert found.refused.value == len(refused) == sum(found.by_client.values())


@given(st.one_of(st.just(b""), st.binary(min_size=20, max_size=20)))
def test_v04_any_peer_id_has_a_text_of_printable_ascii(peer_id: bytes) -> None:
    found = approval(["-ZZ 1..2"], [])
    with pytest.raises(TrackerFailure) as raised:
        found.check(peer_id)
    text = raised.value.reason.decode("ascii")
    assert text.isprintable()
    assert len(text) < 200
    assert len(found.by_client) == 1


def test_v04_the_text_names_the_client() -> None:
    assert reason("Transmission", TRANSMISSION_2) == (
        b"Your client Transmission, -TR2940-, is not allowed on this tracker: use another client or version."
    )
    assert reason("others", b"\x1b[31m\xff-" + TAIL).startswith(b"Your client ?[31m?-a is not allowed")


def test_v05_many_peer_ids_take_no_memory() -> None:
    found = approval(["-ZZ"], [])
    for number in range(1000):
        with pytest.raises(TrackerFailure):
            found.check(b"-%c%c0000-" % (65 + number % 26, 97 + number % 25) + TAIL)
    assert len(found.by_client) < 60
