"""The state of a tracker as a feature: loaded at the start, written at the end and at SIGUSR1."""

import time
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.options import SERVING, Option
from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings
from opentracker.features.feature import Feature, Host
from opentracker.features.state.file import StateFile
from opentracker.features.state.state import State, open_state


@dataclass
class StateSettings:
    """The files of the state."""

    to_load: Path | None = None  # `-l`
    file: Path | None = None  # written at a clean end and at SIGUSR1


LOADED: Final = NamedPath(StateSettings, "to_load", "would load the state in", inside=False)
WRITTEN: Final = NamedPath(
    StateSettings, "file", "would write the state to", key="tracker.state_file", writes=True
)


class StateFeature(Feature[Host]):
    """The state before and after a run."""

    options: ClassVar[tuple[Option, ...]] = (
        Option(SERVING, "l", "file", LOADED.take, "load a dump of the state at the start"),
    )
    paths: ClassVar[tuple[NamedPath, ...]] = (LOADED, WRITTEN)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.opened: FileIO | None = None
        self.written: StateFile | None = None

    def open(self) -> None:
        """Open the state to begin with. Raises UsageError."""
        path = LOADED.of(self.settings)
        if path is not None:
            self.opened = open_state(path)

    def try_open(self) -> None:
        """The same: opening a file to read it changes nothing."""
        self.open()
        self.close()

    def join(self, host: Host) -> None:
        """Load the state, and write it when a signal asks for it."""
        state = State(host.tracker, host.minute, time.time)
        host.add_part(state)
        if self.opened is not None:
            state.load(self.opened, str(LOADED.of(self.settings)))
        path = WRITTEN.of(self.settings)
        if path is not None:
            self.written = file = StateFile(path, state.pieces)
            host.sources.append(file.tell)
            host.dumps.append(lambda: host.start_work(file.begin()))

    def end(self) -> None:
        """Write the state."""
        if self.written is not None:
            self.written.write()

    def close(self) -> None:
        """Close the state that was to be loaded."""
        if self.opened is not None:
            self.opened.close()
