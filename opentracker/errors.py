"""Every error of the package, in one tree.

::

    OpentrackerError
    ├── ProtocolError            a client's bytes; carries the answer
    │   ├── HttpError            answered with an HTTP status
    │   ├── MessageError         answered with a `failure reason` over a WebSocket, or not at all
    │   └── TrackerFailure       answered `200 OK` with a bencoded `failure reason`, or with an UDP error packet
    ├── UsageError               a wrong command line, config or list file; exit status 1
    │   ├── ConfigError          a config file, where a text on how to use the command is no help
    │   └── BrokenStateError     a state file that is cut or corrupted, or of another kind
    ├── StartError               the machine says no (bind, chdir); exit status 111
    ├── EndError                 the state could not be written at the end; exit status 74
    ├── LinkError                a connection of the bridge to NATS could not be made, or is over
    ├── ControlError             a command of the control socket that cannot be carried out; answered with its text
    ├── CheckError               a tracker that is checked does not do what it should
    └── InvariantError           the tracker itself is wrong; exit status 70

A datagram that must not be answered raises nothing: `protocol.udp.action_of` returns SILENCE for it.
"""

from typing import Final

EXIT_USAGE: Final = 1
EXIT_FAULT: Final = 70  # EX_SOFTWARE
EXIT_END: Final = 74  # EX_IOERR
EXIT_START: Final = 111  # the C tracker's status where a bind fails


class OpentrackerError(Exception):
    """The root of the tree."""


class ProtocolError(OpentrackerError):
    """A client sent wrong bytes, and gets an answer that says so."""


class HttpError(ProtocolError):
    """A request that gets an HTTP status other than 200; `detail` is ASCII text behind the status in its answer."""

    def __init__(self, status: int, detail: bytes = b"") -> None:
        super().__init__(status)
        self.status = status
        self.detail = detail


class MessageError(ProtocolError):
    """A message of WebTorrent that is turned down; without an `action` there is no answer that clients understand."""

    def __init__(self, reason: str, action: str = "", info_hash: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.action = action
        self.info_hash = info_hash


class TrackerFailure(ProtocolError):
    """A well-formed request that the tracker turns down: `reason` is text for the client's user.

    Over HTTP it is a `200 OK`, since clients throw the body of any other status away.
    """

    def __init__(self, reason: bytes) -> None:
        super().__init__(reason)
        self.reason = reason


class UsageError(OpentrackerError):
    """A command line, config or list file that is wrong: one line that names the place. Exit status 1."""


class ConfigError(UsageError):
    """A config file that is wrong: one line that begins with file and line, or says why it cannot be read."""


class BrokenStateError(UsageError):
    """A state file that is not whole, or that this build cannot read: its text gives the reason."""


class StartError(OpentrackerError):
    """The machine refuses what was asked, a bind for example: one line that names it. Exit status 111."""


class EndError(OpentrackerError):
    """A step of a clean end has failed: one line that names the loss. Exit status 74."""


class LinkError(OpentrackerError):
    """A connection to NATS could not be made, or is over; its text says why."""


class ControlError(OpentrackerError):
    """A command of the control socket that is wrong, or that this build cannot carry out: its text is the answer."""


class CheckError(OpentrackerError):
    """A tracker that `opentracker.check` asks has failed; its text says how."""


class InvariantError(OpentrackerError):
    """The store breaks an invariant, which is a fault of ours; `opentracker.debug` checks for it. Exit status 70."""
