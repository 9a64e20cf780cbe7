"""Reloads of a list: all of the new one or all of the old one, and the memory of the other given back."""

import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from opentracker.errors import UsageError
from opentracker.features.list_reload import ListReloader
from opentracker.features.outcome import Outcome


class Words:
    """A list of words, a byte of memory each."""

    def __init__(self, *words: str) -> None:
        self.words = list(words)

    def weight(self) -> int:
        return len(self.words)

    def dissolve(self) -> Iterator[None]:
        while self.words:
            self.words.pop()
            yield


class Reloader(ListReloader[Words]):
    """Reads a word of a file in each slice."""

    def __init__(self) -> None:
        outcome = Outcome("opentracker_words", "reload", "Words loaded", "No words.", time.time)
        self.work: list[Iterator[None]] = []
        super().__init__(Words("old"), self.work.append, "the list of words", outcome)
        self.installed: list[Words] = []

    def make(self) -> Words:
        return Words()

    def read(self, path: Path | None, coming: Words) -> Generator[None, None, None]:
        assert path is not None
        for word in path.read_text(encoding="ascii").split():
            if word == "bad":
                raise UsageError(f"{path}: a bad word")
            coming.words.append(word)
            yield

    def install(self, coming: Words) -> None:
        self.installed.append(coming)

    def finish(self) -> None:
        while self.work:
            for _ in self.work.pop(0):
                pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list"


def test_the_new_list_replaces_the_old_one_as_a_whole(path: Path) -> None:
    reloader = Reloader()
    path.write_text("one two three", encoding="ascii")
    reloader.reload(path)
    next(reloader.work[0])
    next(reloader.work[0])
    assert reloader.current.words == ["old"]
    assert reloader.weight() == 3
    reloader.finish()
    assert reloader.current.words == ["one", "two", "three"]
    assert reloader.installed == [reloader.current]
    assert reloader.weight() == 3
    assert reloader.complain() == ""


def test_a_failure_keeps_the_old_list(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reloader = Reloader()
    path.write_text("one bad", encoding="ascii")
    reloader.reload(path)
    reloader.finish()
    assert reloader.current.words == ["old"]
    assert reloader.installed == []
    assert reloader.weight() == 1
    assert reloader.complain() == f"the last reload failed: {path}: a bad word"
    assert caplog.messages == [f"{path}: a bad word; the list of words stays as it was"]
    path.write_text("one", encoding="ascii")
    reloader.reload(path)
    reloader.finish()
    assert reloader.complain() == ""


def test_a_second_reload_abandons_the_first(path: Path) -> None:
    reloader = Reloader()
    path.write_text("one two", encoding="ascii")
    reloader.reload(path)
    next(reloader.work[0])
    path.write_text("three", encoding="ascii")
    reloader.reload(path)
    reloader.finish()
    assert reloader.current.words == ["three"]
    assert len(reloader.installed) == 1
    assert reloader.weight() == 1
