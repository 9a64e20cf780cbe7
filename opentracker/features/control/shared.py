"""The commands of a tracker of several workers: the supervisor asks all of them, and makes one answer of theirs."""

import json
from collections.abc import Callable
from typing import Final

from opentracker.errors import ControlError
from opentracker.features.control.commands import (
    NO_DUMP,
    NO_RELOAD,
    STREAM,
    accepted,
    begun,
    changes,
    level_of_log,
    line_of,
    refused,
    words_of,
)
from opentracker.features.control.words import Answer, nothing_more
from opentracker.features.feature import Overseer

NOBODY: Final = "no worker answers"


class SharedCommands:
    """Carries out commands on the trackers of all workers."""

    def __init__(self, overseer: Overseer) -> None:
        self.overseer = overseer

    def begin(self, line: bytes, done: Callable[[bytes], None]) -> None:
        """Call `done` with the answer to a line, without its line end, once it is known."""
        try:
            words = words_of(line)
            own = OWN.get(words[0])
            if own is not None:
                done(accepted(own(self, words[1:])))
                return
        except ControlError as error:
            done(refused(error))
            return

        def merge(lines: list[bytes]) -> None:
            answer = merged(words[0], [json.loads(each) for each in lines])
            if answer["ok"] and changes(line):
                self.overseer.keep(STREAM, line)
            done(line_of(answer))

        self.overseer.ask(STREAM, line, merge)

    def hear(self, line: bytes) -> None:
        """Repeat a command of the version before."""
        words = line.decode("ascii").split()
        if words[0] in OWN:
            OWN[words[0]](self, words[1:])
        else:
            self.overseer.tell(STREAM, line)

    def reload(self, words: list[str]) -> Answer:
        """As SIGHUP."""
        nothing_more(words)
        return begun(self.overseer.reloads, NO_RELOAD)

    def dump(self, words: list[str]) -> Answer:
        """As SIGUSR1."""
        nothing_more(words)
        return begun(self.overseer.dumps, NO_DUMP)

    def level(self, words: list[str]) -> Answer:
        """Tell or set the level of the log of all processes."""
        answer = level_of_log(words)
        self.overseer.tell(STREAM, " ".join(["level", *words]).encode("ascii"))
        return answer


# Commands that the supervisor carries out.
OWN: Final[dict[str, Callable[[SharedCommands, list[str]], Answer]]] = {
    "reload": SharedCommands.reload,
    "dump": SharedCommands.dump,
    "level": SharedCommands.level,
}


def merged(command: str, answers: list[Answer]) -> Answer:
    """One answer of those of all workers: the first that is special, or the first."""
    if not answers:
        return {"ok": False, "error": NOBODY}
    for answer in answers:
        if not answer["ok"] or answer.get("known"):  # of a torrent: by its owner
            return answer
    if command == "status":
        return {
            **answers[0],
            "torrents": sum(answer["torrents"] for answer in answers),
            "peers": sum(answer["peers"] for answer in answers),
            "worries": list(dict.fromkeys(worry for answer in answers for worry in answer["worries"])),
        }
    return answers[0]
