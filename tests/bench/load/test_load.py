"""The UDP load against the echo: it must see that every answer came, and that the echo's scrapes are wrong."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CONNECT = bytes.fromhex("0000041727101980 00000000 11223344")


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(programs: Path, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """An echo with 5 peers in each announce answer; the options that point a load at it."""
    host = request.param
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([programs / "echo", host, str(port), "5"])
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(0.1)
            client.connect((host, port))
            for _ in range(100):
                try:
                    client.send(CONNECT)
                    client.recv(64)
                    break
                except (ConnectionRefusedError, TimeoutError):  # it is not bound yet
                    assert process.poll() is None
        yield ["--host", host, "--port", str(port), "--pid", str(process.pid)]
    finally:
        process.kill()
        process.wait()


def load(programs: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [programs / "load", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


def test_every_request_of_a_mix_is_answered(programs: Path, server: list[str]) -> None:
    options = ["--peers", "500", "--warmup", "0", "--requests", "2000", "--weights", "1/2/1", "--hashes", "3"]
    status, report = load(programs, "mix", *server, *options)
    assert status == 0
    assert report["answers"] == 2000
    assert report["connects"] + report["announces"] + report["scrapes"] == 2000
    assert min(report["connects"], report["announces"], report["scrapes"]) > 300
    assert report["peers_per_announce"] == 5
    assert report["timeouts"] == 0
    assert not any(report["errors"].values())


def test_more_peers_than_asked_for_are_noticed(programs: Path, server: list[str]) -> None:
    options = ["--peers", "100", "--warmup", "0", "--requests", "300", "--weights", "0/1/0", "--numwant", "4"]
    _, report = load(programs, "mix", *server, *options)
    assert report["errors"]["more_than_numwant"] == 300


def test_a_fill_that_the_scrapes_do_not_confirm_fails(programs: Path, server: list[str]) -> None:
    status, report = load(programs, "fill", *server, "--torrents", "50", "--peers", "3")
    assert status == 1
    assert report["announces"] == 150
    assert report["errors"]["wrong_counts"] == 50


def test_the_hashes_are_a_whitelist(programs: Path) -> None:
    command = [str(programs / "load"), "hashes", "--torrents", "1000"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    assert lines.pop() == ""
    assert len({bytes.fromhex(line) for line in lines}) == 1000
    assert all(len(line) == 40 and line == line.upper() for line in lines)


def test_a_server_that_is_not_there_is_no_endless_wait(programs: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        command = [str(programs / "load"), "mix", "--port", str(silent.getsockname()[1]), "--timeout", "100"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no answer for 500 ms" in done.stderr
