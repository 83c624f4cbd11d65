"""Every route of every service is declared to the audit log, and none that shows who a patient is may be declared not to."""

from functools import cache
from importlib import import_module
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from deploy.docs.openapi import _NOWHERE
from deploy.local.layout import SERVICES
from libs.common.audit.routes import COMMON, Routes, neither
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.http.audited import action_of
from tests.support.access import VERIFIER

# Fields by which a patient is known. Who adds another one to an answer adds it here.
IDENTIFYING = frozenset(
    {
        "patient_control_number",
        "pcn",
        "patient",
        "subscriber",
        "member_id",
        "birth_on",
        "last_name",
        "first_name",
        "member_reference",
    }
)
SAFE = {"GET", "HEAD"}
# Answers that identify nobody although they are no JSON: events of alerts; the size of a document.
PLAIN = {"follow", "headContent"}
# What is asked is only answered with what was sent along: nothing that we hold is disclosed.
ANSWERED = {"checkClaims"}


@cache
def app_of(service: str) -> tuple[FastAPI, Routes]:
    app: FastAPI = import_module(f"services.{service}.api").make_app(Database(_NOWHERE), SystemClock(), VERIFIER)
    return app, {**COMMON, **import_module(f"services.{service}.audited").AUDITED}


def routes_of(app: FastAPI) -> dict[str, APIRoute]:
    found = [each.original_route for each in iter_route_contexts(app.routes)]
    others = {getattr(each, "path", "") for each in found if not isinstance(each, APIRoute)}
    assert others == {"/openapi.json", "/static-offline-docs"}, "these serve no data of ours"
    return {action_of(each): each for each in found if isinstance(each, APIRoute)}


def fields(node: Any, schemas: dict[str, Any], seen: set[str]) -> set[str]:
    """Return the names of all fields that a schema can hold."""
    if isinstance(node, list):
        return set().union(*(fields(each, schemas, seen) for each in node))
    if not isinstance(node, dict):
        return set()
    kind, _, name = str(node.get("$ref", "")).rpartition("/")
    if kind == "#/components/schemas" and name not in seen:
        seen.add(name)
        return fields(schemas[name], schemas, seen)
    return set(node.get("properties", ())).union(*(fields(each, schemas, seen) for key, each in node.items() if key != "example"))


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_declared_to_the_audit_log_and_nothing_else_is(service: str) -> None:
    app, declared = app_of(service)
    assert set(declared) == set(routes_of(app)), f"services/{service}/audited.py"


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_that_may_change_something_is_declared_a_change(service: str) -> None:
    app, declared = app_of(service)
    quiet = {
        action
        for action, route in routes_of(app).items()
        if not (route.methods or set()) <= SAFE and declared[action].meaning == "neither"
    }
    assert quiet <= {"checkClaims", "classify", "checkRules"}, "these keep nothing"
    assert not [
        action for action, route in routes_of(app).items() if route.methods == {"GET"} and declared[action].meaning == "changes"
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_an_answer_that_tells_who_a_patient_is_or_is_a_file_is_declared_a_disclosure(service: str) -> None:
    app, declared = app_of(service)
    document = app.openapi()
    silent = {}
    for methods in document["paths"].values():
        for operation in methods.values():
            answers = [told for status, told in operation["responses"].items() if status.startswith("2")]
            kinds = {kind for told in answers for kind in told.get("content", {})} - {"application/json"}
            shown = fields(answers, document["components"]["schemas"], set()) & IDENTIFYING
            name = operation["operationId"]
            if declared[name].meaning == "neither" and ((shown and name not in ANSWERED) or (kinds and name not in PLAIN)):
                silent[name] = shown or kinds
    assert silent == {}


@pytest.mark.parametrize("service", SERVICES)
def test_what_names_the_object_of_a_route_is_a_part_of_its_address_or_of_what_it_lists(service: str) -> None:
    app, declared = app_of(service)
    document = app.openapi()
    for action, route in routes_of(app).items():
        by = declared[action].by
        if by is None or f"{{{by}}}" in route.path or not route.include_in_schema:
            continue
        answers = document["paths"][route.path][next(iter(route.methods or ())).lower()]["responses"]
        if declared[action].meaning == "discloses":
            assert by in fields(answers, document["components"]["schemas"], set()), action


def test_a_route_that_nobody_declared_is_found() -> None:
    app, declared = app_of.__wrapped__("ingest")

    @app.get("/v1/new")
    async def new_route() -> None: ...

    assert set(routes_of(app)) - set(declared) == {"newRoute"}
    assert "newRoute" in neither("newRoute")
