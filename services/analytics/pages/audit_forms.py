"""The forms of audits: a plan and a review as people enter them, read into what the interface takes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import ValidationError

from libs.common.contracts.words import Category
from services.analytics.audits.schedules_api import ScheduleBody
from services.analytics.audits.views import AuditBody, VerdictBody
from services.analytics.pages.entered import share_of, told
from services.analytics.pages.visit import day_of
from services.analytics.spans import is_too_long

CATEGORIES: Final[tuple[str, ...]] = get_args(Category)
LISTED: Final = ("payer", "facility", "provider", "service_group")  # dimensions whose values are entered line by line
_TICK: Final = "category."
_DAYS: Final = ("from", "to", "as_of")
_SHARES: Final = {"confidence": "confidence", "precision": "precision", "expected_errors": "expected_rate"}
_FIELD_OF: Final = {"expected_rate": "expected_errors", "cadence": "repeat"}
_ONCE: Final = "once"
_VERDICT: Final = {"correct_category": "category", "correct_action": "action", "remark": "note"}
_QUESTIONS: Final = ("classification_right", "code_right", "documentation_sufficient")


def tick(category: str) -> str:
    """Return the name of a category's box: a form has each field once."""
    return f"{_TICK}{category}"


def plan_of(form: Mapping[str, str], names: Mapping[str, str]) -> AuditBody | ScheduleBody | tuple[str, ...]:
    """Return what a form plans, once or again and again, or the names of its fields that are wrong. `names`: of payers, by id."""
    values = _plan(form, names)
    repeat = form.get("repeat") or _ONCE
    days = told(form, _DAYS)
    try:
        if repeat == _ONCE:
            return AuditBody.model_validate(values | days)
        made = ScheduleBody.model_validate({"cadence": repeat, "plan": values})
    except ValidationError as error:
        wrong = (_field(each["loc"]) for each in error.errors())
        return tuple(dict.fromkeys(each or _crossed(form) for each in wrong))
    return tuple(days) or made  # a scheduled audit's days are those of its period


def _plan(form: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = dict(told(form, ("method", "seed", "stratify_by")))
    values |= {name: share_of(form[field]) for field, name in _SHARES.items() if form.get(field)}
    values["reviewers"] = [form.get("reviewer_1", ""), form.get("reviewer_2", "")]
    chosen = {each: [line.strip() for line in form.get(each, "").splitlines() if line.strip()] for each in LISTED}
    chosen["payer"] = [_payer(each, names) for each in chosen["payer"]]
    chosen["category"] = [each for each in CATEGORIES if form.get(tick(each))]
    return values | {"filter": {name: some for name, some in chosen.items() if some}}


def _payer(entered: str, names: Mapping[str, str]) -> str:
    """Return a payer's id, also where its name was entered and is one payer's alone."""
    found = [payer_id for payer_id, name in names.items() if name == entered]
    return found[0] if entered not in names and len(found) == 1 else entered


def entered_payers(payer_ids: Sequence[str], names: Mapping[str, str]) -> str:
    """Return how payers are shown in a form that is not filled in yet: by name where that leads back to them."""
    return "\n".join(name if _payer(name := names.get(each, each), names) == each else each for each in payer_ids)


def _field(place: tuple[int | str, ...]) -> str | None:
    """Return the form's field that a place in a body came from; None where it is about several."""
    place = place[1:] if place[:1] == ("plan",) else place
    if not place:
        return None
    first, *rest = map(str, place)
    if first == "reviewers":
        return "reviewer_1" if rest[:1] == ["0"] else "reviewer_2"
    if first == "filter":
        return rest[0] if rest else "payer"
    return _FIELD_OF.get(first, first)


def _crossed(form: Mapping[str, str]) -> str:
    """Return which field is wrong where each is right by itself."""
    if (form.get("method") == "stratified") != bool(form.get("stratify_by")):
        return "stratify_by"
    first, last = day_of(form.get("from")), day_of(form.get("to"))
    if first and last and (first > last or is_too_long(first, last)):
        return "to"
    return "reviewer_2"


def verdict_of(form: Mapping[str, str]) -> VerdictBody | tuple[str, ...]:
    """Return a review as it was entered, or the names of the form's fields that are wrong."""
    values = told(form, _QUESTIONS) | {name: form[field] for field, name in _VERDICT.items() if form.get(field)}
    try:
        return VerdictBody.model_validate(values)
    except ValidationError as error:
        back = {name: field for field, name in _VERDICT.items()}
        wrong = [str(each["loc"][0]) for each in error.errors() if each["loc"]]
        return tuple(dict.fromkeys(back.get(each, each) for each in wrong)) or _corrections(form)


def _corrections(form: Mapping[str, str]) -> tuple[str, ...]:
    """Return which of the corrections are missing, or told although nothing is wrong."""
    is_right = form.get("classification_right") == "yes"
    return tuple(each for each in ("correct_category", "correct_action") if bool(form.get(each)) == is_right)
