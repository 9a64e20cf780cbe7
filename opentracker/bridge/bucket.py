"""A bucket of NATS JetStream's key-value store with a list, through nats-py. The first fault ends the connection.

As in `nats`, the client's own reconnecting is off, and every wait for the client has a deadline.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final, TypeVar

from opentracker.bridge.lists import Kind, entry_of, name_of
from opentracker.bridge.nats import CLOSE_SECONDS, CONNECT_SECONDS, PING_SECONDS
from opentracker.config.values import shown
from opentracker.errors import LinkError

ANSWER_SECONDS: Final = 10.0
DELETED: Final = ("DEL", "PURGE")

Result = TypeVar("Result")


class Bucket:
    """A connection to one server, and the bucket of one list; `over` is done once the connection has ended."""

    def __init__(self, server: str, options: dict[str, Any], cluster: str, kind: Kind) -> None:
        self.server = server
        self.options = options
        self.name = f"opentracker_{cluster}_{kind.name}"
        self.kind = kind
        self.library: Any = importlib.import_module("nats")
        self.client = self.library.NATS()
        self.store: Any = None
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def open(self, replicas: int) -> None:
        """Connect, and create the bucket with that number of replicas if it does not exist. Raises LinkError."""
        await self.wait(
            self.client.connect(
                **self.options,
                servers=[self.server],
                name=f"{self.name} list",
                allow_reconnect=False,
                ping_interval=PING_SECONDS,
                error_cb=self.failed,
                closed_cb=self.closed,
            ),
            CONNECT_SECONDS,
        )
        await self.wait(self.find(replicas))

    async def find(self, replicas: int) -> None:
        """Find the bucket, or create it. Raises the client's exceptions."""
        streams = self.client.jetstream()
        errors = importlib.import_module("nats.js.errors")
        try:
            self.store = await streams.key_value(self.name)
        except errors.BucketNotFoundError:
            self.store = await streams.create_key_value(bucket=self.name, history=1, replicas=replicas)

    async def put(self, entry: str, rest: str) -> None:
        """Add an entry, or change the rest of its line. Raises LinkError."""
        await self.wait(self.store.put(name_of(self.kind, entry), rest.encode("utf-8")))

    async def delete(self, entry: str) -> None:
        """Delete an entry; a mark of that stays for those that are not connected now. Raises LinkError."""
        await self.wait(self.store.delete(name_of(self.kind, entry)))

    async def follow(self) -> AsyncIterator[tuple[str, str | None] | None]:
        """All entries and marks of deleted ones, then None, then each change as it comes. Raises LinkError."""
        watcher = await self.wait(self.store.watchall())
        updates = watcher.__aiter__()
        while True:
            update = await self.wait(updates.__anext__(), None)
            if update is None:
                yield None
                continue
            entry = entry_of(self.kind, update.key)
            if entry:
                value = (update.value or b"").decode("utf-8", "replace")
                yield entry, None if update.operation in DELETED else self.kind.rest(value)

    async def close(self) -> None:
        """Close the connection; stop waiting after CLOSE_SECONDS."""
        self.end_with("closed")
        closing = asyncio.ensure_future(self.client.close())
        await asyncio.wait((closing,), timeout=CLOSE_SECONDS)
        closing.cancel()

    async def wait(self, work: Coroutine[Any, Any, Result], seconds: float | None = ANSWER_SECONDS) -> Result:
        """The result of the client's work. Raises LinkError for its errors, a timeout, and the connection's end."""
        working = asyncio.ensure_future(work)
        await asyncio.wait((working, self.over), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            error = working.exception()
            if error is None:
                return working.result()
            raise LinkError(self.describe(error)) from error
        working.cancel()
        raise LinkError(self.over.result() if self.over.done() else "no answer in time")

    async def failed(self, error: Exception) -> None:
        """Called by the client with an error."""
        self.end_with(self.describe(error))

    async def closed(self) -> None:
        """Called by the client when the connection is closed."""
        self.end_with("the server has closed the connection")

    def end_with(self, reason: str) -> None:
        """Set the reason for the end of the connection; the first one counts."""
        if not self.over.done():
            self.over.set_result(reason)

    def describe(self, error: BaseException) -> str:
        """The text for an error of the client."""
        return shown(str(error).removeprefix("nats: ") or type(error).__name__)
