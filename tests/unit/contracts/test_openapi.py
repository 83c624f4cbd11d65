"""The quality of the OpenAPI documents: everything in them has a name, a type and a description."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.docs.documents import DOCS
from deploy.local.layout import SERVICES
from services.classifier.api import ClassifyBody
from services.ingest.claims.body import ClaimBody
from services.ingest.claims.examples import CLAIMS
from services.ingest.example import REMITTANCE

DOCUMENTS = {service: json.loads((DOCS / "api" / f"{service}.json").read_text()) for service in SERVICES}
OPERATIONS = [
    pytest.param(DOCUMENTS[service], operation, id=f"{service} {method.upper()} {path}")
    for service in SERVICES
    for path, methods in DOCUMENTS[service]["paths"].items()
    for method, operation in methods.items()
]
PROBLEM = {"$ref": "#/components/schemas/ProblemDocument"}


@pytest.mark.parametrize(("document", "operation"), OPERATIONS)
def test_an_operation_says_what_it_does_takes_and_answers(document: dict[str, Any], operation: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", operation["operationId"])
    assert operation["summary"]
    assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"] if tag["description"]}
    for parameter in operation.get("parameters", ()):
        assert parameter["in"] == "path" or parameter.get("description") or parameter["schema"].get("description"), parameter[
            "name"
        ]
    for status, response in operation["responses"].items():
        assert ("content" in response) == (status not in ("204", "304")), status  # these have no body
        for media_type, told in response.get("content", {}).items():
            assert told["schema"], status
            assert (told["schema"] == PROBLEM) == (media_type == "application/problem+json")


@pytest.mark.parametrize(("document", "operation"), OPERATIONS)
def test_an_operation_names_the_problems_that_may_come(document: dict[str, Any], operation: dict[str, Any]) -> None:
    if operation["tags"] != ["health"]:
        assert set(operation["responses"]) >= {"400", "500", "503"}
        assert "Retry-After" in operation["responses"]["503"]["headers"]


@pytest.mark.parametrize("service", SERVICES)
def test_operations_have_names_of_their_own(service: str) -> None:
    names = [operation["operationId"] for methods in DOCUMENTS[service]["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


def untyped(node: Any, where: str) -> Iterator[str]:
    """Find schemas that allow anything: objects without fields, properties without a type."""
    if "properties" in node:
        for name, schema in node["properties"].items():
            yield from untyped(schema, f"{where}.{name}")
    elif node.get("type") == "object":
        values = node.get("additionalProperties")
        if isinstance(values, dict):
            yield from untyped(values, f"{where}.*")
        else:
            yield where
    elif "anyOf" in node or "oneOf" in node:
        for each in node.get("anyOf", node.get("oneOf")):
            yield from untyped(each, where)
    elif node.get("type") == "array":
        yield from untyped(node.get("items", {}), f"{where}[]")
    elif not {"type", "$ref", "const", "enum"} & set(node):
        yield where


@pytest.mark.parametrize("service", SERVICES)
def test_no_schema_leaves_its_shape_open(service: str) -> None:
    schemas = DOCUMENTS[service]["components"]["schemas"]
    assert [place for name, schema in schemas.items() for place in untyped(schema, name)] == []
    assert list(untyped({"properties": {"a": {}, "b": {"type": "object"}}}, "X")) == ["X.a", "X.b"]


def test_both_posts_have_an_example_that_is_valid() -> None:
    sent = DOCUMENTS["ingest"]["paths"]["/v1/interchanges"]["post"]["requestBody"]["content"]["application/edi-x12"]
    assert sent["examples"]["835"]["value"] == REMITTANCE
    classified = DOCUMENTS["classifier"]["components"]["schemas"]["ClassifyBody"]
    ClassifyBody.model_validate(classified["example"])


def test_a_claim_of_each_kind_stands_as_an_example_where_one_may_be_sent() -> None:
    for path in ("/v1/claims", "/v1/claims/check"):
        sent = DOCUMENTS["ingest"]["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]
        assert {name: each["value"] for name, each in sent.items()} == CLAIMS
    assert {each["claim_type"] for each in CLAIMS.values()} == {"professional", "institutional", "dental"}
    for each in CLAIMS.values():
        ClaimBody.model_validate(each)
