"""The pages on speed name what there is."""

import re

from harness.goals import GOALS
from harness.paths import BENCH, ROOT
from rows.table import ROWS

README = (BENCH / "README.md").read_text(encoding="utf-8")
PERFORMANCE = (ROOT / "docs/performance.md").read_text(encoding="utf-8")


def first_cells(text: str) -> list[str]:
    """The names in backquotes that begin the lines of a page's tables."""
    return re.findall(r"^\| `([a-z0-9-]+)`", text, re.MULTILINE)


def test_the_readme_describes_every_row() -> None:
    rows = README.partition("## Rows")[2].partition("## Contenders")[0]
    assert first_cells(rows) == list(ROWS)


def test_the_figures_are_of_rows_that_exist() -> None:
    assert set(first_cells(PERFORMANCE)) <= set(ROWS)


def test_every_goal_is_of_a_row_that_exists() -> None:
    assert {goal.row.partition(" ")[0] for goal in GOALS} <= set(ROWS)


def test_every_run_that_a_page_links_to_is_kept() -> None:
    link = re.compile(r"(?:\(|\]: )((?:\.\./bench/results/)?\d{4}-\d\d-\d\d-\w+\.md)")
    pages = [*(ROOT / "docs").glob("*.md"), *(BENCH / "results").glob("*.md")]
    linked = [page.parent / target for page in pages for target in link.findall(page.read_text("utf-8"))]
    assert len(linked) > 5
    assert [path for path in linked if not path.exists()] == []


def test_a_file_of_results_is_named_after_its_date_and_commit() -> None:
    names = [path.name for path in (BENCH / "results").iterdir()]
    assert len(names) > 5
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d-[0-9a-f]{7}\.md", name) for name in names)
