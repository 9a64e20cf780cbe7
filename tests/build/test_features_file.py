"""Reading features.toml: everything that is not as it has to be is one line with its place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from build_hook.errors import BuildError
from build_hook.features_file import load_features

# (text to replace, what with, the message)
BROKEN = [
    ("[flags]", "[flags", "not TOML: "),
    ("[modules]", "[modulos]", "features.toml:41: [modulos] is not a table of a features file: the nearest known one is modules"),
    ("[profile.open]", "[profile]\nopen = 3", "features.toml:56: profile.open = 3 must be a table"),
    ("[interpreted]", "[[interpreted]]", "features.toml:50: interpreted = [{"),
    ("[[requires]]\nflag = \"WANT_SYNC_LIVE\"\nany", "[requires]\nany", "not TOML: "),
    ('planned = ["WANT_FULLSCRAPE", "WANT_SYNC_LIVE"]', 'planned = "WANT_V6"', "features.toml:2: planned must be a list of flags, not 'WANT_V6'"),
    ('planned = ["WANT_FULLSCRAPE", "WANT_SYNC_LIVE"]', 'conflicts = ["WANT_V6"]', "not TOML: "),
    ("WANT_V6 = false", "WANT_V6 = 0", "features.toml:5: WANT_V6 = 0: a flag is true or false"),
    ("WANT_V6 = false", "V6 = false", "features.toml:5: 'V6': the name of a flag is WANT_ and letters A-Z, digits, _"),
    ("WANT_V6 = false", "WANT_v6 = false", "features.toml:5: 'WANT_v6': the name of a flag is WANT_ and letters A-Z"),
    ("WANT_V6 = false", '"WANT_V6 = 1; import os #" = false', "features.toml:5: 'WANT_V6 = 1; import os #': the name of a flag is"),
    ("WANT_V6 = false", '"WANT_V6\\n" = false', "features.toml:4: 'WANT_V6\\n': the name of a flag is"),
    ("OT_INTERVAL = {", "INTERVAL = {", "features.toml:20: 'INTERVAL': the name of a constant is OT_ and letters A-Z, digits, _"),
    ("OT_INTERVAL = {", '"OT_INTERVAL: int = 1\\nimport os\\nOT_X" = {', "features.toml:19: 'OT_INTERVAL: int = 1\\nimport os\\nOT_X': the name of a constant is"),
    ('12000, unit = "s"', '12000, unit = "s\\nimport os"', "features.toml:20: OT_INTERVAL: unit = 's\\nimport os' is not a line of text"),
    ('12000, unit = "s"', "12000, unit = 1", "features.toml:20: OT_INTERVAL: unit = 1 is not a line of text"),
    ("[profile.whitelist]", '[profile."white\\"list"]', "'white\"list': the name of a profile is letters, digits, _ and -"),
    ("value = 1800,", "", "features.toml:20: OT_INTERVAL must be { value, min, max, unit }, not "),
    ("value = 1800", 'value = "1800"', "features.toml:20: OT_INTERVAL: value = '1800' is not a whole number"),
    ('max = "OT_INTERVAL"', 'max = "OT_X"', "features.toml:21: OT_VARIATION: 'OT_X' is no number and no constant"),
    ('"WANT_SYNC_LIVE"]', '"WANT_SYNC"]', "features.toml:2: WANT_SYNC is not a flag: the nearest known one is WANT_SYNC_LIVE"),
    ('["WANT_V6", "WANT_V4_ONLY"]', '["WANT_V6", "WANT_V4"]', "features.toml:24: WANT_V4 is not a flag: "),
    ('["WANT_V6", "WANT_V4_ONLY"]', "[]", "features.toml:24: flags must be a list of flags, not []"),
    ('flag = "WANT_GZIP"', 'flag = "WANT_ZIP"', "features.toml:34: WANT_ZIP is not a flag: the nearest known one is WANT_GZIP"),
    ('= ["WANT_DYNAMIC"]', '= ["DYNAMIC"]', "features.toml:43: DYNAMIC is not a flag: "),
    ('= ["WANT_DYNAMIC"]', '= ["!DYNAMIC"]', "features.toml:43: DYNAMIC is not a flag: "),
    ('= ["WANT_DYNAMIC"]', '= "!WANT_DYNAMIC"', "features.toml:43: features.dynamic must be a list of flags, not '!WANT_DYNAMIC'"),
    ("WANT_GZIP = [", "WANT_GZ = [", "features.toml:48: WANT_GZ is not a flag: "),
    ('["gzip-stream>=1.2"]', '"gzip-stream"', "features.toml:48: WANT_GZIP must be a list of requirements, not 'gzip-stream'"),
    ('"cli" = "runs once"', '"cli" = ""', "features.toml:53: cli must be a text that says why, not ''"),
    ("WANT_ACCESSLIST_WHITE = true", "WANT_ACCESLIST_WHITE = true", "features.toml:58: WANT_ACCESLIST_WHITE is no flag and no constant: the nearest known one is WANT_ACCESSLIST_WHITE"),
    ("WANT_ACCESSLIST_WHITE = true", "WANT_ACCESSLIST_WHITE = 1", "features.toml:58: WANT_ACCESSLIST_WHITE = 1: a flag is true or false"),
    ("OT_INTERVAL = 900", "OT_INTERVAL = true", "features.toml:59: OT_INTERVAL = True: a constant is a whole number"),
    ('WANT_GREETING = ["core"]', 'WANT_HELLO = ["core"]', "features.toml:68: WANT_HELLO is not a flag: "),
    ('WANT_GREETING = ["core"]', 'WANT_GREETING = "core"', "features.toml:68: WANT_GREETING must be a list of modules, not 'core'"),
    ('title = "Greetings"', "title = 1", "features.toml:70: greetings must be { title, text }: 1 is no text"),
    ('section = "greetings"', 'section = "greeting"', "features.toml:76: greeting is not a section: the nearest known one is greetings"),
    ('[keys."greeting.text"]\nflag = "WANT_GREETING"', '[keys."greeting.text"]\nflag = "WANT_HELLO"', "features.toml:75: WANT_HELLO is not a flag: "),
    ('[keys."greeting.text"]', '[keys."Greeting text"]', "'Greeting text': a key is letters a-z, digits, _ and dots"),
    ('form = "text"', 'from = "text"', "features.toml:74: greeting.text must be { section, form, text, default or example, flag, repeatable }: "),
    ('[options]\ng = "WANT_GREETING"', '[options]\ng = "WANT_HELLO"', "features.toml:88: WANT_HELLO is not a flag: "),
    ('[options]\ng = "WANT_GREETING"', '[options]\ngo = "WANT_GREETING"', "features.toml:88: 'go': an option is one letter"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), BROKEN, ids=[new for _, new, _ in BROKEN])
def test_a_broken_file_is_one_line_with_its_place(
    project: Path, choose: Callable[..., Any], old: str, new: str, message: str
) -> None:
    path = project / "features.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BuildError) as caught:
        choose()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"none\.toml: No such file or directory"):
        load_features(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(BuildError, match=r"latin\.toml: not UTF-8 at byte 2"):
        load_features(tmp_path / "latin.toml")


def test_every_key_has_its_line(project: Path) -> None:
    features = load_features(project / "features.toml")
    lines = (project / "features.toml").read_text().splitlines()
    for name in features.flags:
        assert lines[int(features.where("flags", name).rpartition(":")[2]) - 1].startswith(name)
    for number, flags in enumerate(features.conflicts):
        assert (
            str(flags).replace("'", '"')
            in lines[int(features.where(f"conflicts#{number}", "flags").rpartition(":")[2]) - 1]
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flags = 3", "flags = 3 must be a table"),
        ("conflicts = ['WANT_V6']", "conflicts = ['WANT_V6'] must be tables: [[conflicts]]"),
        ("requires = 1", "requires = 1 must be tables: [[requires]]"),
        ("[[requires]]", "None is not a flag: there are none"),
        (
            "[keys]\nx = 3",
            "x must be { section, form, text, default or example, flag, repeatable }: 3 is no table",
        ),
        ("[constants]\nOT_X = 3", "OT_X must be { value, min, max, unit }, not 3"),
    ],
)
def test_a_table_of_the_wrong_kind_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "features.toml"
    path.write_text(text)
    with pytest.raises(BuildError) as caught:
        load_features(path)
    assert str(caught.value).endswith(message)
