"""Draw results beside the C tracker: `python bench/chart.py bench/results/DATE-COMMIT.md > docs/figures.svg`.

It reads the tables that run.py prints. A row of the chart is a row of the bench with bars for the compiled and the
interpreted build, as ratios to the C tracker: of answers per CPU second, and of memory a peer.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEED = {
    "udp": "UDP announces, one source",
    "udp-sources": "UDP, 100,000 sources",
    "udp-connects": "UDP, a connect for each announce",
    "udp-large": "UDP, 1,000,000 torrents",
    "http-saturated": "HTTP announces",
}
MEMORY = {
    "memory 300000x1": "300,000 torrents × 1 peer",
    "memory 50000x10": "50,000 × 10",
    "memory 300x1000": "300 × 1000",
    "memory 1000000x3": "1,000,000 × 3",
}
COLOURS = {"compiled": "#1d4ed8", "pure": "#b45309"}
WIDTH, LEFT, BAR, GAP = 760, 250, 13, 12
# White around the digits, where the line of the C tracker runs behind them.
NUMBER = ' font-size="11" stroke="#fff" stroke-width="3" paint-order="stroke"'
WIDEST = 2.5  # the ratio at the right edge


@dataclass(frozen=True, slots=True)
class Figure:
    """A bar: of which build, and its ratio to the C tracker."""

    build: str
    ratio: float


def tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield each table of a page: its heads and its lines."""
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        if len(cells) > 2:
            yield cells[0], cells[2:]


def figures(text: str) -> dict[str, list[Figure]]:
    """The bars of each row that has a ratio to the C tracker, by the row's name as the first head gives it."""
    found: dict[str, list[Figure]] = {}
    for heads, lines in tables(text):
        if "× c" in heads:
            column = heads.index("× c")
            bars = [Figure(line[0], float(line[column])) for line in lines if line[0] in COLOURS]
            found[heads[0]] = bars
    return found


def text_at(x: float, y: float, words: str, style: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"{style}>{escape(words)}</text>'


def drawn(
    title: str, rows: dict[str, str], found: dict[str, list[Figure]], top: int
) -> tuple[list[str], int]:
    """A panel's lines of SVG, and the height at which it ends."""
    scale = (WIDTH - LEFT - 60) / WIDEST
    one = LEFT + scale
    lines = [text_at(20, top + 16, title, ' font-weight="600" font-size="15"')]
    begin = y = top + 48
    for row, words in rows.items():
        bars = found.get(row, [])
        if not bars:
            continue
        middle = y + len(bars) * BAR / 2 + 4
        lines.append(text_at(LEFT - 10, middle, words, ' text-anchor="end"'))
        for bar in bars:
            width = min(bar.ratio, WIDEST) * scale
            lines.append(
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{COLOURS[bar.build]}"/>'
            )
            lines.append(text_at(LEFT + width + 5, y + BAR - 3, f"{bar.ratio:.2f}", NUMBER))
            y += BAR
        y += GAP
    line = f'<path d="M{one:.1f} {begin - 6} V{y - GAP + 6}" stroke="#64748b" stroke-dasharray="4 3"/>'
    label = text_at(one, begin - 10, "C tracker = 1", ' text-anchor="middle" font-size="11"')
    return [line, label, *lines], y + 10


def chart(text: str) -> str:
    """The picture of a page of results, as SVG."""
    found = figures(text)
    head = text.splitlines()[0]
    speed, middle = drawn("Answers per CPU second: longer is faster", SPEED, found, 14)
    memory, bottom = drawn("Memory for peers and torrents: shorter is less", MEMORY, found, middle + 6)
    legend = []
    for number, (build, colour) in enumerate(COLOURS.items()):
        x = LEFT + number * 130
        legend.append(f'<rect x="{x}" y="{bottom}" width="11" height="11" fill="{colour}"/>')
        legend.append(text_at(x + 17, bottom + 10, {"pure": "interpreted"}.get(build, build)))
    height = bottom + 46
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            'font-family="system-ui,sans-serif" font-size="13" fill="#0f172a" role="img" aria-labelledby="t d">',
            '<title id="t">Speed and memory of opentracker beside the C tracker</title>',
            f'<desc id="d">{escape(described(found))}</desc>',
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            *speed,
            *memory,
            *legend,
            text_at(20, bottom + 34, head, ' font-size="11" fill="#334155"'),
            "</svg>",
            "",
        ]
    )


def described(found: dict[str, list[Figure]]) -> str:
    """The chart in words, for those who do not see it."""
    sentences = [
        f"{words}: " + ", ".join(f"{bar.build} {bar.ratio:.2f}" for bar in found[row])
        for row, words in {**SPEED, **MEMORY}.items()
        if found.get(row)
    ]
    return "Ratios to the C tracker. " + "; ".join(sentences) + "."


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench/chart.py", description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path, help="a page that run.py printed")
    text = parser.parse_args(arguments).results.read_text(encoding="utf-8")
    if not any(figures(text).get(row) for row in {**SPEED, **MEMORY}):
        print("bench/chart.py: the page has no row of the chart beside the C tracker", file=sys.stderr)
        return 1
    sys.stdout.write(chart(text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
