"""The checker of prose finds each kind of fault, accepts good text, and leaves code alone."""

from pathlib import Path

import pytest

from tests.lint.prose import check_page, check_source, files, sentences_with_faults, unknown_symbols


@pytest.mark.parametrize(
    "text",
    [
        "What is stored is counted.",
        "Whatever it holds is counted.",
        "Who asks too often is refused.",
        "Whoever asks too often is refused.",
        "Where no thread starts, the loop waits.",
        "Wherever it is, the loop waits.",
        "A good sentence. What follows it is not.",
        "A list of them: Who asks too often is refused.",
        "It has so many\nlines.",
        "So much for that.",
    ],
)
def test_a_fault_is_found(text: str) -> None:
    """Openers at any place of a text, and counts without a number."""
    assert len(list(sentences_with_faults(text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The peers that are stored are counted.",
        "Returns the number of peers, and whether the torrent is new.",
        "What is a tracker?",
        "Whatsoever and Whose are other words.",
        'A rule forbids "so many" in quotes.',
        "It waits so long that many come.",
        "",
    ],
)
def test_good_text_passes(text: str) -> None:
    """Questions, quotes and longer words are no faults."""
    assert list(sentences_with_faults(text)) == []


def test_symbols_exist() -> None:
    """Each part of a symbol in backquotes is a name of the code; other text in backquotes is not looked at."""
    good = "See `Tracker.announce`, `len()`, `WANT_V6`, `key value` and `/stats`."
    bad = f"See `Tracker.{'z' * 9}`, and `{'q' * 9}()`."  # put together, or this file would make them names
    assert list(unknown_symbols(good)) == []
    assert len(list(unknown_symbols(bad))) == 2


def test_docstrings_and_comments_of_a_file_are_read(tmp_path: Path) -> None:
    """Each fault has the line where its text begins; strings and code have none."""
    path = tmp_path / "module.py"
    path.write_text(
        '"""A module.\n\nWhat it does is bad.\n"""\n'
        'TEXT = "What is in a string."\n'
        "# So many lines\n# are one comment.\n"
        "x = 1  # Where it is.\n"
    )
    assert [(line, fault.split(":")[0]) for _, line, fault in check_source(path)] == [
        (3, "a sentence opens with 'What'"),
        (6, "'So many' counts nothing"),
        (8, "a sentence opens with 'Where'"),
    ]


def test_code_of_a_page_is_ignored(tmp_path: Path) -> None:
    """Headings, code blocks and indented code are no prose; paragraphs, items and cells are."""
    path = tmp_path / "page.md"
    path.write_text(
        "# What this is\n\nGood text.\n\n```\nWhat is code.\n```\n\n    Where code is.\n\n"
        "- Who is in an item.\n\n| good | What is in a cell. |\n"
    )
    assert [line for _, line, _ in check_page(path)] == [11, 13]


def test_no_arguments_means_all_prose() -> None:
    """The package, its tests and the pages are checked; generated and quoted texts are not."""
    names = {path.as_posix().rpartition("/")[2] for path in files([])}
    assert {"README.md", "tracker.py", "test_prose.py", "hatch_build.py"} <= names
    assert "_features.py" not in names
