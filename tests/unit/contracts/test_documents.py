"""What is published under docs/ is what the code says, and every reference in it leads somewhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from asyncapi3.models import AsyncAPI3

from deploy.docs.asyncapi import asyncapi
from deploy.docs.documents import DOCS, SCHEMAS, generated
from deploy.docs.schemas import EVENTS
from deploy.local.layout import SERVICES
from deploy.local.provision import wanted_topics

GENERATED = generated()
DOCUMENT = yaml.safe_load((DOCS / "events" / "asyncapi.yaml").read_text())


@pytest.mark.parametrize("path", sorted(GENERATED), ids=lambda path: path.name)
def test_every_generated_document_is_up_to_date(path: Path) -> None:
    assert path.read_text() == GENERATED[path], "stale: run `make docs` and commit what it writes"


def test_nothing_lies_beside_the_generated_documents() -> None:
    there = {*SCHEMAS.glob("*"), *(DOCS / "api").glob("*.json")}
    assert there <= set(GENERATED)


def test_documents_are_written_alike_twice() -> None:
    assert generated() == GENERATED


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for held in node.values():
            yield from references(held)
    elif isinstance(node, list):
        for held in node:
            yield from references(held)


def lead_nowhere(document: dict[str, Any]) -> list[str]:
    broken = []
    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
        if node is None or not reference.startswith("#/"):
            broken.append(reference)
    return broken


@pytest.mark.parametrize("service", SERVICES)
def test_every_reference_of_an_openapi_document_leads_somewhere(service: str) -> None:
    document = json.loads((DOCS / "api" / f"{service}.json").read_text())
    assert document["openapi"].startswith("3.1")
    assert lead_nowhere(document) == []


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    assert lead_nowhere(DOCUMENT) == []
    assert lead_nowhere({"a": {"$ref": "#/b/c"}}) == ["#/b/c"]


def test_the_asyncapi_document_is_valid_asyncapi_3() -> None:
    AsyncAPI3.model_validate(DOCUMENT)
    with pytest.raises(ValueError, match="action"):
        AsyncAPI3.model_validate({**DOCUMENT, "operations": {"x": {"channel": {"$ref": "#/channels/remit-received"}}}})


def test_the_asyncapi_document_names_every_topic_and_only_what_exists() -> None:
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == set(wanted_topics())
    sent = {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values() if operation["action"] == "send"}
    assert sent == {f"#/channels/{channel}" for channel in DOCUMENT["channels"]}


def test_every_channel_holds_the_messages_that_its_operations_name() -> None:
    for name, operation in DOCUMENT["operations"].items():
        channel = DOCUMENT["channels"][operation["channel"]["$ref"].removeprefix("#/channels/")]
        for message in operation["messages"]:
            assert message["$ref"].rpartition("/")[2] in channel["messages"], name


def test_every_event_and_every_field_is_described() -> None:
    for event in EVENTS:
        schema = GENERATED[SCHEMAS / f"{event.name}.v1.json"]
        for name, definition in json.loads(schema)["$defs"].items():
            assert definition.get("description"), name
            for field, told in definition["properties"].items():
                assert told.get("description"), f"{name}.{field}"


def test_the_document_is_made_of_plain_values() -> None:
    assert json.loads(json.dumps(asyncapi())) == DOCUMENT
