"""A bill of materials of a wheel: CycloneDX, made of the build record and the requirements that lie in the wheel.

It names the requirements with the ranges that the wheel asks for: an installer chooses the versions. It has neither a
time nor a random number, so that the same wheel has the same bill.
"""

import hashlib
import json
import re
import uuid
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

SPEC: Final = "1.6"
# A serial number has to be unique, and is made of the wheel's checksum.
NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://pypi.org/project/opentracker/")


def bill(wheel: Path) -> dict[str, Any]:
    """Return the bill of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record = json.loads(read(archive, names, ".dist-info/extra_metadata/opentracker.json"))
        metadata = Parser().parsestr(read(archive, names, ".dist-info/METADATA"))
    checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
    reference = f"pkg:pypi/{metadata['Name']}@{metadata['Version']}?file_name={wheel.name}"
    components = [component(requirement) for requirement in metadata.get_all("Requires-Dist", [])]
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, checksum)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": reference,
                "name": metadata["Name"],
                "version": metadata["Version"],
                "description": metadata["Summary"],
                "licenses": [{"expression": metadata["License-Expression"]}],
                "purl": reference,
                "hashes": [{"alg": "SHA-256", "content": checksum}],
                "properties": properties(record),
            }
        },
        "components": components,
        "dependencies": [
            {"ref": reference, "dependsOn": [each["bom-ref"] for each in components]},
            *({"ref": each["bom-ref"]} for each in components),
        ],
    }


def read(archive: zipfile.ZipFile, names: list[str], ending: str) -> str:
    """Return the one file of a wheel whose name ends so."""
    (name,) = (name for name in names if name.endswith(ending))
    return archive.read(name).decode("utf-8")


def component(requirement: str) -> dict[str, Any]:
    """Return a requirement as a component: `librt<0.18,>=0.11`, with its marker if it has one."""
    asked, _, marker = requirement.partition(";")
    name = re.match(r"[A-Za-z0-9._-]+", asked)
    assert name is not None
    normal = re.sub(r"[-_.]+", "-", name[0]).lower()
    found = {"opentracker:range": asked[name.end() :].strip(), "opentracker:marker": marker.strip()}
    return {
        "type": "library",
        "bom-ref": f"pkg:pypi/{normal}",
        "name": normal,
        "purl": f"pkg:pypi/{normal}",
        "scope": "required",
        "properties": [{"name": key, "value": value} for key, value in found.items() if value],
    }


def properties(record: dict[str, Any]) -> list[dict[str, str]]:
    """Return a build record as properties: its profile, its flags and its constants."""
    values = {
        "profile": record["profile"],
        "compiled": str(record["compiled"]).lower(),
        **{name: str(int(value)) for name, value in record["flags"].items()},
        **{name: str(value) for name, value in record["constants"].items()},
    }
    return [{"name": f"opentracker:{name}", "value": value} for name, value in values.items()]


def write_bill(wheel: Path) -> Path:
    """Write the bill of a wheel beside it, and return its path."""
    path = wheel.with_name(wheel.name + ".cdx.json")
    path.write_text(json.dumps(bill(wheel), indent=2) + "\n", encoding="utf-8")
    return path
