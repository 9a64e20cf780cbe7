"""Config files: the cases C-xx."""

import difflib
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from opentracker import cli
from opentracker._features import BUILD_RECORD, KEY_FLAGS, WANT_ACCESSLIST_WHITE, WANT_V4_ONLY, WANT_V6
from opentracker.config import file as config
from opentracker.config.settings import Bind, Settings
from opentracker.errors import ConfigError
from opentracker.server.wiring import CONFIG, PATHS
from opentracker.swarm.policy.permissions import (
    ADMINISTRATOR,
    MAY_FULLSCRAPE,
    MAY_LIVESYNC,
    MAY_PROXY,
    MAY_STAT,
)
from tests.config.parsing import settings_of
from tests.server.live import HOME, packed
from tests.server.marks import needs_ipv4
from tests.server.process import Tracker, allow, run

RECORD = json.loads(BUILD_RECORD)
PATHS_BY_KEY = {path.key: path for path in PATHS}
HOME6 = HOME == "::1"
ENDPOINT = f"[{HOME}]" if HOME6 else HOME
NOBODY = 65534
ROOT = Path(__file__).parents[2]
ROWS: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "features.toml").read_text())["keys"]
SAMPLE = re.findall(r"^#([a-z]\S*) (.+)$", (ROOT / "opentracker.conf.sample").read_text(), re.MULTILINE)
# A value that each key takes in every build: that of the sample, but for addresses of a family that may be left out.
GOOD_VALUES = {key: ENDPOINT if ROWS[key]["form"] == "address" else value for key, value in SAMPLE}


def taken(*lines: str | bytes) -> Settings:
    """The settings after these lines."""
    settings = Settings()
    text = b"\n".join(os.fsencode(line) if isinstance(line, str) else line for line in lines)
    CONFIG.take_text(settings, text, "test.conf")
    return settings


def refusal(*lines: str | bytes) -> str:
    """The text of the error for these lines: a line for each mistake."""
    with pytest.raises(ConfigError) as caught:
        taken(*lines)
    text = str(caught.value)
    assert all(line.isprintable() and line.startswith("test.conf:") for line in text.split("\n"))
    return text


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = refusal("tracker.user a b", "# fine", "tracker.user good", "nonsense", "listen.udp nowhere")
    assert [line.split(": ")[0] for line in text.split("\n")] == ["test.conf:1", "test.conf:4", "test.conf:5"]


def test_a_file_of_another_kind_is_told_to_be_that_without_end() -> None:
    lines = refusal(*["<html>"] * 500).split("\n")
    assert len(lines) == config.MOST_MISTAKES + 1
    assert lines[-1] == f"test.conf: {500 - config.MOST_MISTAKES} more mistakes"


def given(key: str) -> bool:
    """Whether this build has a key."""
    flag = KEY_FLAGS[key]
    return not flag or RECORD["flags"][flag] is True


# ---- Keys --------------------------------------------------------------------------------------------------


def test_the_keys_of_this_build() -> None:
    assert set(GOOD_VALUES) == set(KEY_FLAGS)
    assert set(CONFIG.keys) == {key for key in KEY_FLAGS if given(key)}
    assert {flag for flag in KEY_FLAGS.values() if flag} <= set(RECORD["flags"])


@pytest.mark.parametrize("key", KEY_FLAGS)
def test_c05_every_key_is_taken_or_names_its_flag(key: str) -> None:
    line = f"{key} {GOOD_VALUES[key]}"
    if given(key):
        changes_nothing = "default" in ROWS[key] or key in config.WITHOUT_EFFECT
        assert taken(line) != Settings() or changes_nothing
        return
    flag = KEY_FLAGS[key]
    if flag in RECORD["planned"]:
        assert refusal(line) == f"test.conf:1: '{line}': not in this version ({flag} is planned)"
    else:
        assert refusal(line) == (
            f"test.conf:1: '{line}': not in this build, it needs {flag}: build with {flag}=1"
        )


@pytest.mark.parametrize("key", KEY_FLAGS)
def test_every_key_wants_a_value(key: str) -> None:
    assert refusal("", f"  {key}  ").startswith(f"test.conf:2: '{key}': ")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("bogus.option 1", "unknown key; opentracker.conf(5) has them all"),
        ("lisen.tcp 127.0.0.1", "unknown key; did you mean listen.tcp?"),
        ("access.witelist /x", "unknown key; did you mean access.whitelist?"),
        ("Tracker.User x", "unknown key; did you mean tracker.user?"),
        ("tracker.user=x", "unknown key; did you mean tracker.user?"),
        ("listen.tcp_udp:", "unknown key; did you mean listen.tcp_udp?"),
        ("listen", "unknown key; "),
    ],
)
def test_c05_an_unknown_key(line: str, hint: str) -> None:
    assert refusal("tracker.user a", "", line, "tracker.user b").startswith(f"test.conf:3: '{line}': {hint}")


def test_a_key_that_is_too_long_for_a_typo() -> None:
    longest = max(KEY_FLAGS, key=len)
    just = longest + "#" * (config.LONGEST_TYPO - len(longest))
    assert config.nearest_key(just) == longest
    for key in KEY_FLAGS:
        longer = key.ljust(config.LONGEST_TYPO + 1, "#")
        assert difflib.get_close_matches(longer, KEY_FLAGS, 1) == []
    assert config.nearest_key(longest + "#" * (1 << 24)) == ""


# ---- Addresses ---------------------------------------------------------------------------------------------


@needs_ipv4
def test_c01_both_sockets() -> None:
    address = packed("127.0.0.1")
    assert taken("listen.tcp_udp 127.0.0.1:6969").binds == [
        Bind(False, address, 6969),
        Bind(True, address, 6969),
    ]


@pytest.mark.parametrize("blank", ["\t", " \t ", "  ", "\v", "\f"])
def test_c02_blanks(blank: str) -> None:
    assert taken(f"{blank}listen.tcp{blank}{ENDPOINT}:6970{blank}").binds == [Bind(False, packed(HOME), 6970)]


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("[::1]:7000", "::1", 7000),
        ("::1", "::1", 6969),
        ("[::1]", "::1", 6969),
        ("[::]:0", "::", 0),
        ("127.0.0.1", "127.0.0.1", 6969),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
        ("0.0.0.0:80", "0.0.0.0", 80),
    ],
)
def test_c03_addresses(value: str, host: str, port: int) -> None:
    served = not (WANT_V4_ONLY if ":" in host else WANT_V6)
    if served:
        assert taken(f"listen.udp {value}").binds == [Bind(True, packed(host), port)]
    else:
        only = "WANT_V4_ONLY" if ":" in host else "WANT_V6"
        assert refusal(f"listen.udp {value}").endswith(f" only ({only})")


@pytest.mark.parametrize("key", ["listen.tcp", "listen.udp", "listen.tcp_udp"])
@pytest.mark.parametrize(
    "value",
    ["notanaddr", "1.2.3", "1.2.3.4:99999", "1.2.3.4:", "[::1", "[::1]80", ":6969", "6969", "1.2.3.4 # mine"],
)
def test_c04_what_is_no_address(key: str, value: str) -> None:
    assert refusal(f"{key} {value}").startswith(f"test.conf:1: '{key} {value}': '")


def test_binds_come_in_their_order() -> None:
    lines = [f"listen.tcp {ENDPOINT}:1", f"listen.udp {ENDPOINT}:2", f"listen.tcp {ENDPOINT}:3"]
    assert [(bind.udp, bind.port) for bind in taken(*lines).binds] == [(False, 1), (True, 2), (False, 3)]


# ---- The text of a file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_c06_comments_and_line_ends(end: bytes, last: bool) -> None:
    lines = [b"# a comment", b"", b"   \t", b"  # another", b"tracker.user somebody", b"#tracker.user x"]
    settings = Settings()
    CONFIG.take_text(settings, end.join(lines) + end * last, "test.conf")
    assert settings == taken("tracker.user somebody")
    settings = Settings()
    CONFIG.take_text(settings, end.join(reversed(lines)) + end * last, "test.conf")
    assert settings.user == "somebody"


def test_an_empty_file_changes_nothing() -> None:
    assert taken(b"") == Settings()


def test_c07_a_long_line_is_one_line() -> None:
    long = "/".join(["directory"] * 200)
    assert taken("# " + "x" * 100_000, f"tracker.rootdir {long}").directory == Path(long)
    text = refusal(f"tracker.user {'x y' * 1000}")
    assert text.endswith("...': expected the name of a user")
    assert len(text) < 300


def test_bytes_that_are_no_utf8() -> None:
    settings = taken(b"# \xff\xfe", b"tracker.rootdir /srv/\xe4\xff")
    assert os.fsencode(settings.directory) == b"/srv/\xe4\xff"
    assert refusal(b"tr\xffacker.user x") == (
        "test.conf:1: 'tr\\udcffacker.user x': unknown key; did you mean tracker.user?"
    )
    assert refusal(b"tracker.user \x1b[31m\0") == (
        "test.conf:1: 'tracker.user \\x1b[31m\\x00': expected the name of a user"
    )
    assert refusal(b"tracker.rootdir /srv/\0x").endswith("\\x00x': expected a path")


def test_a_path_may_hold_blanks() -> None:
    assert taken("tracker.rootdir /srv/open tracker # 1  ").directory == Path("/srv/open tracker # 1")


@pytest.mark.parametrize(
    "value",
    [
        *(
            "http://x/ y",
            "http://x/\ry",
            "http://x/\u00e4",
            "http://x/\x01",
            "http:///",
            "http://?x",
            "http://",
        ),
        *("example.org", "/somewhere", "ftp://example.org/", "javascript:alert(1)"),
    ],
)
def test_c11_a_redirect_that_is_no_header(value: str) -> None:
    text = refusal(f"tracker.redirect_url {value}")
    assert text.endswith("expected a URL as in https://tracker.example/, of printable ASCII without spaces")
    assert text.startswith("test.conf:1: 'tracker.redirect_url ")


# ---- Values ------------------------------------------------------------------------------------------------


KEYS_OF_WORKERS = ["listen.udp.workers", *["listen.workers"] * RECORD["flags"]["WANT_WORKERS"]]


@pytest.mark.parametrize("key", KEYS_OF_WORKERS)
@pytest.mark.parametrize(("value", "workers"), [("0", 1), ("1", 1), ("01", 1)])
def test_c12_one_process(key: str, value: str, workers: int) -> None:
    assert taken(f"{key} {value}").workers == workers


@pytest.mark.needs("WANT_WORKERS")
@pytest.mark.parametrize("key", KEYS_OF_WORKERS)
@pytest.mark.parametrize(("value", "workers"), [("2", 2), ("64", 64)])
def test_c12_several_processes(key: str, value: str, workers: int) -> None:
    assert taken(f"{key} {value}").workers == workers


@pytest.mark.needs("WANT_WORKERS")
def test_c12_as_many_processes_as_cores() -> None:
    assert taken("listen.workers auto").workers == min(len(os.sched_getaffinity(0)), 64)


@pytest.mark.needs("WANT_WORKERS")
@pytest.mark.parametrize("value", ["65", "9" * 5000, "-1", "abc", "1.0", "²"])
def test_c12_no_number_of_processes(value: str) -> None:
    assert refusal(f"listen.workers {value}").endswith("': expected a number, 0 to 64, or auto")


@pytest.mark.needs(WANT_WORKERS=False)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2", "expected 0 or 1: not in this build, it needs WANT_WORKERS: build with WANT_WORKERS=1"),
        ("auto", "expected 0 or 1"),
        ("-1", "expected 0 or 1"),
    ],
)
def test_c12_several_processes_are_not_in_this_build(value: str, expected: str) -> None:
    assert refusal(f"listen.udp.workers {value}").endswith(f"': {expected}")


# The rights that a key gives to networks.
RIGHTS = {
    "access.stats": MAY_STAT,
    "access.proxy": MAY_PROXY,
    "access.fullscrape": MAY_FULLSCRAPE,
    "livesync.cluster.node_ip": MAY_LIVESYNC,
}


@pytest.mark.parametrize("key", [key for key in RIGHTS if given(key)] or [None])
def test_c08_c09_networks(key: str | None) -> None:
    if key is None:
        pytest.skip("this build has no key that blesses networks")
    settings = taken(f"{key} 10.0.0.0/8", f"{key} 2001:db8::/32")
    for address, right in [
        ("10.255.255.255", RIGHTS[key]),
        ("11.0.0.0", 0),
        ("2001:db8::1", RIGHTS[key]),
        ("2001:db9::", 0),
    ]:
        assert settings.permissions.rights(packed(address)) == right
    for bad in ("1.2.3.4/99", "1.2.3.4/33", "1.2.3.4/-1", "2001:db8::/129", "1.2.3.4/", "host.example", ""):
        assert refusal(f"{key} {bad}").startswith(f"test.conf:1: '{f'{key} {bad}'.strip()}': ")


@pytest.mark.parametrize("key", [key for key in RIGHTS if given(key)] or [None])
def test_c10_more_than_64_networks(key: str | None) -> None:
    if key is None:
        pytest.skip("this build has no key that blesses networks")
    settings = taken(*[f"{key} 10.0.{number}.0/24" for number in range(200)])
    assert all(settings.permissions.rights(bytes([10, 0, each, 9])) == RIGHTS[key] for each in range(200))
    assert settings.permissions.rights(bytes([10, 0, 200, 9])) == 0


def test_a18_both_kinds_of_access_list() -> None:
    """No build has both, so one of them is refused."""
    text = refusal("access.blacklist a", "access.whitelist b")
    missing = "BLACK" if WANT_ACCESSLIST_WHITE or not given("access.blacklist") else "WHITE"
    assert f"it needs WANT_ACCESSLIST_{missing}: " in text


def test_what_syncs_no_more_is_accepted_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert taken("# x", "batchsync.cluster.admin_ip 10.1.1.1") == Settings()
    assert caplog.messages == ["test.conf:2: batchsync.cluster.admin_ip is accepted and has no effect"]


# ---- The order of things -----------------------------------------------------------------------------------


def test_later_lines_override_or_add() -> None:
    settings = taken("tracker.user a", f"listen.tcp {HOME}", "tracker.user b", f"listen.udp {HOME}")
    assert settings.user == "b"
    assert len(settings.binds) == 2


def test_c17_a_file_is_read_where_it_stands(tmp_path: Path) -> None:
    """Each `-f` at its place: the last that is said holds, what can be said often adds up, `-i` goes on behind it."""
    first, second = tmp_path / "first.conf", tmp_path / "second.conf"
    first.write_text(f"tracker.user first\nlisten.udp {ENDPOINT}:1\ntracker.redirect_url http://first/\n")
    second.write_text(f"tracker.user second\nlisten.tcp {ENDPOINT}:2")
    settings = settings_of(
        "-u", "before", "-i", HOME, "-f", str(first), "-p", "3", "-f", str(second), "-r", "http://behind/"
    )
    address = packed(HOME)
    assert settings.binds == [Bind(True, address, 1), Bind(False, address, 3), Bind(False, address, 2)]
    assert settings.user == "second"
    assert settings.redirect_url == "http://behind/"
    assert settings.config_files == [str(first), str(second)]
    assert settings_of("-f", str(second), "-u", "behind").user == "behind"


def test_options_and_keys_give_the_same() -> None:
    options = settings_of("-r", "http://x/", "-d", "/srv", "-u", "somebody")
    assert options == taken("tracker.redirect_url http://x/", "tracker.rootdir /srv", "tracker.user somebody")
    assert settings_of("-A", "10.0.0.0/8").permissions.rights(bytes([10, 1, 1, 1])) == ADMINISTRATOR


# ---- Files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing.conf", "No such file or directory"), (".", "Is a directory"), ("file/x", "Not a directory")],
)
def test_c15_a_file_that_cannot_be_read(
    name: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["-f", f"{tmp_path}/{name}"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"opentracker: cannot read the config file {tmp_path}/{name}: {reason}\n")


def test_c15_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.conf"
    path.touch(0)
    user = os.geteuid()
    if user == 0:  # who may read every file
        os.seteuid(NOBODY)
    try:
        with pytest.raises(
            ConfigError, match=r"cannot read the config file .*secret\.conf: Permission denied"
        ):
            CONFIG.load(Settings(), str(path))
    finally:
        os.seteuid(user)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs a file without an end")
def test_a_file_without_an_end() -> None:
    with pytest.raises(ConfigError, match="the config file /dev/zero is larger than 16 MiB"):
        CONFIG.load(Settings(), "/dev/zero")


def test_c04_nothing_is_bound_by_a_wrong_file(tmp_path: Path) -> None:
    path = tmp_path / "opentracker.conf"
    path.write_text(f"listen.tcp {ENDPOINT}:0\nlisten.udp notanaddr\n")
    status, out, err = run("-f", str(path))
    assert (status, out) == (1, "")
    assert err.startswith(f"opentracker: {path}:2: 'listen.udp notanaddr': 'notanaddr' is not an ")
    assert err.count("\n") == 1  # no usage: the command line is not what is wrong
    assert run("-t", "-f", str(path)) == (status, out, err)


def test_a_tracker_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "opentracker.conf"
    path.write_text(
        f"listen.tcp_udp {ENDPOINT}:0\r\nlisten.udp {ENDPOINT}:0\r\ntracker.rootdir {tmp_path}\r\n"
    )
    with Tracker("-f", str(path), *allow(tmp_path), sockets=3) as tracker:
        assert [(kind, host) for kind, host, _ in tracker.endpoints] == [
            ("TCP", HOME),
            ("UDP", HOME),
            ("UDP", HOME),
        ]


# ---- Debian's --------------------------------------------------------------------------------------------

# The settings of Debian's package.
DEBIAN_SETS = {
    "access.whitelist": "/etc/opentracker/whitelist.txt",
    "tracker.rootdir": "/etc/opentracker",
    "tracker.user": "_opentracker",
}
DEBIANS_FILE = Path("/etc/opentracker/opentracker.conf")


def check_debian(text: bytes, name: str, line: int) -> None:
    """A whitelist build takes Debian's config, every other names what it lacks."""
    settings = Settings()
    if WANT_ACCESSLIST_WHITE:
        CONFIG.take_text(settings, text, name)
        assert PATHS_BY_KEY["access.whitelist"].of(settings) == Path(DEBIAN_SETS["access.whitelist"])
        assert settings.directory == Path(DEBIAN_SETS["tracker.rootdir"])
        assert settings.user == DEBIAN_SETS["tracker.user"]
        assert settings.binds == []
        return
    with pytest.raises(ConfigError) as caught:
        CONFIG.take_text(settings, text, name)
    assert str(caught.value) == (
        f"{name}:{line}: 'access.whitelist /etc/opentracker/whitelist.txt': "
        "not in this build, it needs WANT_ACCESSLIST_WHITE: build with WANT_ACCESSLIST_WHITE=1"
    )


def test_debians_config_as_it_sets_things() -> None:
    lines = ["# what the tracker of a distribution starts with", ""]
    lines += [f"{key}\t  {value}" for key, value in DEBIAN_SETS.items()]
    text = "\n".join(lines).replace("access.whitelist\t  ", "access.whitelist ")
    check_debian(text.encode(), "debian.conf", 3)


@pytest.mark.skipif(not DEBIANS_FILE.exists(), reason="Debian's package is not installed here")
def test_debians_config_as_it_is_installed() -> None:
    text = DEBIANS_FILE.read_bytes()
    if f"access.whitelist {DEBIAN_SETS['access.whitelist']}".encode() not in text.splitlines():
        pytest.skip("the config file here is not as Debian's package has it")
    number = text.splitlines().index(f"access.whitelist {DEBIAN_SETS['access.whitelist']}".encode()) + 1
    check_debian(text, str(DEBIANS_FILE), number)
