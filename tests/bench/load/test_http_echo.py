"""The floor over HTTP beside the HTTP load, which checks each answer."""

import subprocess
from pathlib import Path

import pytest

from harness.servers import running
from harness.setting import HTTP_FLOOR, KEPT_FLOOR, Bench, Floor


@pytest.mark.parametrize(
    ("floor", "options"), [(HTTP_FLOOR, []), (KEPT_FLOOR, ["--keep-alive"])], ids=["closes", "keeps"]
)
def test_every_request_is_answered(bench: Bench, floor: Floor, options: list[str]) -> None:
    echo = bench.contender("echo", {}, floor)
    with running(echo, bench.stage, bench.programs.whitelist(10)) as server:
        small = ["--torrents", "10", "--peers", "100", "--warmup", "0", "--requests", "500"]
        report = bench.programs.load("http_load", *server.arguments, *small, *options)
    assert report["exit"] == 0
    assert report["answers"] == 500
    assert not any(report["errors"].values())
    assert report["timeouts"] == 0
    assert report["bytes_per_answer"] > 35 * 6


def test_a_usage_is_printed(programs: Path) -> None:
    done = subprocess.run([str(programs / "http_echo")], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: http_echo ADDRESS PORT PEERS")
