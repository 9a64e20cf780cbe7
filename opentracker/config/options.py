"""An option of the command line; `cli` collects the options of the tracker and of its features."""

from typing import Final

from opentracker.config.settings import Take

# Groups of options in the help.
LISTENING: Final = "Where to listen, in order"
SERVING: Final = "What to serve, to whom"
RUNNING: Final = "How to run"


class Option:
    """One option: its group, its letter, the name of its argument (empty: none), its action, its line in the help."""

    def __init__(self, group: str, letter: str, argument: str, action: Take, text: str) -> None:
        self.group = group
        self.letter = letter
        self.argument = argument
        self.action = action
        self.text = text
