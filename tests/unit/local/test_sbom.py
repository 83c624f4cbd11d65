"""The bill of materials is valid CycloneDX, holds every pin with its hashes, and is the same each time."""

import json
import re

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.sbom import PINS, sbom


def test_every_pin_is_a_component_with_the_hashes_of_its_files() -> None:
    pins = PINS.read_text()
    parts = sbom(pins)["components"]
    told = {each["name"]: each for each in parts}
    names = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]+\])?==", pins, re.MULTILINE)
    assert [each["name"] for each in parts] == names  # one that differs by version of Python stands in it twice
    assert len({each["bom-ref"] for each in parts}) == len(names)
    assert sum(len(each["externalReferences"]) for each in parts) == len(set(re.findall(r"sha256:\w+", pins)))
    assert told["fastapi"]["licenses"] == [{"expression": "MIT"}]
    assert told["fastapi"]["purl"].startswith("pkg:pypi/fastapi@")


def test_the_document_is_valid_and_the_same_each_time() -> None:
    pins = PINS.read_text()
    written = json.dumps(sbom(pins))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written) is None
    assert written == json.dumps(sbom(pins))
