"""The parts of the statistics page: its style, cards, big numbers, bars and tables."""

from collections.abc import Sequence
from html import escape
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--ink:#161b22;--soft:#57606a;--line:#e3e6ea;--edge:#dfe3e8;
--c1:#2f6fde;--c2:#9a3fb5;--c3:#1a8f5c;--c4:#cf3a46;--c5:#0b87a6;--c6:#5f6f83;--c7:#c96a0b;--c8:#8a5a2b;
--goodpage:#e7f5ee;--good:#1a8f5c;--badpage:#fdecee;--bad:#cf3a46}
@media (prefers-color-scheme:dark){:root{--page:#0e1116;--card:#171b22;--ink:#e8ebef;--soft:#9aa4b1;--line:#262c36;
--edge:#262c36;--c1:#5b93f5;--c2:#cf7fe6;--c3:#3fbf87;--c4:#f2707a;--c5:#35b6d6;--c6:#8e9db0;--c7:#f0954a;--c8:#c1905f;
--goodpage:#11241b;--good:#3fbf87;--badpage:#2b161a;--bad:#f2707a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums}
main,header,footer{max-width:1160px;margin:0 auto;padding:0 20px}
header{padding-top:28px;padding-bottom:18px;display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 16px}
h1{font-size:22px;letter-spacing:-.01em;margin:0}
header p,footer{color:var(--soft);font-size:14px}
header p{margin:0}
.banner{border:1px solid var(--edge);border-left-width:5px;border-radius:12px;padding:12px 18px;margin-bottom:16px}
.banner p,.banner ul{margin:0}.banner ul{padding-left:20px}.banner h2{color:var(--ink);font-size:15px}
.good{background:var(--goodpage);border-left-color:var(--good)}
.bad{background:var(--badpage);border-left-color:var(--bad)}
.facts th{padding:5px 12px 5px 0;font-size:14px;border-top:1px solid var(--line);vertical-align:top}
.facts td{padding:5px 0;text-align:right}
.facts tr:first-child th,.facts tr:first-child td{border-top:0}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:16px;margin-bottom:16px}
.numbers{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:16px;margin-bottom:16px}
.card{background:var(--card);border:1px solid var(--edge);border-radius:12px;padding:16px 18px;min-width:0}
h2{font-size:14px;font-weight:600;margin:0;color:var(--soft)}
.big{font-size:34px;line-height:1.2;font-weight:650;letter-spacing:-.02em;margin:2px 0 4px}
.big small{font-size:16px;font-weight:500;color:var(--soft);letter-spacing:0}
.card p{margin:0;color:var(--soft);font-size:14px}
.head{display:flex;flex-wrap:wrap;justify-content:space-between;gap:2px 16px;margin-bottom:8px}
.head h2{color:var(--ink);font-size:15px}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;margin:0;padding:0;list-style:none;color:var(--soft);font-size:13px}
.legend li::before{content:"";display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px;
background:var(--c)}
.share{display:flex;gap:2px;height:8px;border-radius:4px;overflow:hidden;margin-bottom:8px;background:var(--line)}
.share i{background:var(--c);min-width:2px}
svg{display:block;width:100%;height:auto}
svg text{font-size:11px;fill:var(--soft)}
svg .value{text-anchor:end}
svg .middle{text-anchor:middle}
svg .last{text-anchor:end}
svg .first{text-anchor:start}
.grid path{stroke:var(--line);stroke-width:1;fill:none}
.area{fill:var(--c);fill-opacity:.28;stroke:none}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}
.bar{fill:var(--c)}
.tips rect{fill:transparent}
a{color:var(--c1)}
:focus-visible{outline:3px solid var(--c1);outline-offset:2px;border-radius:4px}
figure{margin:0}
.told{display:none;margin-top:6px;color:var(--soft);font-size:14px}
svg:focus-visible+.told{display:block}
.tips rect:hover{fill:var(--soft);fill-opacity:.14}
.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}.c8{--c:var(--c8)}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;font-weight:500;color:var(--soft);font-size:13px;padding:0 0 4px}
tbody td{padding:5px 0;border-top:1px solid var(--line);vertical-align:middle}
th.n,td.n{text-align:right;padding-left:12px;white-space:nowrap}
td.bars{width:30%;padding-left:14px}
td.bars .share{margin:0;background:none}
td.bars i{border-radius:3px}
code{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere;
user-select:all;-webkit-user-select:all}
nav{display:flex;flex-wrap:wrap;gap:4px 18px}
footer{padding-top:8px;padding-bottom:32px;display:flex;flex-wrap:wrap;gap:4px 18px}
@media (max-width:900px){.numbers{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media (max-width:520px){header,main,footer{padding-left:12px;padding-right:12px}.numbers{gap:10px}
.card{padding:12px 14px}.big{font-size:26px}.big small{font-size:13px}svg text{font-size:15px}td.bars{width:22%}}
"""


def number(name: str, value: str, unit: str, note: str, shares: str = "") -> str:
    """A card with a big number."""
    small = f" <small>{escape(unit)}</small>" if unit else ""
    return (
        f'<section class="card"><h2>{escape(name)}</h2><div class="big">{escape(value)}{small}</div>'
        f"{shares}<p>{escape(note)}</p></section>"
    )


def share(parts: Sequence[tuple[int, float]]) -> str:
    """A divided bar, from colours and amounts; it only illustrates the text beside it."""
    total = 0.0
    for _, amount in parts:
        total += amount
    shown = [
        f'<i class="c{colour}" style="flex:{100 * amount / total:.4g}"></i>'
        for colour, amount in parts
        if amount > 0
    ]
    return f'<div class="share" aria-hidden="true">{"".join(shown)}</div>'


def card(title: str, legend: list[tuple[str, int]], picture: str) -> str:
    """A card with a chart; a single series needs no legend."""
    items = "".join(f'<li class="c{colour}">{escape(name)}</li>' for name, colour in legend)
    shown = f'<ul class="legend">{items}</ul>' if len(legend) > 1 else ""
    return f'<section class="card"><div class="head"><h2>{escape(title)}</h2>{shown}</div>{picture}</section>'


def duration(seconds: int) -> str:
    """A time in its two largest units."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def facts(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """A card with names and values."""
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows
    )
    return card(title, [], f'<table class="facts"><tbody>{lines}</tbody></table>')


def table(title: str, legend: list[tuple[str, int]], columns: tuple[str, ...], lines: list[str]) -> str:
    """A card with a table: a name, a bar without a heading, numbers."""
    name, *numbers = columns
    head = f'<th scope="col">{name}</th><td></td>'
    head += "".join(f'<th scope="col" class="n">{each}</th>' for each in numbers)
    return card(
        title, legend, f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    )


def bars(parts: Sequence[tuple[int, float]], most: int) -> str:
    """A table's cell with a bar, whose length is relative to `most`, the amount of the largest row."""
    rest = float(most)
    shown = []
    for colour, amount in parts:
        rest -= amount
        if amount > 0:
            shown.append(f'<i class="c{colour}" style="flex:{amount:.6g}"></i>')
    shown.append(f'<b style="flex:{max(rest, 0.0):.6g}"></b>')
    return f'<td class="bars" aria-hidden="true"><div class="share">{"".join(shown)}</div></td>'


def cell(text: str) -> str:
    """A table's cell with a number."""
    return f'<td class="n">{text}</td>'
