"""What the services are made of, as a CycloneDX 1.6 document: `python -m deploy.sbom [FILE]`. Nothing is fetched.

The pins of requirements/run.txt say what and with which hashes; licences are read from what is installed. The same pins
give the same document, so that two of them can be compared.
"""

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from deploy.local.layout import ROOT

PINS: Final = ROOT / "requirements" / "run.txt"
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]+\])?==(\S+)(?: ; ([^\\\n]+))?", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def sbom(pins: str) -> dict[str, Any]:
    """Return the document of some pins."""
    starts = list(_PIN.finditer(pins))
    ends = [each.start() for each in starts[1:]] + [len(pins)]
    parts = [_component(each, pins[each.end() : end]) for each, end in zip(starts, ends, strict=True)]
    root = {"type": "application", "bom-ref": "recours", "name": "recours", "licenses": [{"expression": "Apache-2.0"}]}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, pins)}",
        "version": 1,
        "metadata": {"component": root},
        "components": parts,
        "dependencies": [{"ref": "recours", "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def _component(pin: "re.Match[str]", rest: str) -> dict[str, Any]:
    name, version, marker = pin.groups()
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    files = sorted(set(_HASH.findall(rest)))  # one for each file that the pin allows
    told: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    told["licenses"] = _licences(name)
    told["externalReferences"] = [
        {"type": "distribution", "url": f"{purl}#{digest[:12]}", "hashes": [{"alg": "SHA-256", "content": digest}]}
        for digest in files
    ]
    if marker:
        told["properties"] = [{"name": "recours:marker", "value": marker.strip()}]
    return told


def _licences(name: str) -> list[dict[str, Any]]:
    """Return what an installed package says of its licence; nothing where it is not installed, or says nothing."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return []
    if "License-Expression" in told:
        return [{"expression": told["License-Expression"]}]
    classified = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or () if each.startswith("License :: ")]
    return [{"license": {"name": each}} for each in dict.fromkeys(classified)]


def main() -> None:
    written = json.dumps(sbom(PINS.read_text()), indent=1) + "\n"
    if len(sys.argv) > 1:
        Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
        Path(sys.argv[1]).write_text(written)
        print(f"{sys.argv[1]}: {written.count('bom-ref') - 1} components")
    else:
        print(written, end="")


if __name__ == "__main__":
    main()
