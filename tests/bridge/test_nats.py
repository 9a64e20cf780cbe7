"""One connection to a server that is no real one: how it is made, and how it ends."""

import asyncio
from typing import Any

import pytest

from opentracker.bridge.nats import Link, server_name, server_url
from opentracker.errors import LinkError
from tests.bridge.fake_nats import PATIENCE, FakeNats


@pytest.mark.parametrize(
    "url",
    ["nats://a:4222", "tls://a.example:1", "nats://[::1]:4222", "nats://u:p@a:4222", "nats://a", "nats://a/"],
)
def test_urls_of_servers(url: str) -> None:
    assert server_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a",
        "a:4222",
        "http://a:4222",
        "ws://a",
        "nats://",
        "nats://a:0",
        "nats://a:99999",
        "nats://a:x",
        "nats://a/b",
    ],
)
def test_others_say_what_was_expected(url: str) -> None:
    with pytest.raises(ValueError, match="expected nats://HOST:PORT or tls://HOST:PORT"):
        server_url(url)


def test_a_name_for_messages_has_no_password() -> None:
    assert server_name("nats://user:secret@a.example:99") == "a.example:99"
    assert server_name("tls://[::1]") == "[::1]:4222"


def opened(server: FakeNats, told: Any = None) -> Link:
    """A link to a server; to be made inside of a loop."""
    return Link(f"nats://127.0.0.1:{server.port}", {}, lambda: None)


async def tell_nobody(message: Any) -> None:
    return


def test_a_connection_is_open_once_the_server_has_confirmed() -> None:
    async def work(server: FakeNats) -> None:
        link = opened(server)
        await link.open("name", "subject.*", tell_nobody, 10)
        await link.publish("subject.a", [b"one", b"two"])
        assert not link.over.done()
        await link.close()
        assert link.over.result() == "closed"

    with FakeNats() as server:
        asyncio.run(work(server))


@pytest.mark.parametrize(
    ("greeting", "reason"), [(b"INFO [1]\r\n", "the answer is not NATS"), (b"hello\r\n", "expecting INFO")]
)
def test_a_connection_that_cannot_be_made_says_why(greeting: bytes, reason: str) -> None:
    async def work(server: FakeNats) -> None:
        link = opened(server)
        with pytest.raises(LinkError, match=reason):
            await link.open("name", "subject.*", tell_nobody, 10)
        await link.close()

    with FakeNats(greeting) as server:
        asyncio.run(work(server))


@pytest.mark.parametrize(
    "error", [b"Authorization Violation", b"Maximum Connections Exceeded", b"Stale Connection"]
)
def test_an_error_of_the_server_ends_a_connection(error: bytes) -> None:
    async def work(server: FakeNats) -> str:
        link = opened(server)
        await link.open("name", "subject.*", tell_nobody, 10)
        server.say(b"-ERR '%b'\r\n" % error)
        reason = await asyncio.wait_for(link.over, PATIENCE)
        await link.close()
        return reason

    with FakeNats() as server:
        assert error.decode().split()[0].lower() in asyncio.run(work(server)).lower()


def test_what_is_not_confirmed_is_an_error() -> None:
    async def work(server: FakeNats) -> None:
        link = opened(server)
        await link.open("name", "subject.*", tell_nobody, 10)
        server.close()
        with pytest.raises(LinkError):
            await link.publish("subject.a", [b"one"])
        await link.close()

    with FakeNats() as server:
        asyncio.run(work(server))


def test_nobody_there() -> None:
    with FakeNats() as server:
        pass

    async def work() -> None:
        link = opened(server)
        with pytest.raises(LinkError, match="Errno"):
            await link.open("name", "subject.*", tell_nobody, 10)
        await link.close()

    asyncio.run(work())
