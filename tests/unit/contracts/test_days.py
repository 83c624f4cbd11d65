"""A day or a moment in a request is written out: no route takes a number for one, in whatever it is asked or told."""

from collections.abc import Iterator
from datetime import date
from inspect import isclass
from typing import Annotated, Any, get_args

import pytest
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from deploy.local.layout import SERVICES
from libs.common.http.written import Day, Moment
from tests.unit.contracts.test_audited import app_of, routes_of

NUMBERS = ["0", "86400", "-0", "2.225073858507e-311", "20260101", " 0 ", "inf", 0, 86400.0, True]


@pytest.mark.parametrize("told", NUMBERS)
def test_a_number_is_neither_a_day_nor_a_moment(told: Any) -> None:
    for kind in (Day, Moment):
        with pytest.raises(ValidationError, match="a day is written as in 2026-11-30"):
            TypeAdapter(kind).validate_python(told)


def test_what_is_written_out_is_taken_and_what_is_neither_is_told_as_before() -> None:
    assert TypeAdapter(Day).validate_python("2026-11-30") == date(2026, 11, 30)
    assert TypeAdapter(Moment).validate_python("2026-11-30T09:00:00Z").isoformat() == "2026-11-30T09:00:00+00:00"
    with pytest.raises(ValidationError, match="valid date"):
        TypeAdapter(Day).validate_python("yesterday")


@pytest.mark.parametrize("told", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_utc_has_no_day_for_is_none(told: str) -> None:
    with pytest.raises(ValidationError, match="no day for"):
        TypeAdapter(Moment).validate_python(told)


def asked_of(dependant: Dependant) -> Iterator[tuple[str, FieldInfo]]:
    """Return what a route and all that it depends on take from path, query and headers."""
    for each in (*dependant.path_params, *dependant.query_params, *dependant.header_params):
        yield each.name, each.field_info
    for inner in dependant.dependencies:
        yield from asked_of(inner)


def told_fields(name: str, field: FieldInfo, seen: set[type]) -> Iterator[tuple[str, FieldInfo]]:
    """Return a field and those of all models within it, by where they stand."""
    yield name, field
    for model in models_of(field.annotation):
        if model not in seen:
            for inner, each in model.model_fields.items():
                yield from told_fields(f"{name}.{inner}", each, seen | {model})


def models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from models_of(each)


def takes_a_number_for_a_day(field: FieldInfo) -> bool:
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    for number in ("0", 0):
        try:
            if isinstance(TypeAdapter(kind).validate_python(number), date):
                return True
        except ValidationError:
            pass
    return False


@pytest.mark.parametrize("service", SERVICES)
def test_no_route_takes_a_number_for_a_day(service: str) -> None:
    found = []
    for action, route in routes_of(app_of(service)[0]).items():
        body = [("body", route.body_field.field_info)] if route.body_field else []
        for asked, info in (*asked_of(route.dependant), *body):
            found += [(f"{action}: {name}", field) for name, field in told_fields(asked, info, set())]
    assert len(found) > 50
    assert [name for name, field in found if takes_a_number_for_a_day(field)] == []
