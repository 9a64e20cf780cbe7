"""Approval of client software by peer_id: which clients are served, by rules of the operator.

A rule is the beginning of a peer_id, or, for Azureus-style peer_ids such as `-TR4050-`, the client's two letters and a
range of versions. If there are rules to allow, only clients under one of them are served; clients under a rule to deny
are not. A peer_id is only what a client claims.
"""

from collections.abc import Iterable
from typing import Final

from opentracker.errors import TrackerFailure
from opentracker.protocol.peer_ids import OTHERS, name_of
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import CAUSE, Family, Metric

CODE: Final = 3  # bytes of an Azureus-style peer_id before the version: `-TR`
VERSION: Final = 4  # bytes of the version; behind it is a dash
HEAD: Final = 8
DASH: Final = 0x2D
FIRST: Final = b"0"  # characters of versions in their order: digits, upper case, lower case
LAST: Final = b"z"
SHOWN: Final = bytes(byte if 0x21 <= byte <= 0x7E else 0x3F for byte in range(256))  # others as `?`

REFUSED: Final = Metric(
    "refused_client",
    Family("opentracker_client_refused_total", "Announces of clients that are not approved."),
    *("", "Announces of clients that are not approved", CAUSE),
)


class Rule:
    """A beginning of peer_ids, and the lowest and highest version for an Azureus-style one."""

    __slots__ = ("highest", "lowest", "prefix")

    def __init__(self, prefix: bytes, lowest: bytes = b"", highest: bytes = b"") -> None:
        self.prefix = prefix
        self.lowest = lowest
        self.highest = highest

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same peer_ids."""
        return isinstance(other, Rule) and self.key() == other.key()

    def __hash__(self) -> int:
        """As of the parts."""
        return hash(self.key())

    def key(self) -> tuple[bytes, bytes, bytes]:
        """All parts."""
        return self.prefix, self.lowest, self.highest

    def holds(self, peer_id: bytes) -> bool:
        """Whether a peer_id is under this rule."""
        if not peer_id.startswith(self.prefix):
            return False
        if not self.lowest:
            return True
        version = peer_id[CODE : CODE + VERSION]
        return self.lowest <= version <= self.highest and peer_id[CODE + VERSION] == DASH


def parse_rule(text: str) -> Rule:
    """A rule of text: `-TR`, `M7-`, `-TR 3.00..4.99`, `-qB 4.6..`, `-UT ..3.5`. Raises ValueError.

    The dots between the digits of a version are for the eye: 3.00 is `300`, and stands for 3000 as the lowest version
    and for 300z as the highest.
    """
    prefix, _, versions = text.partition(" ")
    if not (prefix.isascii() and prefix.isprintable() and 0 < len(prefix) <= HEAD):
        raise ValueError("expected the beginning of a peer_id, 1 to 8 characters of ASCII")
    versions = versions.strip()
    if not versions:
        return Rule(prefix.encode("ascii"))
    lowest, dots, highest = versions.partition("..")
    if not dots or len(prefix) != CODE or not prefix.startswith("-"):
        raise ValueError("expected a range of versions behind `-` and two characters, such as -TR 3.00..4.99")
    low, high = bound(lowest, FIRST), bound(highest, LAST)
    if low > high:
        raise ValueError("the lowest version is above the highest")
    return Rule(prefix.encode("ascii"), low, high)


def bound(version: str, filler: bytes) -> bytes:
    """The four bytes of a version, as in a peer_id."""
    digits = version.strip().replace(".", "")
    if not (digits.isascii() and (digits.isalnum() or not digits) and len(digits) <= VERSION):
        raise ValueError(f"expected a version of 1 to {VERSION} digits or letters, with dots between them")
    return digits.encode("ascii").ljust(VERSION, filler)


class Approval:
    """The rules in force; without any, requests need no look-up."""

    def __init__(self, counters: Counters) -> None:
        self.allowed: tuple[Rule, ...] = ()
        self.denied: tuple[Rule, ...] = ()
        self.in_force = False
        self.refused = counters.count_of(REFUSED)
        self.by_client: dict[
            str, int
        ] = {}  # refusals by the name of the client; the names are those of a table

    def install(self, allowed: Iterable[Rule], denied: Iterable[Rule]) -> None:
        """Use other rules, from the next request on."""
        self.allowed = tuple(allowed)
        self.denied = tuple(denied)
        self.in_force = bool(self.allowed or self.denied)

    def approves(self, peer_id: bytes) -> bool:
        """Whether a client (20 bytes, or empty if unknown) is served."""
        if self.allowed and not is_under(self.allowed, peer_id):
            return False
        return not is_under(self.denied, peer_id)

    def check(self, peer_id: bytes) -> None:
        """Raise TrackerFailure, and count it, unless a client is served."""
        if self.approves(peer_id):
            return
        name = name_of(peer_id)
        self.refused.value += 1
        self.by_client[name] = self.by_client.get(name, 0) + 1
        raise TrackerFailure(reason(name, peer_id))


def is_under(rules: tuple[Rule, ...], peer_id: bytes) -> bool:
    """Whether a peer_id is under one of the rules."""
    for rule in rules:  # noqa: SIM110 - compiled, a generator costs more
        if rule.holds(peer_id):
            return True
    return False


def reason(name: str, peer_id: bytes) -> bytes:
    """The text for the user of a client that is not served."""
    if not peer_id:
        return b"This tracker serves known clients only, and yours has sent no peer_id."
    shown = peer_id[:HEAD].translate(SHOWN)
    client = shown if name == OTHERS else name.encode("ascii") + b", " + shown + b","
    return b"Your client " + client + b" is not allowed on this tracker: use another client or version."
