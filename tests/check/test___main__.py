"""The command line of opentracker.check."""

import json
import re
import socket
from pathlib import Path

import pytest

from opentracker.check.__main__ import INFO_HASH, main, parser
from opentracker.check.report import CRITICAL, OK, UNKNOWN
from tests.check.test_exchange import HOST, SHOWN
from tests.server.process import Tracker, allow, list_loopback

PAGE = Path(__file__).parents[2] / "docs" / "man" / "opentracker.check.1"


def test_a_tracker_that_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [*allow(tmp_path, bytes.fromhex(INFO_HASH)), *list_loopback(tmp_path)]
    with Tracker("-i", HOST, "-P", "0", *options, sockets=1) as tracker:
        url = f"udp://{SHOWN}:{tracker.endpoint('UDP')[1]}/announce"
        assert main([url, "--timeout", "20"]) == OK
        assert capsys.readouterr().out.startswith(f"OK {url}: IPv")
        assert main([url, url, "--json", "--timeout", "20"]) == OK
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["status"] for line in lines] == ["OK", "OK"]


def test_the_worst_status_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        assert main([f"http://127.0.0.1:{sock.getsockname()[1]}/announce"]) == CRITICAL
    out = capsys.readouterr().out
    assert out.startswith("CRITICAL http://127.0.0.1:")
    assert out.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "the following arguments are required: URL"),
        (["a"], "argument URL: 'a': expected udp://HOST:PORT/announce"),
        (["http://a", "--info-hash", "00"], "argument --info-hash: '00': expected 40 hexadecimal digits"),
        (["http://a", "--timeout", "0"], "argument --timeout: '0': expected seconds over 0"),
        (["http://a", "-4", "-6"], "not allowed with argument -4"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == UNKNOWN
    assert text in capsys.readouterr().err


def test_the_man_page_has_every_option() -> None:
    listed = set(re.findall(r"^\.It Fl (\S+)", PAGE.read_text(), re.MULTILINE))
    options = {text[1:] for action in parser()._actions for text in action.option_strings}
    assert listed == options - {"h"} | {"h"}
