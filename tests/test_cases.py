"""docs/cases.md explains each case id that the tests quote."""

import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "cases.md").read_text(encoding="utf-8")

ID = r"[A-Z]{1,2}-\d{1,3}b?"
QUOTED = re.compile(rf"(?<![\w-])({ID})(?![\w-])")
IN_A_NAME = re.compile(r"def test_((?:[a-z]\d{2}b?_)+)")


def explained() -> set[str]:
    """Ids of the page's rows; a test's name has the decision D2 as `d02`."""
    decisions = {f"D-{int(number):02}" for number in re.findall(r"^\| D(\d+) \|", PAGE, re.MULTILINE)}
    return decisions | set(re.findall(rf"^\| ({ID}) \|", PAGE, re.MULTILINE))


def quoted(text: str) -> Iterator[str]:
    """Ids in a test module's texts, and in the names of its tests: `test_u10_u12_…` quotes U-10 and U-12."""
    yield from QUOTED.findall(text)
    for names in IN_A_NAME.findall(text):
        for name in names.strip("_").split("_"):
            yield f"{name[0].upper()}-{name[1:]}"


def test_ids_are_found_in_texts_and_names() -> None:
    text = 'case("U-10", …)\ndef test_h01_h02_a_request() -> None:\n    """As S-04; not ISO-8859."""\n'
    assert list(quoted(text)) == ["U-10", "S-04", "H-01", "H-02"]


def test_the_page_explains_each_id_that_a_test_quotes() -> None:
    known = explained()
    assert {"U-01", "H-28", "U-28b", "P-9"} <= known
    unknown = {
        f"{path.relative_to(TESTS)}: {case}"
        for path in TESTS.rglob("*.py")
        if path != Path(__file__)
        for case in quoted(path.read_text(encoding="utf-8"))
        if case not in known
    }
    assert not unknown, "docs/cases.md does not explain these"
