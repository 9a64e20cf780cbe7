from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.features.statistics.html.charts import (
    HEIGHT,
    LEFT,
    WIDTH,
    Series,
    area_chart,
    bar_chart,
    grid_step,
    histogram,
    short,
    stacked,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001, "0"),
        (0.4, "0.4"),
        (1.25, "1.25"),
        (12.3, "12"),
        (1234, "1,234"),
        (56_700, "56.7k"),
        (10_000, "10k"),
        (8_900_000, "8.9M"),
        (3e9, "3G"),
    ],
)
def test_numbers_as_people_read_them(value: float, text: str) -> None:
    assert short(value) == text


@given(st.floats(1e-3, 1e12))
def test_the_grid_has_a_few_lines(highest: float) -> None:
    step = grid_step(highest)
    assert 1.5 <= highest / step <= 5.0001


def test_series_are_stacked_and_end_now() -> None:
    assert stacked([Series("a", 1, [1, 2]), Series("b", 2, [10, 20, 30])], 4) == [
        [0, 0, 1, 2],
        [0, 10, 21, 32],
    ]


values = st.lists(st.floats(0, 1e9), max_size=70)


@given(values, st.sampled_from([area_chart, bar_chart]))
def test_charts_are_well_formed_and_stay_inside(numbers: list[float], draw: object) -> None:
    assert callable(draw)
    series = [Series("A <&>", 1, numbers), Series("B", 2, [each / 2 for each in numbers])]
    figure = ElementTree.fromstring(draw("x", 'T "quoted" & more', series, 60, "/s"))
    root = figure[0]
    assert root.get("role") == "img"
    assert root.findtext("title") == 'T "quoted" & more'
    assert root.findtext("desc") == figure.findtext("figcaption") != ""
    names = (root.get("aria-labelledby") or "").split()
    assert names == [root[0].get("id"), root[1].get("id")]
    for rect in root.iter("rect"):
        x, y, width, height = (float(rect.get(name) or 0) for name in ("x", "y", "width", "height"))
        assert LEFT <= x < x + width <= WIDTH
        assert 0 <= y < y + height <= HEIGHT
    for path in root.iter("path"):
        if "area" in (path.get("class") or ""):
            points = (path.get("d") or "").strip("MZ").replace("M", "L").split("L")
            assert all(0 <= float(point.split()[1]) <= HEIGHT for point in points)
    tips = root.findall("./g[@class='tips']/rect")
    assert len(tips) == min(60, len(numbers))


def test_a_tooltip_tells_a_minute() -> None:
    root = ElementTree.fromstring(bar_chart("x", "T", [Series("A", 1, [3, 1500])], 60, "/s"))[0]
    told = [rect.findtext("title") for rect in root.findall("./g[@class='tips']/rect")]
    assert told == ["1 min ago: A 3/s", "0 min ago: A 1,500/s"]


def test_a_histogram() -> None:
    root = ElementTree.fromstring(histogram("x", "T", [0, 7, 3], "In words."))[0]
    assert len([rect for rect in root.iter("rect") if "bar" in (rect.get("class") or "")]) == 2
    told = [rect.findtext("title") for rect in root.findall("./g[@class='tips']/rect")]
    assert told == ["after 0 to 1 min: 0", "after 1 to 2 min: 7", "after 2 to 3 min: 3"]
    assert root.findtext("desc") == "In words."
