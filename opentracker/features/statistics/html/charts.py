"""Charts as inline SVG, made without a script: stacked areas and bars over the last hour, with a title, a description
in words, a grid and a tooltip for every minute. Colours are classes, so that style sheets decide them; each has one
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
PLAIN: Final = 6  # a number of anything else
TURNED_DOWN: Final = 7
NOT_STORED: Final = 8

WIDTH: Final = 480  # near a card's width on a screen, so that labels keep their size on a telephone too
HEIGHT: Final = 190
LEFT: Final = 58  # room for the labels of values
RIGHT: Final = 12
TOP: Final = 10
BOTTOM: Final = 26  # room for the labels of times
STEPS: Final = (1, 2, 2.5, 5, 10)  # a grid goes up by one of these, times a power of ten
LINES: Final = 5  # of the grid, about
QUARTERS: Final = 8  # minutes from which on the time axis has labels between its ends
NOTHING_YET: Final = (
    f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{(HEIGHT - BOTTOM + TOP) / 2:.0f}" class="middle quiet">'
    "the first minute is being counted</text>"
)


class Series:
    """Values, one a minute, the latest last; `colour` is the number of a class."""

    def __init__(self, name: str, colour: int, values: Sequence[float]) -> None:
        self.name = name
        self.colour = colour
        self.values = values


def short(value: float) -> str:
    """A number as people read it: 0.4, 12, 1,234, 56.7k, 8.9M."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            scaled = value / (1e3 if suffix == "k" else size)
            return f"{scaled:.1f}".removesuffix(".0") + suffix
    if value >= 10 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if value >= 0.005 else "0"


def grid_step(highest: float) -> float:
    """What the grid goes up by, so that some five lines reach the highest value."""
    rough = max(highest, 1e-9) / LINES
    power = 1e-9
    while power * 10 <= rough:
        power *= 10
    return next((step * power for step in STEPS if step * power >= rough), 10 * power)


def stacked(series: Sequence[Series], minutes: int) -> list[list[float]]:
    """Sums of the series from the first one up, each filled up with nothing before its first value."""
    levels = []
    total = [0.0] * minutes
    for each in series:
        values = list(each.values)[-minutes:]
        first = minutes - len(values)
        total = [total[n] + (values[n - first] if n >= first else 0.0) for n in range(minutes)]
        levels.append(total)
    return levels


def minutes_shown(series: Sequence[Series], most: int) -> int:
    """The minutes of a chart: it begins where the tracker did."""
    known = max((len(each.values) for each in series), default=0)
    return min(most, max(known, 1))


def x_at(place: float, minutes: int) -> float:
    """Where a place on the time axis is, 0 being the oldest and `minutes` now."""
    return LEFT + place * (WIDTH - LEFT - RIGHT) / minutes


def y_at(value: float, ceiling: float) -> float:
    """Where a value is."""
    return HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM) / ceiling


def axes(ceiling: float, step: float, labels: Sequence[tuple[float, str]], places: int) -> str:
    """The grid, and what its lines and the times are called."""
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
    """An SVG that tells in words what it shows."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
        f"{body}</svg>"
    )


def time_labels(minutes: int) -> list[tuple[float, str]]:
    """What the time axis says."""
    between = []
    if minutes >= QUARTERS:
        between = [(n * minutes / 4, f"{minutes - n * minutes // 4}") for n in (1, 2, 3)]
    return [(0, f"{minutes} min"), *between, (minutes, "now")]


def area_chart(name: str, title: str, series: Sequence[Series], minutes: int, unit: str) -> str:
    """Areas on top of each other over the last minutes; values are at the ends of their minutes."""
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
    """One area, and the line that it ends with; a single value is as wide as its minute."""
    numbers = list(range(first, minutes))
    upper = [(x_at(n + 1, minutes), y_at(level[n], ceiling)) for n in numbers]
    lower = [(x_at(n + 1, minutes), y_at(floor[n], ceiling)) for n in numbers]
    upper.insert(0, (x_at(first, minutes), upper[0][1]))
    lower.insert(0, (x_at(first, minutes), lower[0][1]))
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in upper)
    back = "L".join(f"{x:.1f} {y:.1f}" for x, y in reversed(lower))
    return f'<path class="area c{colour}" d="M{line}L{back}Z"/><path class="line c{colour}" d="M{line}"/>'


def bar_chart(name: str, title: str, series: Sequence[Series], minutes: int, unit: str) -> str:
    """Bars on top of each other, one a minute."""
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
    """A bar, with a little air around it."""
    x, right = x_at(number, places) + 0.75, x_at(number + 1, places) - 0.75
    y, bottom = y_at(high, ceiling), y_at(low, ceiling)
    return (
        f'<rect class="bar c{colour}" x="{x:.1f}" y="{y:.1f}"'
        f' width="{right - x:.1f}" height="{max(bottom - y, 0.5):.1f}" rx="1.5"/>'
    )


def histogram(name: str, title: str, values: Sequence[int], description: str) -> str:
    """Bars over minutes that are not times: how often each number of them was met."""
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
    """A strip for each minute that tells its values to whoever points at it."""
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
    """What the chart shows, for who cannot see it."""
    told = []
    for each in series:
        if each.values:
            latest, highest = short(each.values[-1]), short(max(each.values))
            told.append(f"{each.name}: {latest}{unit} at last, {highest}{unit} at most")
    return "; ".join(told) + "." if told else "Nothing has been counted yet."
