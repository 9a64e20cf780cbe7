"""An unknown name: the nearest of the known ones, and whether it is a typo or another form of one."""

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Final

LONG: Final = 6  # letters behind the prefix, for two of them to be wrong
SHORTEST_RUN: Final = 3  # letters in a row that count as part of a word
LEAST_PART: Final = 0.8  # of a name, made of another's words


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a clause that names the known name most like this one, for the end of a message."""
    known = sorted(known)
    if not known:
        return "there are none"
    return f"the nearest known one is {max(known, key=lambda other: likeness(name, other))}"


def likeness(name: str, other: str) -> tuple[float, float]:
    """Return the likeness of two names: the larger of that as texts and that by words; then that as texts."""
    as_texts = difflib.SequenceMatcher(None, name, other).ratio()
    return max(as_texts, part_of_words(name, other)), as_texts


def is_typo(name: str, other: str) -> bool:
    """Tell whether a name differs from another in one letter, or in two of a long name."""
    one, two = rest(name), rest(other)
    allowed = 1 if len(two) < LONG else 2
    return abs(len(one) - len(two)) <= allowed and edits(one, two) <= allowed


def is_made_of_words(name: str, other: str) -> bool:
    """Tell whether a name has the words of another in another form: BLACKLIST of ACCESSLIST_BLACK, IPV6 of V6."""
    return rest(other) in rest(name) or part_of_words(name, other) >= LEAST_PART


def part_of_words(name: str, other: str) -> float:
    """Return the part of a name, 0 to 1, that consists of beginnings and ends of another's words, in any order."""
    left = rest(name)
    length = len(left)
    for word in rest(other).split("_"):
        run = difflib.SequenceMatcher(None, left, word).find_longest_match()
        at_an_end = run.b == 0 or run.b + run.size == len(word)
        if at_an_end and run.size >= min(SHORTEST_RUN, len(word)):
            left = left[: run.a] + " " + left[run.a + run.size :]
    return 1 - len(left.replace(" ", "")) / length


def rest(name: str) -> str:
    """Return a name without its prefix: V6 of WANT_V6."""
    return name.partition("_")[2] or name


@cache
def edits(one: str, two: str) -> int:
    """Return the least number of letters to change, add, leave out or swap between two texts."""
    if not one or not two:
        return len(one) + len(two)
    if one[-1] == two[-1]:
        return edits(one[:-1], two[:-1])
    ways = [edits(one[:-1], two), edits(one, two[:-1]), edits(one[:-1], two[:-1])]
    if one[-2:] == two[:-3:-1]:  # swapped
        ways.append(edits(one[:-2], two[:-2]))
    return 1 + min(ways)
