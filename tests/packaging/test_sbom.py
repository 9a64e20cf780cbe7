"""Bills of materials: what a wheel is, and what it asks for."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from builder.release import main
from builder.sbom import bill
from builder.variants import VARIANTS

METADATA = """\
Metadata-Version: 2.4
Name: opentracker
Version: 0.1.0
Summary: A BitTorrent tracker
License-Expression: MIT
Requires-Dist: librt<0.18,>=0.11
Requires-Dist: mypy_extensions>=1.0
Requires-Dist: backports.zstd>=1.0; python_version < '3.14'
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "opentracker-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("opentracker-0.1.0.dist-info/METADATA", METADATA)
        record = json.dumps(VARIANTS["whitelist"].record())
        archive.writestr("opentracker-0.1.0.dist-info/extra_metadata/opentracker.json", record)
    return path


def properties(thing: dict[str, Any]) -> dict[str, str]:
    return {each["name"].removeprefix("opentracker:"): each["value"] for each in thing["properties"]}


def test_the_tracker_is_told_by_its_record_and_checksum(wheel: Path) -> None:
    about = bill(wheel)["metadata"]["component"]
    assert (about["name"], about["version"]) == ("opentracker", "0.1.0")
    assert about["licenses"] == [{"expression": "MIT"}]
    assert about["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
    told = properties(about)
    assert (told["profile"], told["compiled"]) == ("debian", "false")
    assert (told["WANT_ACCESSLIST_WHITE"], told["WANT_V6"], told["OT_PEER_TIMEOUT"]) == ("1", "0", "45")


def test_requirements_are_components_with_their_ranges(wheel: Path) -> None:
    made = bill(wheel)
    parts = {each["purl"]: properties(each) for each in made["components"]}
    assert parts == {
        "pkg:pypi/librt": {"range": "<0.18,>=0.11"},
        "pkg:pypi/mypy-extensions": {"range": ">=1.0"},
        "pkg:pypi/backports-zstd": {"range": ">=1.0", "marker": "python_version < '3.14'"},
    }
    (tracker, *_) = made["dependencies"]
    assert tracker == {"ref": made["metadata"]["component"]["bom-ref"], "dependsOn": list(parts)}


def test_the_same_wheel_has_the_same_bill_beside_it(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sbom", str(wheel)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == wheel.with_name(wheel.name + ".cdx.json")
    assert json.loads(path.read_text()) == bill(wheel)


def test_the_bill_keeps_to_the_schema(wheel: Path) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json", reason="needs cyclonedx-python-lib")
    schema = pytest.importorskip("cyclonedx.schema")
    fault = validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(json.dumps(bill(wheel)))
    assert fault is None
