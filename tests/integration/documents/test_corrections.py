"""A corrected claim, shown and sent: once, whatever breaks off in between, and with the ingest that takes it."""

import json
from typing import Any

import httpx
import pytest

from libs.x12 import Claim, InterchangeReader
from services.appeals import ingest as asking
from services.appeals.corrections import store
from tests.integration.documents.conftest import Appeals, Refused
from tests.support.access import own_tokens

CHANGES = {"changes": [{"path": "/references/-", "value": {"qualifier": "9F", "value": "REF77"}}]}
PARTIES = {"parties": {"submitter_phone": "5555550100"}}


async def send(appeals: Appeals, refused: Refused, key: str = "a", version: str = '"1"', **more: Any) -> httpx.Response:
    body = {**CHANGES, "why": "The referral was left out.", **more}
    headers = {"If-Match": version, "Idempotency-Key": key}
    return await appeals.http.post(f"/v1/cases/{refused.case}/corrected-claim/send", json=body, headers=headers)


async def submitted(refused: Refused) -> list[dict[str, Any]]:
    return [each for each in await refused.ingest.events() if "frequency_code" in each]


def read_back(shown: dict[str, Any]) -> Claim:
    """Return the claim of an 837 as our own reader finds it."""
    [claim] = [item for item in InterchangeReader().feed(shown["edi"].encode("latin-1")) if isinstance(item, Claim)]
    return claim


async def test_it_is_shown_before_it_is_sent(appeals: Appeals, refused: Refused) -> None:
    answer = await appeals.http.post(f"/v1/cases/{refused.case}/corrected-claim", json={**CHANGES, **PARTIES})
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["claim_id"] == refused.claim_id
    added = {(each["path"].rpartition("/")[2], each["after"]) for each in shown["difference"] if each["change"] == "added"}
    assert {("value", "REF77"), ("value", shown["payer_claim_control_number"])} <= added
    claim = read_back(shown)
    assert (claim.frequency_code, claim.reference("F8")) == ("7", shown["payer_claim_control_number"])
    assert claim.reference("9F") == "REF77"
    assert len(await submitted(refused)) == 1, "nothing was sent"

    bad = [{"path": "/unheard_of", "value": "Mrs Secret"}]
    answer = await appeals.http.post(f"/v1/cases/{refused.case}/corrected-claim", json={"changes": bad})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recours:problem:corrected-claim-refused")
    assert "Secret" not in answer.text
    assert answer.json()["errors"]


async def test_what_ingests_checks_find_in_it_is_shown_with_it(appeals: Appeals, refused: Refused) -> None:
    path = f"/v1/cases/{refused.case}/corrected-claim"
    served = {"path": "/lines/0/service_from_on", "value": "2026-01-12"}
    good = (await appeals.http.post(path, json={"changes": [*CHANGES["changes"], served]})).json()
    assert (good["verdict"], good["findings"]) == ("clean", [])

    mistyped = {"path": "/billing_provider/npi", "value": "1234567890"}
    bad = (await appeals.http.post(path, json={"changes": [served, mistyped, {"path": "/charge_cents", "value": 23049}]})).json()
    assert bad["verdict"] == "error"
    assert {(each["rule"], each["severity"], each["pointer"]) for each in bad["findings"]} == {
        ("STRUCT-CHARGE-SUM", "error", "/charge_cents"), ("ID-NPI-CHECKDIGIT", "error", "/billing_provider/npi"),
    }  # fmt: skip
    assert all(each["message"] and each["why"] and each["correct"] for each in bad["findings"])


async def test_a_claim_is_voided_by_the_payers_number_of_it(appeals: Appeals, refused: Refused) -> None:
    void: dict[str, Any] = {"changes": [], "frequency_code": "8"}
    shown = (await appeals.http.post(f"/v1/cases/{refused.case}/corrected-claim", json={**void, **PARTIES})).json()
    claim = read_back(shown)
    assert (shown["frequency_code"], claim.frequency_code) == ("8", "8")
    assert claim.reference("F8") == shown["payer_claim_control_number"]
    sent = await send(appeals, refused, **void)
    assert sent.status_code == 200, sent.text
    _, event = await submitted(refused)
    assert (event["frequency_code"], event["replaces_claim_id"]) == ("8", refused.claim_id)
    assert (await appeals.http.get(f"/v1/cases/{refused.case}")).json()["state"] == "corrected_claim_sent"


async def test_it_is_sent_once_and_moves_the_case(appeals: Appeals, refused: Refused) -> None:
    sent = await send(appeals, refused)
    assert sent.status_code == 200, sent.text
    told = sent.json()
    assert (told["state"], told["replaces_claim_id"]) == ("sent", refused.claim_id)
    assert (await send(appeals, refused)).json() == told
    assert (await send(appeals, refused, "another key")).json() == told
    assert (await send(appeals, refused, version='"9"')).json() == told
    _, event = await submitted(refused)
    assert (event["claim_id"], event["replaces_claim_id"], event["frequency_code"]) == (told["claim_id"], refused.claim_id, "7")
    case = (await appeals.http.get(f"/v1/cases/{refused.case}")).json()
    assert (case["state"], case["version"]) == ("corrected_claim_sent", 2)
    listed = (await appeals.http.get(f"/v1/cases/{refused.case}/corrected-claims")).json()["items"]
    assert listed == [told]
    other = await send(appeals, refused, "b", '"2"', changes=[{"path": "/facility_code", "value": "22"}])
    assert (other.status_code, other.json()["type"]) == (409, "urn:recours:problem:already-filed")
    [filed] = await appeals.rows("SELECT payload FROM outbox WHERE aggregatetype = 'appeal.filed'")
    assert json.loads(filed["payload"])["action"] == "correct_and_resubmit"
    [kept] = await appeals.rows("SELECT corrected_claim_id FROM filings")
    assert str(kept["corrected_claim_id"]) == told["claim_id"]


async def test_broken_off_behind_ingest_it_goes_on_to_the_same_end(
    appeals: Appeals, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after ingest has the claim and before appeals has written so."""

    async def die(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(store, "finish", die)
        with pytest.raises(SystemExit):
            await send(appeals, refused)
    [listed] = (await appeals.http.get(f"/v1/cases/{refused.case}/corrected-claims")).json()["items"]
    assert (listed["state"], listed["claim_id"]) == ("sending", None)
    assert len(await submitted(refused)) == 2
    assert (await appeals.http.get(f"/v1/cases/{refused.case}")).json()["version"] == 1

    again = (await send(appeals, refused)).json()
    assert (again["state"], again["correction_id"]) == ("sent", listed["correction_id"])
    assert len(await submitted(refused)) == 2
    assert (await appeals.http.get(f"/v1/cases/{refused.case}")).json()["state"] == "corrected_claim_sent"


async def test_without_ingest_nothing_moves(appeals: Appeals, refused: Refused) -> None:
    appeals.app.state.ingest = asking.Ingest(None)
    assert (await send(appeals, refused)).json()["type"] == "urn:recours:problem:ingest-unavailable"
    unknown = httpx.MockTransport(lambda _: httpx.Response(404, json={}))
    appeals.app.state.ingest = asking.Ingest("http://ingest", own_tokens("appeals"), unknown)
    assert (await send(appeals, refused)).json()["type"] == "urn:recours:problem:claim-not-known"
    assert (await send(appeals, refused, version="1")).status_code == 400
    assert await appeals.rows("SELECT 1 FROM corrected_claims") == []
    assert (await appeals.http.get(f"/v1/cases/{refused.case}")).json()["version"] == 1
