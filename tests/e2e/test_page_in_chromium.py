"""The statistics' page in a real browser: nothing overflows, texts can be read, a telephone has two cards in a row.

A script that the test puts into a copy of the page measures it, and writes what it has found into the document.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from opentracker._features import WANT_STATS_HTML
from tests.e2e.chromium import Browser
from tests.features.stats import live_with, stats

pytestmark = pytest.mark.needs("WANT_STATS_HTML")
if WANT_STATS_HTML:
    from opentracker.features.statistics.html.history import INTERVAL

MEASURE = """
const light = c => { const v = c.map(x => (x /= 255) <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
const parts = text => text.match(/[\\d.]+/g).map(Number);
const ground = node => { for (; node; node = node.parentElement) {
  const c = parts(getComputedStyle(node).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
  return [255, 255, 255]; };
let contrast = 99, smallest = 99;
for (const node of document.querySelectorAll("h1,h2,p,th,td,li,code,.big,small,svg text,footer span")) {
  if (!node.textContent.trim() || node.closest("svg .tips")) continue;
  const style = getComputedStyle(node), inSvg = node.closest("svg");
  const [one, two] = [light(parts(inSvg ? style.fill : style.color)), light(ground(node))];
  contrast = Math.min(contrast, (Math.max(one, two) + .05) / (Math.min(one, two) + .05));
  const scale = inSvg ? inSvg.getBoundingClientRect().width / inSvg.viewBox.baseVal.width : 1;
  smallest = Math.min(smallest, parseFloat(style.fontSize) * scale);
}
const cards = [...document.querySelectorAll(".numbers .card")].map(card => card.getBoundingClientRect());
const found = {
  width: innerWidth, contrast, smallest,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  rows: new Set(cards.map(card => Math.round(card.top))).size,
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
  select: getComputedStyle(document.querySelector("code")).userSelect,
  requests: performance.getEntriesByType("resource").length,
};
document.body.append(Object.assign(document.createElement("pre"), {id: "found", textContent: JSON.stringify(found)}));
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a tracker that has something to show and something to complain of."""
    live, to = live_with()
    for minute in range(12):
        live.counters.udp_announces += 1_234_567 + 100_000 * minute
        live.counters.udp_failures += 7
        live.counters.udp_errors += 1
        live.advance(INTERVAL)
        live.until(lambda: not live.work, "a sample to be taken")
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_bytes(stats(live, to, "mode=html").body)
    live.close()
    return path


def measured(page: Path, width: int, *, dark: bool) -> Any:
    """The numbers that the script finds in a window of this width."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    copy = page.with_name(f"{width}-{dark}.html")
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", f"<script>{MEASURE}</script></body>"))
    # Chromium's windows are 500 pixels wide at least: a narrower page is one in a frame of that width.
    frame = page.with_name(f"frame-{width}-{dark}.html")
    frame.write_text(
        f'<iframe src="{copy.name}" style="width:{width}px;height:900px;border:0"></iframe><script>'
        "onload = () => { document.body.append(frames[0].document.getElementById('found')); }</script>"
    )
    scheme = (
        ["--blink-settings=preferredColorScheme=0"] if dark else ["--blink-settings=preferredColorScheme=1"]
    )
    done = subprocess.run(
        [
            *(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom", *scheme),
            *("--allow-file-access-from-files", f"--user-data-dir={page.parent / 'profile'}"),
            *("--window-size=1400,1000", "--virtual-time-budget=2000", frame.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout)
    assert found is not None, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(found[1])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "rows"), [(400, 2), (1280, 1)])
def test_the_page_in_a_window(page: Path, width: int, rows: int, dark: bool) -> None:
    found = measured(page, width, dark=dark)
    assert (found["width"], found["dark"]) == (width, dark)
    assert found["overflow"] == 0
    assert found["rows"] == rows
    assert found["contrast"] >= 4.5
    assert found["smallest"] >= 10
    assert found["select"] == "all"
    assert found["requests"] == 0


# The element with the focus: its name, whether an outline is drawn around it and it can be seen, and its text.
FOCUS = """(() => {
  const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
  const told = node.nextElementSibling;
  return {
    name: node === document.body ? "" : node.getAttribute("href") || node.getAttribute("aria-labelledby"),
    outlined: node.matches(":focus-visible") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.bottom > 0 && box.top < innerHeight && box.width > 0,
    told: told && told.className === "told" && getComputedStyle(told).display !== "none" ? told.textContent : "",
  };
})()"""


def test_the_page_by_keyboard(page: Path) -> None:
    """Tab goes to each chart, which then tells its values in words, and to each link, forwards and backwards."""
    with Browser(page.parent / "keyboard") as browser:
        browser.open(page.as_uri())
        assert browser.run("document.querySelectorAll('.told').length") > 3
        assert browser.run(SHOWN) == 0
        wanted = browser.run(f"[...document.querySelectorAll('svg, a')].map(node => {NAME})")
        visited = []
        for _ in wanted:
            browser.press("Tab")
            found = browser.run(FOCUS)
            assert found["outlined"], found
            assert found["seen"], found
            assert bool(found["told"]) is not found["name"].startswith("?"), found
            visited.append(found["name"])
        assert visited == wanted
        browser.press("Tab", shift=True)
        assert browser.run(FOCUS)["name"] == wanted[-2]
        assert browser.run(SHOWN) == 0, "of links nothing is told"


NAME = "node.getAttribute('href') || node.getAttribute('aria-labelledby')"
SHOWN = (
    "[...document.querySelectorAll('.told')].filter(node => getComputedStyle(node).display !== 'none').length"
)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_outline_can_be_told_from_the_page(page: Path, dark: bool) -> None:
    with Browser(page.parent / f"outline-{dark}", 400, 800, dark=dark) as browser:
        browser.open(page.as_uri())
        browser.press("Tab")
        assert browser.run(CONTRAST) >= 3


CONTRAST = """(() => {
  const light = c => { const v = c.map(x => (x /= 255) <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const parts = text => text.match(/[\\d.]+/g).map(Number).slice(0, 3), node = document.activeElement;
  const [one, two] = [getComputedStyle(node).outlineColor, getComputedStyle(node.closest(".card")).backgroundColor]
    .map(text => light(parts(text)));
  return (Math.max(one, two) + .05) / (Math.min(one, two) + .05);
})()"""
