"""The man pages and the sample config: of every option, key and flag, and of nothing else. Threats and their tests."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from opentracker import cli
from opentracker._features import BUILD_RECORD, KEY_FLAGS, OPTION_FLAGS
from opentracker.config.settings import Settings
from opentracker.errors import ConfigError
from opentracker.server.wiring import CONFIG

ROOT = Path(__file__).parents[1]
MAN = ROOT / "docs" / "man"
OPTIONS_PAGE = (MAN / "opentracker.1").read_text()
KEYS_PAGE = (MAN / "opentracker.conf.5").read_text()
SAMPLE = (ROOT / "opentracker.conf.sample").read_text()
RECORD = json.loads(BUILD_RECORD)
FLAGS: dict[str, bool] = RECORD["flags"]
# A line of the sample that is a key, commented out: no blank behind the #.
SAMPLE_KEY = re.compile(r"^#([a-z]\S*) (.+)$", re.MULTILINE)
FEATURES = tomllib.loads((ROOT / "features.toml").read_text(encoding="utf-8"))
# Keys whose line there is the default, not an example.
DEFAULTS = {key for key, row in FEATURES["keys"].items() if "default" in row}
# Keys whose address has to be of a family that is built in.
OF_A_FAMILY = {
    "listen.tcp_udp",
    "listen.tcp",
    "listen.udp",
    "listen.stats",
    "listen.tls",
}


def section(page: str, title: str) -> str:
    """The text of a man page's section."""
    return page.partition(f"\n.Sh {title}\n")[2].partition("\n.Sh ")[0]


def items(text: str, macro: str) -> list[str]:
    """The words behind a macro in tagged lists."""
    return re.findall(rf"^\.It {macro} (.+)$", text, re.MULTILINE)


def described(text: str, item: str) -> str:
    """The paragraph of an item."""
    return text.partition(f"\n.It {item}\n")[2].partition("\n.It ")[0]


# ---- Man pages ---------------------------------------------------------------------------------------------


def test_every_option_is_in_the_man_page() -> None:
    letters = {option.letter for option in cli.OPTIONS} | set(OPTION_FLAGS) | {"v", "h"}
    found = {word for line in items(OPTIONS_PAGE, "Fl") for word in line.split(" , Fl ")}
    names = {word.split()[0] for word in found}
    assert names == letters | {f"-{name}" for name in cli.LONG_OPTIONS}
    in_synopsis = set(re.findall(r"Fl (\S+)", section(OPTIONS_PAGE, "SYNOPSIS")))
    assert in_synopsis == names


def test_options_of_the_man_page_have_the_arguments_of_the_help() -> None:
    for option in cli.OPTIONS:
        argument = option.argument.replace("[/bits]", " Ns Op / Ns Ar bits")
        assert f".It Fl {option.letter}{f' Ar {argument}' if argument else ''}\n" in OPTIONS_PAGE


def test_options_that_need_a_feature_name_it() -> None:
    for line in items(section(OPTIONS_PAGE, "OPTIONS"), "Fl"):
        needed = re.findall(r"^\.Dv (WANT_\w+) \.$", described(OPTIONS_PAGE, f"Fl {line}"), re.MULTILINE)
        flag = OPTION_FLAGS.get(line.split()[0])
        assert needed == ([flag] if flag else [])


def test_every_flag_is_in_the_man_page() -> None:
    features = section(OPTIONS_PAGE, "FEATURES")
    assert items(features, "Dv") == list(FLAGS)
    assert set(re.findall(r"\bWANT_\w+", OPTIONS_PAGE + KEYS_PAGE)) == set(FLAGS)


def test_every_key_is_in_the_man_page() -> None:
    found = {line.split()[0]: line for line in items(KEYS_PAGE, "Ic")}
    assert set(found) == set(KEY_FLAGS)
    assert len(items(KEYS_PAGE, "Ic")) == len(found)
    for key, flag in KEY_FLAGS.items():
        needed = re.findall(r"^\.Dv (WANT_\w+) \.$", described(KEYS_PAGE, f"Ic {found[key]}"), re.MULTILINE)
        assert needed == ([flag] if flag else []), key
    assert set(re.findall(r"\.Ic (\S+)", KEYS_PAGE)) <= set(KEY_FLAGS)


@pytest.mark.parametrize("name", sorted(path.name for path in MAN.iterdir()))
@pytest.mark.parametrize("checker", ["mandoc -Tlint -Wwarning", "groff -mandoc -ww -z"])
def test_man_pages_are_in_order(name: str, checker: str) -> None:
    command = checker.split()
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    done = subprocess.run([*command, MAN / name], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ---- For those who run a tracker -----------------------------------------------------------------------------

OPERATING = (ROOT / "docs" / "operating.md").read_text()


def test_the_keys_and_options_that_the_page_names_exist() -> None:
    rooms = {key.partition(".")[0] for key in KEY_FLAGS}
    named = set(re.findall(rf"`((?:{'|'.join(sorted(rooms))})\.[a-z_.]+)", OPERATING))
    assert {key for key in named if not key.endswith(".")} <= set(KEY_FLAGS)
    assert len(named) > 10
    letters = {option.letter for option in cli.OPTIONS} | set(OPTION_FLAGS) | {"v", "h"}
    assert set(re.findall(r"(?:`| )-([a-zA-Z])\b", OPERATING)) <= letters
    assert set(re.findall(r"\bWANT_\w+", OPERATING)) <= set(FLAGS)


def test_the_config_files_of_the_page_are_good_ones() -> None:
    blocks = re.findall(r"^```\n(.*?)^```$", OPERATING, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.split()[0] in KEY_FLAGS]
    assert len(lines) > 4
    for line in lines:
        try:
            CONFIG.take_text(Settings(), line.encode(), "page")
        except ConfigError as error:
            if not re.search("not in this build|not in this version|this build serves", str(error)):
                raise


def test_the_error_that_the_page_shows_is_what_is_said() -> None:
    (shown,) = re.findall(r"^opentracker: (/etc/.*)$", OPERATING, re.MULTILINE)
    name, number, line = re.fullmatch(r"(.*?):(\d+): '(.*)': .*", shown).groups()  # type: ignore[union-attr]
    with pytest.raises(ConfigError) as caught:
        CONFIG.take_text(Settings(), b"\n" * (int(number) - 1) + line.encode(), name)
    assert str(caught.value) == shown


def test_what_the_page_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", OPERATING):
        assert (ROOT / "docs" / target).is_file()


# ---- The sample --------------------------------------------------------------------------------------------


def test_c16_the_sample_parses_back_to_the_defaults(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings()
    CONFIG.take_text(settings, SAMPLE.encode(), "opentracker.conf.sample")
    assert settings == Settings()
    assert caplog.messages == []
    path = ROOT / "opentracker.conf.sample"
    CONFIG.load(settings, str(path))
    assert settings == Settings(config_files=[str(path)])


def test_the_sample_has_every_key_and_no_other() -> None:
    keys = [key for key, _ in SAMPLE_KEY.findall(SAMPLE)]
    assert set(keys) == set(KEY_FLAGS)
    assert max(map(len, SAMPLE.splitlines())) <= 110


@pytest.mark.parametrize(("key", "value"), SAMPLE_KEY.findall(SAMPLE))
def test_every_line_of_the_sample_can_be_taken(key: str, value: str) -> None:
    settings = Settings()
    line = f"{key} {value}".encode()
    flag = KEY_FLAGS[key]
    other_family = "WANT_V4_ONLY" if value.startswith("[") else "WANT_V6"
    if flag and not FLAGS[flag]:
        lacking = flag
    elif key in OF_A_FAMILY and FLAGS[other_family]:
        lacking = other_family
    else:
        lacking = ""
    if lacking:
        with pytest.raises(ConfigError, match=lacking):
            CONFIG.take_text(settings, line, "sample")
        return
    CONFIG.take_text(settings, line, "sample")
    if key.startswith("limits.") and RECORD["changed_constants"]:
        return  # this build has other defaults
    changes_nothing = key in DEFAULTS or key == "batchsync.cluster.admin_ip"
    assert (settings == Settings()) is changes_nothing


def test_the_sample_names_the_flag_that_a_key_needs() -> None:
    for part in re.split(r"^# ---- .*$", SAMPLE, flags=re.MULTILINE)[1:]:
        for paragraph in part.split("\n\n"):
            for key, _ in SAMPLE_KEY.findall(paragraph):
                flag = KEY_FLAGS[key]
                named = set(re.findall(r"WANT_\w+", paragraph)) or set(re.findall(r"WANT_\w+", part))
                assert not flag or flag in named, key
    assert set(re.findall(r"\bWANT_\w+", SAMPLE)) - {"WANT_X"} == set(KEY_FLAGS.values()) - {""}


def test_the_sample_is_plain_text() -> None:
    assert SAMPLE.isascii()
    assert SAMPLE.endswith("\n")


# ---- Security ----------------------------------------------------------------------------------------------

THREAT = re.compile(
    r"^\| (?P<threat>[^|]+) \| [^|]+ \| (?P<cases>[A-Z0-9, -]*?(?: to [A-Z0-9-]+)?):? ?(?P<files>`.+`) \|$",
    re.M,
)
CASES = re.compile(r"([A-Z])-([0-9]+)(?: to \1-([0-9]+))?")
THREATS = list(THREAT.finditer((ROOT / "docs" / "security.md").read_text()))


def cases_in(text: str) -> list[str]:
    """The ids of cases that a row names: `H-34 to H-40` are seven."""
    return [
        f"{letter}-{number:0{len(first)}}"
        for letter, first, last in CASES.findall(text)
        for number in range(int(first), int(last or first) + 1)
    ]


def test_a_range_of_cases_is_all_of_them() -> None:
    assert cases_in("P-1, Y-07 to Y-11, H-40") == ["P-1", "Y-07", "Y-08", "Y-09", "Y-10", "Y-11", "H-40"]


def test_every_threat_of_the_page_was_read() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    table = page.partition("## Threats")[2].partition("\n## ")[0]
    assert len(THREATS) == table.count("\n| ") - 2  # the head and the line below it


@pytest.mark.parametrize("row", THREATS, ids=lambda row: row["threat"][:40])
def test_what_shows_that_a_threat_is_met_is_there(row: re.Match[str]) -> None:
    texts = [(ROOT / name).read_text() for name in re.findall("`([^`]+)`", row["files"])]
    for case in cases_in(row["cases"]):
        named = re.compile(rf"{case}\b|_{case.replace('-', '').lower()}_")
        assert any(named.search(text) for text in texts), f"none of the files of this row names {case}"
