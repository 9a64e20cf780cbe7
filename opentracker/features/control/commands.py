"""The commands of the control socket: a line of words in, a line of JSON out.

An answer is an object whose `ok` tells whether the command was carried out; `error` gives the reason why it was not.
A command is one word or two, and has at most MOST_WORDS words behind it.
"""

import json
import logging
import re
from collections.abc import Callable
from typing import Final

from opentracker import build_info
from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE, WANT_DYNAMIC_ACCESSLIST
from opentracker.config.values import LEVELS, shown
from opentracker.errors import ControlError
from opentracker.features.control import key_commands
from opentracker.features.control.words import Answer, nothing_more
from opentracker.features.feature import Host
from opentracker.protocol.addresses import format_endpoint
from opentracker.swarm.membership import Member, Membership

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.accesslist import AccessListReloader
if WANT_DYNAMIC_ACCESSLIST:
    from opentracker.features.accesslist.changes import change

log = logging.getLogger("opentracker")

MOST_PEERS: Final = 1000  # in one answer: some 100 KB, in about 2 ms
MOST_WORDS: Final = 100
LONGEST_LINE: Final = 4352  # bytes: two words and MOST_WORDS info_hashes, each with a space
INFO_HASH: Final = re.compile(r"[0-9A-Fa-f]{40}")
STREAM: Final = b"control"  # of the answers of several workers, and the hearer of commands that are repeated
AT_ONCE: Final = ("reload", "dump")  # commands whose effect does not last
NO_RELOAD: Final = "there is no config file and no list to be read again"
NO_DUMP: Final = "no state is written: there is no tracker.state_file"
NO_LIST: Final = "this build has no access list (WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE)"
NO_CHANGES: Final = "this build cannot change its access list (WANT_DYNAMIC_ACCESSLIST)"


class Commands:
    """Carries out commands on a tracker."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def begin(self, line: bytes, done: Callable[[bytes], None]) -> None:
        """Call `done` with the answer to a line, at once."""
        done(self.answer(line))

    def answer(self, line: bytes) -> bytes:
        """The answer to a line, without its line end; whatever is wrong with the line is told."""
        try:
            words = words_of(line)
            answer = accepted(self.carry_out(words))
        except ControlError as error:
            return refused(error)
        if changes(line) and words[0] not in AT_ONCE:
            self.host.keep(STREAM, line)
        return answer

    def carry_out(self, words: list[str]) -> Answer:
        """Find the command of some words, and carry it out. Raises ControlError."""
        for size in (2, 1):
            command = TABLE.get(" ".join(words[:size]))
            if command is not None:
                return command(self.host, words[size:])
        raise ControlError(f"unknown command: {shown(' '.join(words[:2]))!r}; there are: {', '.join(TABLE)}")


def accepted(answer: Answer) -> bytes:
    """The line for an answer."""
    return line_of({"ok": True, **answer})


def refused(error: ControlError) -> bytes:
    """The line for a command that was not carried out."""
    return line_of({"ok": False, "error": str(error)})


def line_of(answer: Answer) -> bytes:
    """A line of JSON."""
    return json.dumps(answer).encode("ascii") + b"\n"


def words_of(line: bytes) -> list[str]:
    """The words of a line. Raises ControlError."""
    try:
        words = line.decode("ascii").split()
    except UnicodeDecodeError as error:
        raise ControlError("expected words of ASCII") from error
    if not words or len(words) > 2 + MOST_WORDS:
        raise ControlError(f"expected a command, with at most {MOST_WORDS} words behind it")
    return words


def changes(line: bytes) -> bool:
    """Whether a line may change something, so that it belongs in the log."""
    words = line.split()
    return words[:1] not in ([b"status"], [b"torrent"], [b"help"]) and words[1:2] not in (
        [b"contains"],
        [b"count"],
    )


def for_log(line: bytes) -> str:
    """A line as the log may have it: keys are passwords, and words of no known command may be keys too."""
    words = line.decode("latin-1").split()
    if " ".join(words[:2]) in key_commands.TABLE:
        return f"{' '.join(words[:2])}, {len(words) - 2} words"
    if words[:1] and (words[0] in TABLE or " ".join(words[:2]) in TABLE):
        return shown(" ".join(words))
    return "an unknown command"


def info_hashes(words: list[str]) -> list[bytes]:
    """Info_hashes, one at least. Raises ControlError."""
    wrong = [word for word in words if not INFO_HASH.fullmatch(word)]
    if wrong or not words:
        raise ControlError(f"expected info_hashes of 40 hexadecimal digits, not {shown(' '.join(wrong))!r}")
    return [bytes.fromhex(word) for word in words]


# ---- The tracker -------------------------------------------------------------------------------------------


def help_(host: Host, words: list[str]) -> Answer:
    """The commands."""
    nothing_more(words)
    return {"commands": list(TABLE)}


def status(host: Host, words: list[str]) -> Answer:
    """The state of the tracker in a few figures; `worries` are lasting faults, such as a failed reload."""
    nothing_more(words)
    totals = host.tracker.store.totals
    return {
        "version": build_info.one_line(),
        "uptime": int(host.uptime()),
        "torrents": int(totals.torrents),
        "peers": int(totals.peers),
        "worries": [worry for complain in host.complaints if (worry := complain())],
    }


def reload(host: Host, words: list[str]) -> Answer:
    """As SIGHUP. Lists are read in slices after the answer; `status` tells of failures."""
    nothing_more(words)
    return begun(host.reloads, NO_RELOAD)


def dump(host: Host, words: list[str]) -> Answer:
    """As SIGUSR1: begin to write the state."""
    nothing_more(words)
    return begun(host.dumps, NO_DUMP)


def begun(todo: list[Callable[[], None]], excuse: str) -> Answer:
    """Call functions that begin long work. Raises ControlError if there are none."""
    if not todo:
        raise ControlError(excuse)
    for do in todo:
        do()
    return {"begun": True}


def level(host: Host, words: list[str]) -> Answer:
    """Tell or set the least serious level of the log, until the next reload of the config."""
    return level_of_log(words)


def level_of_log(words: list[str]) -> Answer:
    """See `level`. Raises ControlError."""
    if len(words) > 1 or (words and words[0] not in LEVELS):
        raise ControlError(f"expected one of {', '.join(LEVELS)}")
    if words:
        log.setLevel(LEVELS[words[0]])
    return {"level": logging.getLevelName(log.getEffectiveLevel()).lower()}


# ---- Torrents ----------------------------------------------------------------------------------------------


def torrent(host: Host, words: list[str]) -> Answer:
    """The counts of a torrent, the ages of its peers in minutes, and with `peers` the first MOST_PEERS of them."""
    asks_peers = words[1:] == ["peers"]
    if len(words) > 1 and not asks_peers:
        raise ControlError(f"expected an info_hash, and then nothing or peers, not {shown(words[1])!r}")
    (info_hash,) = info_hashes(words[:1])
    store = host.tracker.store
    if not store.has(info_hash):
        return {"known": False, "allowed": host.tracker.admits(info_hash)}
    complete, downloaded, incomplete = store.scrape(info_hash)
    found = Membership(store, info_hash, host.minute(), MOST_PEERS if asks_peers else 0)
    answer: Answer = {
        "known": True,
        "allowed": host.tracker.admits(info_hash),
        "complete": int(complete),
        "incomplete": int(incomplete),
        "downloaded": int(downloaded),
        "newest": found.newest if found.size else None,
        "oldest": found.oldest if found.size else None,
    }
    if asks_peers:
        answer["peers"] = [in_words(member) for member in found.members]
        answer["left_out"] = found.size - len(found.members)
    return answer


def in_words(member: Member) -> Answer:
    """A peer."""
    address = format_endpoint(member.peer[:-2], int.from_bytes(member.peer[-2:], "big"))
    return {"address": address, "role": "seeder" if member.seeding else "leecher", "age": member.age}


# ---- The access list ---------------------------------------------------------------------------------------


def list_add(host: Host, words: list[str]) -> Answer:
    """Put torrents on the list until the next reload, as through the FIFO."""
    return list_changed(host, words, True)


def list_remove(host: Host, words: list[str]) -> Answer:
    """Take torrents off the list until the next reload, as through the FIFO."""
    return list_changed(host, words, False)


def list_changed(host: Host, words: list[str], listed: bool) -> Answer:
    """Change the list; the answer has the number of torrents for which that made a difference."""
    if WANT_DYNAMIC_ACCESSLIST:
        keeper = host.part(AccessListReloader)
        wanted = info_hashes(words)
        changed = [each for each in wanted if keeper.current.lists(each) is not listed]
        for info_hash in wanted:
            change(keeper, info_hash, listed)
        return {"changed": len(set(changed))}
    raise ControlError(NO_CHANGES)


def list_contains(host: Host, words: list[str]) -> Answer:
    """Whether each torrent is on the list."""
    if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
        accesslist = host.part(AccessListReloader).current
        return {"listed": {each.hex(): accesslist.lists(each) for each in info_hashes(words)}}
    raise ControlError(NO_LIST)


def list_count(host: Host, words: list[str]) -> Answer:
    """The kind and the size of the list: torrents of the file, and changes since."""
    nothing_more(words)
    if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
        accesslist = host.part(AccessListReloader).current
        kind = "whitelist" if WANT_ACCESSLIST_WHITE else "blacklist"
        answer: Answer = {"kind": kind, "torrents": int(accesslist.info_hashes.size)}
        if WANT_DYNAMIC_ACCESSLIST:
            answer["changes"] = len(accesslist.changes)
        return answer
    raise ControlError(NO_LIST)


TABLE: Final[dict[str, Callable[[Host, list[str]], Answer]]] = {
    "help": help_,
    "status": status,
    "reload": reload,
    "dump": dump,
    "level": level,
    "torrent": torrent,
    "list add": list_add,
    "list remove": list_remove,
    "list contains": list_contains,
    "list count": list_count,
    **key_commands.TABLE,
}
