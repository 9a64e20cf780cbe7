"""Reloads of a list while the tracker runs: the new one is read in slices, then takes the place of the old one."""

import logging
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from mypy_extensions import mypyc_attr

from opentracker.errors import UsageError
from opentracker.features.outcome import Outcome

log = logging.getLogger("opentracker")


class ReloadedList(Protocol):
    """A list that a ListReloader replaces."""

    def weight(self) -> int:
        """Approximate bytes of memory of the list."""

    def dissolve(self) -> Iterator[None]:
        """Free the memory in slices; the list is unusable then."""


AnyList = TypeVar("AnyList", bound=ReloadedList)


@mypyc_attr(allow_interpreted_subclasses=True)
class ListReloader(Generic[AnyList]):
    """Replaces a list, while announces are answered; a failure leaves the list as it was.

    `start` starts long work, as Loop.start does; `what` names the list in the log.
    """

    def __init__(
        self, current: AnyList, start: Callable[[Iterator[None]], None], what: str, outcome: Outcome
    ) -> None:
        self.start = start
        self.what = what
        self.outcome = outcome
        self.current = current
        self.coming: AnyList | None = None  # the list that is being read
        self.held: list[AnyList] = [current]  # `current`, `coming`, and lists that are not freed yet
        outcome.succeeded()

    def make(self) -> AnyList:
        """A new list, which `read` fills."""
        raise NotImplementedError

    def read(self, path: Path | None, coming: AnyList) -> Generator[None, None, None]:
        """Fill a new list from a file, in slices. Raises UsageError."""
        raise NotImplementedError

    def install(self, coming: AnyList) -> None:
        """Use a list from now on."""
        raise NotImplementedError

    def weight(self) -> int:
        """Approximate bytes of memory of the current list, the list being read and the lists being freed."""
        return sum([each.weight() for each in self.held])

    def complain(self) -> str:
        """The lasting fault of the last reload, or nothing."""
        return f"the last reload failed: {self.outcome.complaint}" if self.outcome.complaint else ""

    def reload(self, path: Path | None) -> None:
        """Start to read the file again; a reload under way is abandoned."""
        coming = self.make()
        self.coming = coming
        self.held.append(coming)
        self.start(self.replace(path, coming))

    def replace(self, path: Path | None, coming: AnyList) -> Iterator[None]:
        """Read the new list in slices, install it, and free the old one; after a failure free the new one."""
        is_whole = False
        reading = self.read(path, coming)
        try:
            for _ in reading:
                yield
                if self.coming is not coming:
                    break
            else:
                is_whole = self.coming is coming
        except (UsageError, MemoryError) as error:
            self.outcome.failed(str(error) or f"not enough memory for {self.what}")
            log.error("%s; %s stays as it was", self.outcome.complaint, self.what)
        finally:
            reading.close()
        unused = coming
        if is_whole:
            self.outcome.succeeded()
            unused = self.current
            self.current = coming
            self.install(coming)
        if self.coming is coming:
            self.coming = None
        yield from unused.dissolve()
        self.held.remove(unused)
