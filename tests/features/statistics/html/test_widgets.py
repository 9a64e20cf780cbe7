import re
from xml.etree import ElementTree

import pytest

from opentracker.features.statistics.html.widgets import (
    STYLE,
    bars,
    card,
    cell,
    duration,
    facts,
    number,
    share,
    table,
)


def test_what_is_shown_is_escaped() -> None:
    for made in (number("<a>", "<b>", "<c>", "<d>"), card("<a>", [("<b>", 1), ("<c>", 2)], "")):
        text = "".join(ElementTree.fromstring(made).itertext())
        assert "<a>" in text
        assert "<b>" in text


def test_a_bar_is_divided_by_amounts() -> None:
    root = ElementTree.fromstring(share([(1, 0.3), (2, 0.1), (3, 0)]))
    assert [(each.get("class"), each.get("style")) for each in root] == [("c1", "flex:75"), ("c2", "flex:25")]
    assert root.get("aria-hidden") == "true"
    assert len(ElementTree.fromstring(share([(1, 0)]))) == 0


def test_a_table() -> None:
    lines = [f"<tr><td>x</td>{bars([(1, 2)], 8)}{cell('2')}</tr>"]
    root = ElementTree.fromstring(table("T", [], ("Name", "Number"), lines))
    assert [each.text for each in root.iter("th")] == ["Name", "Number"]
    assert len(root.findall(".//tbody/tr/td")) == 3
    assert "flex:2" in lines[0]
    assert "flex:6" in lines[0]


def test_facts_are_names_and_values() -> None:
    root = ElementTree.fromstring(facts("T", [("A & b", "<1>"), ("C", "2")]))
    assert [(row.findtext("th"), row.findtext("td")) for row in root.iter("tr")] == [
        ("A & b", "<1>"),
        ("C", "2"),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (61, "1 min"),
        (3600, "1 h 0 min"),
        (90_000, "1 d 1 h"),
        (900_000, "10 d 10 h"),
    ],
)
def test_durations(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1) of `#rgb` or `#rrggbb`."""
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    high, low = sorted([luminance(one), luminance(two)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    """Text 4.5 to 1 at least, what charts are drawn with 3 to 1 (WCAG 2.1, AA)."""
    light, dark = STYLE.split("prefers-color-scheme:dark", 1)
    colours = dict(re.findall(r"--(\w+):(#[0-9a-f]+)", light))
    if scheme == "dark":
        colours.update(re.findall(r"--(\w+):(#[0-9a-f]+)", dark))
    for ground in ("page", "card"):
        assert contrast(colours["ink"], colours[ground]) >= 7
        assert contrast(colours["soft"], colours[ground]) >= 4.5
    series = [name for name in colours if re.fullmatch(r"c\d", name)]
    assert len(series) == 8
    for name in series:
        assert contrast(colours[name], colours["card"]) >= 3, name
    for kind in ("good", "bad"):
        assert contrast(colours["ink"], colours[f"{kind}page"]) >= 7
        assert contrast(colours["soft"], colours[f"{kind}page"]) >= 4.5
        assert contrast(colours[kind], colours[f"{kind}page"]) >= 3
