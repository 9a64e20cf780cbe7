"""A bucket at a server that is no real one, and at none; test_list_carrier.py has a real one."""

import asyncio
from contextlib import closing

import pytest

from opentracker.bridge.bucket import Bucket
from opentracker.bridge.lists import KINDS
from opentracker.errors import LinkError
from tests.bridge.fake_nats import FakeNats


def complaint(port: int) -> str:
    """The reason why the bucket at a port cannot be opened."""

    async def opening() -> str:
        bucket = Bucket(f"nats://127.0.0.1:{port}", {}, "main", KINDS["keys"])
        assert bucket.name == "opentracker_main_keys"
        try:
            with pytest.raises(LinkError) as raised:
                await bucket.open(1)
        finally:
            await bucket.close()
        return str(raised.value)

    with closing(asyncio.new_event_loop()) as loop:
        return loop.run_until_complete(opening())


def test_no_server() -> None:
    assert "Connect call failed" in complaint(1)


def test_a_server_without_jetstream_gives_no_answer() -> None:
    with FakeNats() as server:
        assert complaint(server.port) != ""


def test_a_server_that_is_no_nats() -> None:
    with FakeNats(b"HTTP/1.1 200 OK\r\n\r\n") as server:
        assert complaint(server.port) != ""
