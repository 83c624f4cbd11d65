"""No event can carry who a patient is: whoever adds a field must look at it and say what it holds."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from deploy.docs.schemas import DEAD_LETTER, EVENTS, PublishedEvent
from libs.common.inventory import EVENT_FIELDS

# Account and control numbers are the provider's and the payer's own references. A name, an address, a birth date, a sex, a member
# or policy number, a telephone number or an e-mail address of a person has no place in an event, whatever its field is called.
ALLOWED = frozenset(EVENT_FIELDS)


def field_names(schema: Any) -> Iterator[str]:
    for definition in schema["$defs"].values():
        yield from definition["properties"]


@pytest.mark.parametrize("event", [event for event in EVENTS if event is not DEAD_LETTER], ids=lambda event: event.name)
def test_every_field_of_an_event_is_known_to_hold_no_patient_data(event: PublishedEvent) -> None:
    unknown = set(field_names(msgspec.json.schema(event.data))) - ALLOWED
    assert not unknown, f"what do {sorted(unknown)} hold of a patient? Say it in libs/common/inventory.py"


def test_no_field_holds_who_a_patient_is() -> None:
    assert not {name for name, kind in EVENT_FIELDS.items() if kind in ("identifier", "words")}


def test_of_a_providers_people_events_say_who_coded_a_claim_and_no_more() -> None:
    assert {name for name, kind in EVENT_FIELDS.items() if kind == "staff"} == {"coder"}


def test_the_list_holds_no_name_that_is_not_used() -> None:
    used = {name for event in EVENTS for name in field_names(msgspec.json.schema(event.data))}
    assert used >= ALLOWED


def test_a_field_with_patient_data_would_be_seen() -> None:
    class WithName(msgspec.Struct):
        claim_id: str
        subscriber_name: str

    assert set(field_names(msgspec.json.schema(WithName))) - ALLOWED == {"subscriber_name"}
