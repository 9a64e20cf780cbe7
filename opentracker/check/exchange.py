"""A check over sockets: the steps of one tracker over one address, each with its time."""

import secrets
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Final

from opentracker.check import messages
from opentracker.check.messages import Findings, Peer
from opentracker.check.target import Target
from opentracker.errors import CheckError
from opentracker.protocol import udp

FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
TRIES: Final = 3  # datagrams for one answer
LARGEST_BODY: Final = 1 << 20
DATAGRAM: Final = 65536


@dataclass
class Outcome:
    """A check over one address."""

    family: int
    address: str
    steps: list[tuple[str, float]] = field(default_factory=list)  # name, seconds
    findings: Findings = field(default_factory=Findings)
    error: str = ""  # text for people; empty: success


def addresses(target: Target, families: list[int]) -> list[tuple[int, str]]:
    """The first address of each family that the target's name has. Raises CheckError if there is none."""
    found = []
    reason = "its name has no address of the families asked for"
    for family in families:
        try:
            rows = socket.getaddrinfo(target.host, target.port, FAMILIES[family], socket.SOCK_STREAM)
        except OSError as error:
            reason = f"cannot look up {target.host}: {error.strerror or error}"
            continue
        found.append((family, str(rows[0][4][0])))
    if not found:
        raise CheckError(reason)
    return found


def check_address(target: Target, family: int, address: str, peer: Peer, timeout: float) -> Outcome:
    """Run the steps, up to the first that fails."""
    outcome = Outcome(family, address)
    steps = udp_steps if target.scheme == "udp" else http_steps
    try:
        steps(target, outcome, peer, timeout)
    except TimeoutError:
        outcome.error = f"no answer within {timeout:g} s"
    except (CheckError, HTTPException, OSError) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        outcome.error = text or type(error).__name__
    return outcome


def timed(outcome: Outcome, name: str, do: Callable[[], bytes]) -> bytes:
    """Run a step, and record its time. Errors are raised with the name of the step in their text."""
    began = time.monotonic()
    try:
        answer = do()
    except TimeoutError:
        raise
    except OSError as error:
        raise CheckError(f"{name}: {error.strerror or error}") from error
    except (CheckError, HTTPException) as error:
        raise CheckError(f"{name}: {error}") from error
    outcome.steps.append((name, time.monotonic() - began))
    return answer


# ---- UDP ---------------------------------------------------------------------------------------------------


def udp_steps(target: Target, outcome: Outcome, peer: Peer, timeout: float) -> None:
    """Connect, announce, scrape, and leave."""
    stride = 6 if outcome.family == 4 else 18
    with socket.socket(FAMILIES[outcome.family], socket.SOCK_DGRAM) as sock:
        sock.connect((outcome.address, target.port))

        def step(name: str, make: Callable[[bytes], bytes]) -> bytes:
            return timed(outcome, name, lambda: ask(sock, make, timeout))

        connection = messages.udp_content(step("connect", messages.connect_packet), udp.CONNECT, 8)[:8]

        def announce(event: str) -> Callable[[bytes], bytes]:
            return lambda transaction: messages.announce_packet(
                connection, transaction, peer, event, target.path
            )

        messages.read_udp_announce(step("announce", announce("started")), stride, outcome.findings)
        try:
            scraped = step(
                "scrape", lambda transaction: messages.scrape_packet(connection, transaction, peer.info_hash)
            )
            messages.read_udp_scrape(scraped, outcome.findings)
        finally:
            messages.udp_content(step("leave", announce("stopped")), udp.ANNOUNCE, 12)


def ask(sock: socket.socket, make: Callable[[bytes], bytes], timeout: float) -> bytes:
    """Send a request, again if no answer comes, and return the answer with its transaction id."""
    transaction = secrets.token_bytes(4)
    for _ in range(TRIES):
        sock.send(make(transaction))
        end = time.monotonic() + timeout / TRIES
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                packet = sock.recv(DATAGRAM)
            except TimeoutError:
                break
            if packet[4:8] == transaction:
                return packet
    raise TimeoutError


# ---- HTTP --------------------------------------------------------------------------------------------------


def http_steps(target: Target, outcome: Outcome, peer: Peer, timeout: float) -> None:
    """Announce, scrape if the URL has a scrape path, and leave; each over a connection of its own."""

    def step(name: str, path: str) -> bytes:
        return timed(outcome, name, lambda: fetch(target, outcome, path, timeout))

    announce = messages.with_query(target.path, messages.announce_query(peer, "started"))
    messages.read_http_announce(step("announce", announce), outcome.findings)
    try:
        if target.scrape_path is not None:
            scrape = messages.with_query(target.scrape_path, messages.scrape_query(peer.info_hash))
            messages.read_http_scrape(step("scrape", scrape), peer.info_hash, outcome.findings)
    finally:
        leave = messages.with_query(target.path, messages.announce_query(peer, "stopped"))
        messages.answer_of(step("leave", leave))


def fetch(target: Target, outcome: Outcome, path: str, timeout: float) -> bytes:
    """The body of a resource; records the first connection as a step. Raises CheckError for a status but 200."""
    began = time.monotonic()
    with connected(target, outcome.address, timeout) as sock:
        if not outcome.steps:
            outcome.steps.append(("connect", time.monotonic() - began))
        head = f"GET {path} HTTP/1.1\r\nHost: {target.authority}\r\nUser-Agent: opentracker.check\r\n"
        sock.sendall(f"{head}Accept-Encoding: identity\r\nConnection: close\r\n\r\n".encode("ascii"))
        response = HTTPResponse(sock)
        response.begin()
        body = response.read(LARGEST_BODY)
        response.close()
    if response.status != 200:
        raise CheckError(f"HTTP status {response.status} {response.reason}")
    return body


def connected(target: Target, address: str, timeout: float) -> socket.socket:
    """A connection to an address, encrypted if the URL says so. The certificate has to be of the URL's host."""
    sock = socket.create_connection((address, target.port), timeout)
    if target.scheme != "https":
        return sock
    try:
        return ssl.create_default_context().wrap_socket(sock, server_hostname=target.host)
    except BaseException:
        sock.close()
        raise
