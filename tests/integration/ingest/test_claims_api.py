"""Claims over HTTP: one, many, bad ones, and reading them again."""

import json
from typing import Any

import pytest

from libs.common.database import Database
from libs.common.errors import Transient
from services.ingest.claims.examples import CLAIMS, PROFESSIONAL
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode
from tests.unit.x12.test_claim_files import COB, LINE_COB

LINE = PROFESSIONAL["lines"][0]


def changed(**changes: Any) -> dict[str, Any]:
    return {**PROFESSIONAL, **changes}


async def batch(ingest, *lines: str | bytes | dict[str, Any]) -> list[dict[str, Any]]:
    told = [json.dumps(each) if isinstance(each, dict) else each for each in lines]
    body = b"\n".join(each.encode() if isinstance(each, str) else each for each in told)
    answer = await ingest.http.post("/v1/claims:batch", content=body, headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("kind", CLAIMS)
async def test_a_claim_of_each_kind_is_created_once_and_read_again(kind, ingest) -> None:
    first = await ingest.http.post("/v1/claims", json=CLAIMS[kind])
    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["claim_type"], told["state"], told["charge_cents"]) == (kind, "submitted", CLAIMS[kind]["charge_cents"])
    assert first.headers["location"] == f"/v1/claims/{told['claim_id']}"
    assert [step["why"] for step in told["history"]] == ["submitted"]
    codes = [each["code"] for each in CLAIMS[kind].get("diagnoses", [])]
    pointed = [[codes[place - 1] for place in line.get("diagnosis_pointers", [])] for line in CLAIMS[kind]["lines"]]
    assert (told["diagnoses"], [line["diagnoses"] for line in told["lines"]]) == (codes, pointed)
    again = await ingest.http.post("/v1/claims", json=CLAIMS[kind])
    assert (again.status_code, again.json()) == (200, told)
    assert await ingest.get(f"/v1/claims/{told['claim_id']}") == told
    (event,) = await ingest.events()
    assert (event["claim_id"], event["sequence"]) == (told["claim_id"], 1)
    assert "interchange_id" not in event
    content = await ingest.get(f"/v1/claims/{told['claim_id']}/content")
    assert content["subscriber"]["member_id"] == "M0000001"
    assert (await ingest.http.post("/v1/claims", json=content)).status_code == 200


async def test_a_claim_is_the_same_by_file_and_as_json(ingest) -> None:
    for body in (encode(made.one()), encode(made.one(), element="|", component="^", terminator="'")):
        await ingest.take(body)
    (claim,) = (await ingest.get("/v1/claims"))["items"]
    content = await ingest.get(f"/v1/claims/{claim['claim_id']}/content")
    answer = await ingest.http.post("/v1/claims", json=content)
    assert (answer.status_code, answer.json()["claim_id"]) == (200, claim["claim_id"])
    assert await ingest.count("outbox") == 1


async def test_what_a_first_payer_decided_is_read_of_a_claim_and_its_lines(ingest) -> None:
    claim = made.claim("A")
    await ingest.take(encode(made.one([*claim[:2], *COB, *claim[2:], *LINE_COB])))
    (listed,) = (await ingest.get("/v1/claims"))["items"]
    content = await ingest.get(f"/v1/claims/{listed['claim_id']}/content")
    (first,) = content["other_payers"]
    assert (first["payer"]["name"], first["payer"]["payer_id"], first["paid_cents"]) == ("FIRST PAYER", "P2", 5000)
    assert (first["subscription"]["sequence"], first["subscriber"]["member_id"]) == ("S", "M2")
    assert [(each["carc"], each["amount_cents"]) for each in first["adjustments"]] == [("45", 1000), ("2", 300)]
    (told,) = content["lines"][0]["adjudications"]
    assert (told["payer_id"], told["paid_cents"], told["adjudicated_on"]) == ("P2", 4000, "2026-01-04")
    assert [(each["carc"], each["amount_cents"]) for each in told["adjustments"]] == [("45", 6000)]


async def test_the_codes_of_a_line_are_told_in_the_event_and_of_the_claim(ingest) -> None:
    await ingest.take(encode(made.one(made.claim("A"))))
    of_line = ["SVC*HC:G0283*100", "STC*A7:454*20260111*U", "REF*FJ*A-1"]
    await ingest.take(encode(made.acknowledgement(made.status("A", "A7:562:85", more=of_line))))
    (event,) = [each for each in await ingest.events() if "statuses" in each]
    assert event["statuses"] == [
        {"category": "A7", "code": "562", "entity": "85"},
        {"category": "A7", "code": "454", "line": 1, "line_control_number": "A-1"},
    ]
    (answer,) = (await ingest.get(f"/v1/claims/{event['claim_id']}"))["acknowledgements"]
    told = [{name: value for name, value in each.items() if value is not None} for each in answer["statuses"]]
    assert told == event["statuses"]


async def test_claims_are_listed_newest_first_and_by_what_is_asked_for(ingest) -> None:
    await ingest.take(encode(made.one(made.claim("A"), made.claim("B"), made.claim("C"))))
    await ingest.take(encode(made.acknowledgement(made.status("B", "A7:562:85", number="ICN1"))))
    await ingest.http.post("/v1/claims", json=CLAIMS["dental"])

    async def asked(**query: Any) -> list[str]:
        return [each["patient_control_number"] for each in (await ingest.get("/v1/claims", **query))["items"]]

    assert await asked() == ["ACC-20019", "C", "B", "A"]
    assert await asked(state="rejected") == ["B"]
    assert await asked(pcn="b") == ["B"]
    assert await asked(payer_id="88001") == ["ACC-20019"]
    assert await asked(claim_type="professional") == ["C", "B", "A"]
    assert await asked(**{"from": "2026-10-01"}) == ["ACC-20019"]
    assert await asked(to="2026-01-05") == ["C", "B", "A"]
    page = await ingest.get("/v1/claims", limit=3)
    assert await asked(limit=3, cursor=page["next_cursor"]) == ["A"]
    (rejected,) = (await ingest.get("/v1/claims", state="rejected"))["items"]
    detail = await ingest.get(f"/v1/claims/{rejected['claim_id']}")
    (answer,) = detail["acknowledgements"]
    assert (answer["verdict"], answer["statuses"][0]["code"], detail["payer_claim_control_number"]) == ("rejected", "562", "ICN1")
    assert [(step["why"], step["state"]) for step in detail["history"]] == [
        ("submitted", "submitted"),
        ("acknowledged", "rejected"),
    ]


async def test_a_replacement_names_what_it_replaces_and_is_named_by_it(ingest) -> None:
    first = (await ingest.http.post("/v1/claims", json=PROFESSIONAL)).json()
    second = (await ingest.http.post("/v1/claims", json=changed(frequency_code="7"))).json()
    assert second["replaces_claim_id"] == first["claim_id"]
    detail = await ingest.get(f"/v1/claims/{first['claim_id']}")
    assert (detail["replaced_by_claim_id"], detail["history"][-1]["why"]) == (second["claim_id"], "replaced")


async def test_who_coded_a_claim_stands_beside_it_and_is_told_again_with_it(ingest) -> None:
    replacement = (await ingest.http.post("/v1/claims", json=changed(frequency_code="7", coder="c-17"))).json()
    first = (await ingest.http.post("/v1/claims", json=changed(coder="c-3"))).json()
    again = await ingest.http.post("/v1/claims", json=changed(coder="c-4"))
    assert (again.status_code, again.json()["claim_id"], again.json()["coder"]) == (200, first["claim_id"], "c-3")
    assert (await batch(ingest, PROFESSIONAL))[0]["status"] == "known", "who coded it is no part of its name"
    told = [(event["claim_id"], event["coder"], event.get("replaces_claim_id")) for event in await ingest.events()]
    linked = (replacement["claim_id"], "c-17", first["claim_id"])
    assert told == [(replacement["claim_id"], "c-17", None), (first["claim_id"], "c-3", None), linked]
    assert "coder" not in await ingest.get(f"/v1/claims/{first['claim_id']}/content")
    (dental,) = await batch(ingest, {**CLAIMS["dental"], "coder": "c-5"})
    assert (await ingest.get(f"/v1/claims/{dental['claim_id']}"))["coder"] == "c-5"


async def test_an_answer_that_waited_finds_a_claim_that_comes_as_json(ingest) -> None:
    await ingest.take(encode(made.acknowledgement(made.status("ACC-20017", "A7:562:85"))))
    told = (await ingest.http.post("/v1/claims", json=PROFESSIONAL)).json()
    assert (told["state"], len(told["acknowledgements"])) == ("rejected", 1)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"lines": [LINE] * 1000}, "/body/lines"),
        ({"patient_control_number": "P" * 300}, "/body/patient_control_number"),
        ({"coder": "Jo Smith"}, "/body/coder"),
        ({"patient_control_number": "A*B"}, "/body/patient_control_number"),
        ({"charge_cents": "100"}, "/body/charge_cents"),
        ({"charge_cents": 1.5}, "/body/charge_cents"),
        ({"claim_type": "veterinary"}, "/body/claim_type"),
        ({"SECRETNAME": 1}, "/body/?"),
        ({"dates": [{"qualifier": "472", "from_on": "2026-13-01"}]}, "/body/dates/0/from_on"),
    ],
)
async def test_what_cannot_be_a_claim_is_refused_with_its_place_and_without_its_value(changes, pointer, ingest) -> None:
    answer = await ingest.http.post("/v1/claims", json=changed(**changes))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert "SECRETNAME" not in answer.text
    assert await ingest.count("claims") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": [LINE] * 999},
        {"lines": []},
        {"charge_cents": 1},
        {"diagnoses": [{"qualifier": "ABF", "code": f"A{n:03d}"} for n in range(13)]},
        {"references": [{"qualifier": "ZZZ", "value": "1"}], "subscription": {"claim_filing_code": "??"}},
        {"lines": [{**LINE, "service_from_on": "1899-12-31"}]},
        {"lines": [{**LINE, "service_from_on": "2999-12-31"}]},
    ],
)
async def test_what_makes_no_sense_but_can_be_read_is_taken(changes, ingest) -> None:
    answer = await ingest.http.post("/v1/claims", json=changed(**changes))
    assert answer.status_code == 201, answer.text


async def test_each_line_of_a_batch_is_answered_and_a_broken_one_stops_nobody(ingest) -> None:
    answers = await batch(
        ingest,
        PROFESSIONAL,
        '{"claim_type": "professional", ',
        changed(patient_control_number="B"),
        "",
        PROFESSIONAL,
        changed(charge_cents=None),
        b'{"patient_control_number": "\xff"}',
        '{"a": "\\u0000"}',
        '"' + "x" * (2 * 1024 * 1024) + '"',
        {"SECRETNAME": 1},
        changed(patient_control_number="C"),
    )
    assert [(each["line"], each["status"]) for each in answers] == [
        (1, "new"), (2, "invalid"), (3, "new"), (5, "known"), (6, "invalid"), (7, "invalid"), (8, "invalid"), (9, "invalid"),
        (10, "invalid"), (11, "new"),
    ]  # fmt: skip
    assert answers[0]["claim_id"] == answers[3]["claim_id"]
    assert answers[4]["errors"] == [{"pointer": "/body/charge_cents", "problem": "is not valid (int_type)"}]
    assert "SECRETNAME" not in json.dumps(answers)
    assert await ingest.count("claims") == await ingest.count("outbox") == 3
    assert {each["status"] for each in await batch(ingest, PROFESSIONAL, changed(patient_control_number="C"))} == {"known"}


async def test_a_batch_of_many_is_answered_in_order(ingest) -> None:
    answers = await batch(ingest, *(changed(patient_control_number=f"N{n % 450}") for n in range(500)))
    assert [each["line"] for each in answers] == list(range(1, 501))
    assert [each["status"] for each in answers] == ["new"] * 450 + ["known"] * 50


async def test_after_the_database_went_away_the_rest_of_a_batch_is_unavailable(ingest, monkeypatch) -> None:
    begin, left = Database.begin, [1]

    def fading(self, tenant=None):
        if tenant is None:  # the door asks whether the tenant is suspended
            return begin(self)
        if not left[0]:
            raise Transient("away")
        left[0] -= 1
        return begin(self, tenant)

    monkeypatch.setattr(Database, "begin", fading)
    answers = await batch(ingest, *(changed(patient_control_number=f"N{n}") for n in range(250)))
    assert [each["status"] for each in answers] == ["new"] * 200 + ["unavailable"] * 50


async def test_a_batch_of_another_media_type_is_refused(ingest) -> None:
    answer = await ingest.http.post("/v1/claims:batch", content=b"{}", headers={"content-type": "text/csv"})
    assert answer.status_code == 415


async def test_no_tenant_reads_another_s_claims(ingest) -> None:
    told = (await ingest.http.post("/v1/claims", json=PROFESSIONAL)).json()
    other = ingest.client("other")
    assert (await other.get("/v1/claims")).json()["items"] == []
    for path in ("", "/content"):
        assert (await other.get(f"/v1/claims/{told['claim_id']}{path}")).status_code == 404
    theirs = (await other.post("/v1/claims", json=PROFESSIONAL)).json()
    assert theirs["claim_id"] != told["claim_id"]
    first, second = await ingest.events()
    assert first["member_reference"] != second["member_reference"]
    await other.aclose()
