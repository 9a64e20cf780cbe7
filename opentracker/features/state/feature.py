"""The state of a tracker as a feature: loaded at the start, written every so often, at SIGUSR1 and at the end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.options import SERVING, Option
from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings, Take
from opentracker.config.values import parse_seconds
from opentracker.features.feature import Feature, Host, Overseer
from opentracker.features.state import keeping
from opentracker.features.state.file import StateFile
from opentracker.features.state.keeping import Kept
from opentracker.features.state.state import State, examine, open_state, whole


@dataclass
class StateSettings:
    """The files of the state."""

    to_load: Path | None = None  # `-l`
    file: Path | None = None  # the state file, which is loaded at the start too, unless `to_load` is given
    interval: int = 600  # seconds between two writes; 0: write only at SIGUSR1 and at the end


LOADED: Final = NamedPath(StateSettings, "to_load", "would load the state in", inside=False)
KEPT: Final = NamedPath(
    StateSettings, "file", "would keep the state in", key="tracker.state_file", writes=True
)


STREAM: Final = b"state"  # of the parts of several workers


def interval(settings: Settings, value: str) -> None:
    """`tracker.state_interval`."""
    settings.of(StateSettings).interval = parse_seconds(value)


class StateFeature(Feature[Host]):
    """The state before and after a run."""

    in_workers: ClassVar[bool] = True
    options: ClassVar[tuple[Option, ...]] = (
        Option(SERVING, "l", "file", LOADED.take, "load this state at the start, in place of that of -S"),
        Option(SERVING, "S", "file", KEPT.take, "keep the state in this file: load it, and write it"),
    )
    keys: ClassVar[Mapping[str, Take]] = {"tracker.state_interval": interval}
    paths: ClassVar[tuple[NamedPath, ...]] = (LOADED, KEPT)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.opened: list[FileIO] = []  # the state to load, for each worker
        self.worker = 0
        self.is_successor = False
        self.kept: Kept | None = None
        self.file: StateFile | None = None

    def open(self) -> None:
        """Open the state to load, if one was given. Raises UsageError."""
        path = LOADED.of(self.settings)
        if path is not None:
            self.opened = [open_state(path) for _ in range(self.settings.workers)]

    def try_open(self) -> None:
        """Find out whether that state can be loaded. Raises UsageError."""
        path = LOADED.of(self.settings)
        if path is not None:
            examine(path)

    def load(self) -> None:
        """Check and lock the state file. Raises UsageError and StartError."""
        path = KEPT.of(self.settings)
        if path is not None and self.kept is None:  # not by the supervisor
            left = self.settings.left
            self.kept = Kept(path, left.lock)
            left.lock = self.kept.lock.fd

    def try_load(self) -> None:
        """Find out whether the state file can be written. Raises UsageError and StartError."""
        path = KEPT.of(self.settings)
        if path is not None:
            keeping.check(path)

    def join(self, host: Host) -> None:
        """Load the state, and write it at intervals and at SIGUSR1."""
        state = State(host.tracker, host.minute, time.time)
        host.add_part(state)
        if self.settings.left.takes_over and not self.is_successor:
            pass  # the torrents come from the tracker before
        elif self.opened and not self.is_successor:
            state.load(self.opened[self.worker], str(LOADED.of(self.settings)))
        elif self.kept is not None:
            self.kept.take_up(state, self.worker == 0)
        self.close_loaded()
        if self.kept is not None and self.settings.workers == 1:
            self.file = self.keep(StateFile(self.kept.path, state.pieces), host)

    def close_loaded(self) -> None:
        """Close the state that was loaded: an open file would keep its blocks on the disk after the next write."""
        for file in self.opened:
            file.close()
        self.opened.clear()

    def keep(self, file: StateFile, host: "Host | Overseer") -> StateFile:
        """Write a file at intervals and at SIGUSR1."""
        host.dumps.append(lambda: file.begin(host.start_work))
        host.complaints.append(lambda: file.outcome.complaint)
        host.sources.append(file.tell)
        interval = self.settings.of(StateSettings).interval
        if interval > 0:
            host.every(interval, lambda: file.begin(host.start_work))  # the next at once if one takes longer
        return file

    def oversee(self, overseer: Overseer) -> None:
        """Write the states of all workers to one file. Raises UsageError and StartError."""
        self.load()
        overseer.beginnings.append(self.close_loaded)
        if self.kept is not None:
            self.kept.keep_aside_if_broken()
            file = StateFile(
                self.kept.path, lambda: whole(overseer.gather(STREAM), overseer.minute(), time.time)
            )
            self.keep(file, overseer)
            overseer.endings.append(file.last)

    def divide(self, settings: Settings, worker: int) -> None:
        """See Feature."""
        self.worker = worker

    def inherit(self, proc: int, is_successor: bool) -> None:
        """See Feature. A successor loads the state file rather than the state that was given for the start."""
        self.is_successor = is_successor

    def end(self) -> None:
        """Write the state. Raises EndError."""
        if self.file is not None:
            self.file.write()

    def close(self) -> None:
        """Close the state to load, if the start failed before, and unlock the state file."""
        self.close_loaded()
        if self.kept is not None:
            self.kept.close()
