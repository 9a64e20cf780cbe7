"""One connection to a NATS server, through nats-py. The first fault ends it, and the bridge makes another one.

The client's own reconnecting is off: after an error of the server it stops for good, its close() may never return while
it reconnects, and neither is visible from outside. So every wait for the client has a deadline.
"""

import asyncio
import importlib
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from opentracker.config.values import shown
from opentracker.errors import LinkError

DEFAULT_PORT: Final = 4222
CONNECT_SECONDS: Final = 10.0
CONFIRM_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 2.0
PING_SECONDS: Final = 10  # two unanswered pings end a connection


def server_url(text: str) -> str:
    """Check a server's URL. Raises ValueError, whose text names the expected form."""
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("nats", "tls") or not parts.hostname or port == 0 or parts.path.strip("/"):
        raise ValueError(f"{text!r}: expected nats://HOST:PORT or tls://HOST:PORT")
    return text


def server_name(url: str) -> str:
    """The name of a server for messages, without the password that its URL may hold."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{host}:{parts.port or DEFAULT_PORT}"


def load_client() -> None:
    """Import the client. The user that the bridge becomes may not be able to read the files of Python."""
    importlib.import_module("nats")
    importlib.import_module("nats.aio.client")


def raw_credentials(text: str) -> Any:
    """The text of a credentials file, as the client's argument in place of the file's name."""
    return importlib.import_module("nats.aio.client").RawCredentials(text)


class Link:
    """A connection to one server. `over` holds the reason once it has ended."""

    def __init__(self, server: str, options: dict[str, Any], slow: Callable[[], None]) -> None:
        self.server = server
        self.options = options
        self.slow = slow  # called for each message that was lost because it was not handled in time
        self.library: Any = importlib.import_module("nats")
        self.client = self.library.NATS()
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.tasks: set[asyncio.Future[Any]] = set()

    async def open(self, name: str, subjects: str, told: Callable[[Any], Any], room: int) -> None:
        """Connect and subscribe; `told` is called with each message. Raises LinkError."""
        connecting = self.begin(self.connect_and_subscribe(name, subjects, told, room))
        await asyncio.wait(
            (connecting, self.over), timeout=CONNECT_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if connecting.done():
            error = connecting.exception()
            if error is not None:
                raise LinkError(self.describe(error)) from error
        if self.over.done():
            raise LinkError(self.over.result())
        if not connecting.done():
            raise LinkError(f"no answer within {CONNECT_SECONDS:.0f} seconds")

    async def connect_and_subscribe(
        self, name: str, subjects: str, told: Callable[[Any], Any], room: int
    ) -> None:
        """Connect and subscribe, and wait for the server's confirmation. Raises the client's exceptions."""
        await self.client.connect(
            **self.options,
            servers=[self.server],
            name=name,
            no_echo=True,
            allow_reconnect=False,
            ping_interval=PING_SECONDS,
            error_cb=self.failed,
            closed_cb=self.closed,
        )
        await self.client.subscribe(subjects, cb=told, pending_msgs_limit=room, pending_bytes_limit=-1)
        await self.client.flush(CONFIRM_SECONDS)

    async def publish(self, subject: str, packets: Sequence[bytes]) -> None:
        """Publish packets, and wait until the server has them. Raises LinkError."""
        publishing = self.begin(self.publish_and_confirm(subject, packets))
        await asyncio.wait((publishing, self.over), return_when=asyncio.FIRST_COMPLETED)
        if publishing.done():
            error = publishing.exception()
            if error is not None:
                raise LinkError(self.describe(error)) from error
        if self.over.done():
            raise LinkError(self.over.result())

    async def publish_and_confirm(self, subject: str, packets: Sequence[bytes]) -> None:
        """Publish, and wait for the server's confirmation. Raises the client's exceptions."""
        for packet in packets:
            await self.client.publish(subject, packet)
        await self.client.flush(CONFIRM_SECONDS)

    async def close(self) -> None:
        """Close the connection; stop waiting after CLOSE_SECONDS."""
        for task in self.tasks:
            task.cancel()
        self.end_with("closed")
        await asyncio.wait((self.begin(self.client.close()),), timeout=CLOSE_SECONDS)

    def begin(self, work: Any) -> asyncio.Task[Any]:
        """Run a coroutine of the client as a task; its exception is retrieved, so that asyncio does not warn of it."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def failed(self, error: Exception) -> None:
        """Called by the client with an error."""
        if isinstance(error, self.library.errors.SlowConsumerError):
            self.slow()
        else:
            self.end_with(self.describe(error))

    async def closed(self) -> None:
        """Called by the client when the connection is closed."""
        error = self.client.last_error
        self.end_with("the server has closed the connection" if error is None else self.describe(error))

    def end_with(self, reason: str) -> None:
        """Set the reason for the end of the connection; the first one counts."""
        if not self.over.done():
            self.over.set_result(reason)

    def describe(self, error: BaseException) -> str:
        """The text for an error of the client; some errors have no text, and some are faults of the client."""
        if isinstance(error, self.library.errors.Error | OSError):
            return shown(str(error).removeprefix("nats: ") or type(error).__name__)
        return f"the answer is not NATS ({type(error).__name__}: {shown(str(error))})"
