"""Charts as inline SVG, made without a script: stacked areas and bars over the last hour, with a title, a text
description, a grid and a tooltip for every minute. Colours are classes, which the style sheet defines; each has one
meaning on the whole page.
"""

from collections.abc import Sequence
from html import escape
from typing import Final

# Colours.
UDP: Final = 1
HTTP: Final = 2
SEEDERS: Final = 3
LOST: Final = 4
LEECHERS: Final = 5
PLAIN: Final = 6  # other numbers
TURNED_DOWN: Final = 7
NOT_STORED: Final = 8

WIDTH: Final = 480  # near a card's width on a screen, so that labels keep their size on a telephone too
HEIGHT: Final = 190
LEFT: Final = 58  # room for the labels of values
RIGHT: Final = 12
TOP: Final = 10
BOTTOM: Final = 26  # room for the labels of times
STEPS: Final = (1, 2, 2.5, 5, 10)  # the step of a grid is one of these, times a power of ten
LINES: Final = 5  # approximate number of grid lines
QUARTERS: Final = 8  # a time axis of as many minutes or more has labels between its ends
NOTHING_YET: Final = (
    f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{(HEIGHT - BOTTOM + TOP) / 2:.0f}" class="middle quiet">'
    "the first minute is being counted</text>"
)


class Series:
    """Values, one a minute, in ascending order of time; `colour` is the number of a class."""

    def __init__(self, name: str, colour: int, values: Sequence[float]) -> None:
        self.name = name
        self.colour = colour
        self.values = values


def short(value: float) -> str:
    """A number for people: 0.4, 12, 1,234, 56.7k, 8.9M."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            scaled = value / (1e3 if suffix == "k" else size)
            return f"{scaled:.1f}".removesuffix(".0") + suffix
    if value >= 10 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if value >= 0.005 else "0"


def grid_step(highest: float) -> float:
    """The step of a grid with about LINES lines up to the highest value."""
    rough = max(highest, 1e-9) / LINES
    power = 1e-9
    while power * 10 <= rough:
        power *= 10
    return next((step * power for step in STEPS if step * power >= rough), 10 * power)


def stacked(series: Sequence[Series], minutes: int) -> list[list[float]]:
    """Cumulative sums of the series, with 0 for the minutes before a series begins."""
    levels = []
    total = [0.0] * minutes
    for each in series:
        values = list(each.values)[-minutes:]
        first = minutes - len(values)
        total = [total[n] + (values[n - first] if n >= first else 0.0) for n in range(minutes)]
        levels.append(total)
    return levels


def minutes_shown(series: Sequence[Series], most: int) -> int:
    """The minutes of a chart, which begins at the start of the tracker."""
    known = max((len(each.values) for each in series), default=0)
    return min(most, max(known, 1))


def x_at(place: float, minutes: int) -> float:
    """The x coordinate of a place on the time axis; 0 is the oldest, `minutes` is now."""
    return LEFT + place * (WIDTH - LEFT - RIGHT) / minutes


def y_at(value: float, ceiling: float) -> float:
    """The y coordinate of a value."""
    return HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM) / ceiling


def axes(ceiling: float, step: float, labels: Sequence[tuple[float, str]], places: int) -> str:
    """The grid, and the labels of its lines and of the times."""
    parts = ['<g class="grid">']
    value = 0.0
    while value <= ceiling * 1.0001:
        y = y_at(value, ceiling)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" class="value">{short(value)}</text>')
        value += step
    for place, label in labels:
        x = x_at(place, places)
        kind = "first" if place == 0 else "last" if place == places else "middle"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" class="{kind}">{escape(label)}</text>')
    return "".join(parts) + "</g>"


def framed(name: str, title: str, description: str, body: str) -> str:
    """An SVG with a title and a text description, which is shown while the keyboard is on the chart."""
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" tabindex="0" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
        f'{body}</svg><figcaption class="told" aria-hidden="true">{escape(description)}</figcaption></figure>'
    )


def time_labels(minutes: int) -> list[tuple[float, str]]:
    """The labels of the time axis, with their places."""
    between = []
    if minutes >= QUARTERS:
        between = [(n * minutes / 4, f"{minutes - n * minutes // 4}") for n in (1, 2, 3)]
    return [(0, f"{minutes} min"), *between, (minutes, "now")]


def area_chart(name: str, title: str, series: Sequence[Series], minutes: int, unit: str) -> str:
    """Stacked areas over the last minutes; values are at the ends of their minutes."""
    minutes = minutes_shown(series, minutes)
    levels = stacked(series, minutes)
    known = max((len(each.values) for each in series), default=0)
    first = max(0, minutes - known)
    highest = max([0.0, *levels[-1][first:]])
    step = grid_step(highest or 1.0)
    ceiling = step * max(1, -(-highest // step))
    parts = [axes(ceiling, step, time_labels(minutes), minutes)]
    floor = [0.0] * minutes
    for each, level in zip(series, levels, strict=True):
        if known:
            parts.append(area(each.colour, floor, level, first, minutes, ceiling))
        floor = level
    if not known:
        parts.append(NOTHING_YET)
    parts.append(tooltips(series, minutes, first, unit))
    return framed(name, title, describe(series, unit), "".join(parts))


def area(
    colour: int, floor: list[float], level: list[float], first: int, minutes: int, ceiling: float
) -> str:
    """One area, and the line on top of it; a single value is as wide as its minute."""
    numbers = list(range(first, minutes))
    upper = [(x_at(n + 1, minutes), y_at(level[n], ceiling)) for n in numbers]
    lower = [(x_at(n + 1, minutes), y_at(floor[n], ceiling)) for n in numbers]
    upper.insert(0, (x_at(first, minutes), upper[0][1]))
    lower.insert(0, (x_at(first, minutes), lower[0][1]))
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in upper)
    back = "L".join(f"{x:.1f} {y:.1f}" for x, y in reversed(lower))
    return f'<path class="area c{colour}" d="M{line}L{back}Z"/><path class="line c{colour}" d="M{line}"/>'


def bar_chart(name: str, title: str, series: Sequence[Series], minutes: int, unit: str) -> str:
    """Stacked bars, one a minute."""
    minutes = minutes_shown(series, minutes)
    levels = stacked(series, minutes)
    known = max((len(each.values) for each in series), default=0)
    first = max(0, minutes - known)
    highest = max([0.0, *levels[-1]])
    step = max(1.0, grid_step(highest or 4.0))
    ceiling = step * max(1, -(-highest // step))
    parts = [axes(ceiling, step, time_labels(minutes), minutes)]
    floor = [0.0] * minutes
    for each, level in zip(series, levels, strict=True):
        for n in range(first, minutes):
            if level[n] > floor[n]:
                parts.append(bar(each.colour, n, minutes, floor[n], level[n], ceiling))
        floor = level
    if not known:
        parts.append(NOTHING_YET)
    parts.append(tooltips(series, minutes, first, unit))
    return framed(name, title, describe(series, unit), "".join(parts))


def bar(colour: int, number: int, places: int, low: float, high: float, ceiling: float) -> str:
    """A bar, with a little space on both sides."""
    x, right = x_at(number, places) + 0.75, x_at(number + 1, places) - 0.75
    y, bottom = y_at(high, ceiling), y_at(low, ceiling)
    return (
        f'<rect class="bar c{colour}" x="{x:.1f}" y="{y:.1f}"'
        f' width="{right - x:.1f}" height="{max(bottom - y, 0.5):.1f}" rx="1.5"/>'
    )


def histogram(name: str, title: str, values: Sequence[int], description: str) -> str:
    """Bars over numbers of minutes: the count of each number."""
    places = len(values)
    highest = max([0, *values])
    step = max(1.0, grid_step(highest or 4.0))
    ceiling = step * max(1, -(-highest // step))
    labels = [(n + 0.5, f"{n}") for n in range(0, places, 5)]
    parts = [axes(ceiling, step, labels, places)]
    for n, value in enumerate(values):
        if value:
            parts.append(bar(PLAIN, n, places, 0, value, ceiling))
    parts.append('<g class="tips">')
    for n, value in enumerate(values):
        x, width = x_at(n, places), x_at(1, places) - LEFT
        parts.append(
            f'<rect x="{x:.1f}" y="{TOP}" width="{width:.1f}" height="{HEIGHT - TOP - BOTTOM}">'
            f"<title>after {n} to {n + 1} min: {value:,}</title></rect>"
        )
    return framed(name, title, description, "".join(parts) + "</g>")


def tooltips(series: Sequence[Series], minutes: int, first: int, unit: str) -> str:
    """A transparent strip for each minute, with its values as a tooltip."""
    width = x_at(1, minutes) - LEFT
    parts = ['<g class="tips">']
    for n in range(first, minutes):
        values = ", ".join(f"{each.name} {short(each.values[n - minutes])}{unit}" for each in series)
        parts.append(
            f'<rect x="{x_at(n, minutes):.1f}" y="{TOP}" width="{width:.1f}" height="{HEIGHT - TOP - BOTTOM}">'
            f"<title>{minutes - n - 1} min ago: {escape(values)}</title></rect>"
        )
    return "".join(parts) + "</g>"


def describe(series: Sequence[Series], unit: str) -> str:
    """A text description of the chart, for screen readers."""
    told = []
    for each in series:
        if each.values:
            latest, highest = short(each.values[-1]), short(max(each.values))
            told.append(f"{each.name}: {latest}{unit} at last, {highest}{unit} at most")
    return "; ".join(told) + "." if told else "Nothing has been counted yet."
