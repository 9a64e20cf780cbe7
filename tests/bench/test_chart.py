"""The chart of the README: every ratio of its page of results is in it, and it is that page's."""

import re
import subprocess
import sys
from pathlib import Path

from chart import chart
from harness.paths import BENCH, ROOT

PAGE = """2026-01-02, commit 1234567, Python 3.11, a machine

| udp | µs CPU an answer | × c | × pure |
| --- | --- | --- | --- |
| c | 6.0 | 1.000 | 1.2 |
| compiled | 3.0 | 1.776 | 2.1 |
| pure | 8.0 | 0.839 | 1.0 |
| compiled@657764c | 4.0 | 1.523 | 1.8 |

| memory 300000x1 | growth KiB | × c |
| --- | --- | --- |
| c | 42,132 | 1.000 |
| compiled | 21,888 | 0.520 |

| profile | share |
| --- | --- |
| compiled | 0.5 |
"""


def test_bars_are_the_ratios_to_the_c_tracker() -> None:
    picture = chart(PAGE)
    widths = [
        float(width) for width in re.findall(r'<rect x="\d+" y="\d+" width="([\d.]+)" height="11"', picture)
    ]
    speed, interpreted, memory = widths[:3]
    assert abs(speed / interpreted - 1.776 / 0.839) < 0.01
    assert abs(speed / memory - 1.776 / 0.520) < 0.01
    for number in ("1.78", "0.84", "0.52"):
        assert f">{number}</text>" in picture
    assert "1.52" not in picture


def test_the_chart_says_which_run_it_shows_and_is_told_in_words() -> None:
    picture = chart(PAGE)
    assert "2026-01-02, commit 1234567" in picture
    assert "UDP announces, one source: compiled 1.78, pure 0.84" in picture


def test_a_page_without_such_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("2026-01-02\n\nnothing\n")
    command = [sys.executable, str(BENCH / "chart.py"), str(tmp_path / "page.md")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "bench/chart.py: the page has no row of the chart beside the C tracker\n"


def test_the_picture_of_the_docs_is_that_of_the_run_it_names() -> None:
    picture = (ROOT / "docs" / "figures.svg").read_text(encoding="utf-8")
    (date, commit) = re.findall(r">(\d{4}-\d\d-\d\d), commit (\w+)", picture)[0]
    page = BENCH / "results" / f"{date}-{commit}.md"
    assert chart(page.read_text(encoding="utf-8")) == picture
