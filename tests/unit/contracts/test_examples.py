"""The published examples: each keeps its meaning, obeys its schema and headers, and is read by everyone who subscribes."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from deploy.docs.asyncapi import asyncapi, example_headers
from deploy.docs.documents import SCHEMAS
from deploy.docs.schemas import DEAD_LETTER, EVENTS, PublishedEvent
from deploy.local.provision import topic_groups
from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.contracts.envelope import encode
from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.ids import claim_key, denial_id
from libs.common.messaging.cloudevents import read_attributes
from services.analytics.handlers import SUBSCRIPTIONS as COUNTED
from services.appeals.handlers import Remit as AppealedRemit
from services.appeals.records.store import Asked
from services.appeals.store import Denial as AppealedDenial
from services.classifier.front_door import AnsweredClaim
from services.classifier.handlers import RemitToClassify
from services.classifier.odds.handlers import DecidedAppeal, FiledAppeal
from services.classifier.risk.claims import SubmittedClaim
from services.classifier.risk.intake import MatchedRemit

EXAMPLES = [(event, path) for event in EVENTS for path in event.examples()]
SUBSCRIPTIONS = {
    ("claim.submitted", "classifier"): SubmittedClaim,
    ("claim.acknowledged", "classifier"): AnsweredClaim,
    ("remit.received", "classifier"): RemitToClassify,
    ("appeal.decided", "classifier"): DecidedAppeal,
    ("appeal.filed", "classifier"): FiledAppeal,
    ("remit.matched", "classifier"): MatchedRemit,
    ("remit.received", "appeals"): AppealedRemit,
    ("denial.classified", "appeals"): AppealedDenial,
    ("records.requested", "appeals"): Asked,
    **{(each.topic, "analytics"): each.schema for each in COUNTED},
}
READ = [
    (struct, path) for (topic, _), struct in SUBSCRIPTIONS.items() for event, path in EXAMPLES if event.name == topic
]  # fmt: skip

each_example = pytest.mark.parametrize(("event", "path"), EXAMPLES, ids=[f"{event.name}-{path.stem}" for event, path in EXAMPLES])


def of(name: str) -> list[Path]:
    return [path for event, path in EXAMPLES if event.name == name]


def schema_of(event: PublishedEvent) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{event.name}.v1.json").read_text())
    return found


@each_example
def test_every_published_example_keeps_its_meaning(event: PublishedEvent, path: Path) -> None:
    example = json.loads(path.read_bytes())
    decoded: msgspec.Struct = msgspec.json.decode(path.read_bytes(), type=event.data)
    assert json.loads(msgspec.json.encode(decoded)).items() >= example.items()


@each_example
def test_every_published_example_obeys_its_schema(event: PublishedEvent, path: Path) -> None:
    validator = jsonschema.Draft202012Validator(schema_of(event), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    example = json.loads(path.read_bytes())
    assert list(validator.iter_errors(example)) == []
    for field in list(example):
        assert not validator.is_valid({**example, field: {"unexpected": []}}), f"{field} may be anything"


@each_example
def test_the_schema_asks_for_what_the_code_asks_for(event: PublishedEvent, path: Path) -> None:
    example = json.loads(path.read_bytes())
    validator = jsonschema.Draft202012Validator(schema_of(event))
    for field in example:
        without = {name: told for name, told in example.items() if name != field}
        try:
            msgspec.convert(without, event.data, strict=False)
        except msgspec.ValidationError:
            assert not validator.is_valid(without), field
        else:
            assert validator.is_valid(without), field


@each_example
def test_the_official_sdk_and_the_spine_read_the_headers_of_every_example(event: PublishedEvent, path: Path) -> None:
    headers = example_headers(event, path)
    jsonschema.validate(headers, asyncapi()["components"]["schemas"]["CloudEventHeaders"])
    as_bytes = {name: value.encode() for name, value in headers.items()}
    read = from_binary(KafkaMessage(as_bytes, headers["ce_partitionkey"].encode(), path.read_bytes()), JSONFormat())
    ours = read_attributes(list(as_bytes.items()))
    assert (read.get_id(), read.get_source(), read.get_type()) == (str(ours.id), ours.source, event.type_name)
    assert (read.get_extension("sequence"), read.get_extension("tenantid")) == (str(ours.sequence), ours.tenant_id)
    assert read.get_data() == json.loads(path.read_bytes())


@pytest.mark.parametrize(("struct", "path"), READ, ids=[f"{struct.__module__}-{path.stem}" for struct, path in READ])
def test_every_subscriber_reads_every_example(struct: type[msgspec.Struct], path: Path) -> None:
    example = json.loads(path.read_bytes())
    narrow = json.loads(encode(msgspec.json.decode(path.read_bytes(), type=struct)))
    for field, said in narrow.items():
        if field in example and not isinstance(said, dict | list):
            assert said == example[field], field


def test_every_subscription_of_the_topics_file_is_among_the_tested() -> None:
    assert set(SUBSCRIPTIONS) == {(topic, group) for topic, groups in topic_groups().items() for group in groups}


@pytest.mark.parametrize("struct", SUBSCRIPTIONS.values(), ids=lambda struct: struct.__module__)
def test_a_subscriber_asks_for_nothing_that_its_contract_does_not_promise(struct: type[msgspec.Struct]) -> None:
    topic = next(topic for (topic, _), read in SUBSCRIPTIONS.items() if read is struct)
    contract = next(event.data for event in EVENTS if event.name == topic)
    promised = {field.name: field for field in msgspec.structs.fields(contract)}
    for field in msgspec.structs.fields(struct):
        assert field.name in promised
        assert not (field.required and not promised[field.name].required), f"{field.name} may be absent"


@pytest.mark.parametrize("event", [event for event in EVENTS if event is not DEAD_LETTER], ids=lambda event: event.name)
def test_each_event_has_an_example_with_every_field_and_one_with_the_fewest(event: PublishedEvent) -> None:
    fields = msgspec.structs.fields(event.data)
    full, minimal = (json.loads((event.examples()[0].parent / f"{name}.json").read_text()) for name in ("full", "minimal"))
    assert set(full) == {field.name for field in fields}
    assert set(minimal) == {field.name for field in fields if field.required}


@pytest.mark.parametrize("path", of("remit.received"), ids=lambda path: path.stem)
def test_the_cents_of_every_remit_example_add_up(path: Path) -> None:
    remit = msgspec.json.decode(path.read_bytes(), type=RemitReceivedV1)
    by_group: dict[str, int] = {}
    for adjustment in remit.adjustments:
        by_group[adjustment.group_code] = by_group.get(adjustment.group_code, 0) + adjustment.amount_cents
    assert remit.totals.adjustments_by_group == by_group
    assert remit.totals.adjustment_cents == sum(by_group.values())
    assert remit.totals.unbalanced_cents == remit.charge_cents - remit.paid_cents - sum(by_group.values())
    assert remit.claim_key == claim_key("local", remit.patient_control_number)


@pytest.mark.parametrize("path", of("denial.classified"), ids=lambda path: path.stem)
def test_the_cents_and_names_of_every_denial_example_fit(path: Path) -> None:
    denial = msgspec.json.decode(path.read_bytes(), type=DenialClassifiedV1)
    assert denial.denied_cents == sum(reason.amount_cents for reason in denial.reasons)
    assert denial.denial_id == denial_id(denial.remit_id)
    assert denial.claim_key == claim_key("local", denial.patient_control_number)


@pytest.mark.parametrize("path", of("remit.received"), ids=lambda path: path.stem)
def test_examples_name_procedures_of_hcpcs_level_two_alone(path: Path) -> None:
    for line in msgspec.json.decode(path.read_bytes(), type=RemitReceivedV1).lines:
        for code in (line.procedure_code, line.original_procedure_code or ""):
            assert re.fullmatch(r"([ABCEGHJ-V]\d{4})?", code), code
