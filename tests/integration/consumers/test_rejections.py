"""Rejections by front doors: listed beside denials, worked as cases, counted in no rate, retracted whatever comes first."""

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from libs.common.clock import SystemClock
from libs.common.contracts import claim_acknowledged, claim_submitted
from libs.common.contracts.claim_acknowledged import AcknowledgedStatus, ClaimAcknowledgedV1
from libs.common.contracts.claim_submitted import ClaimSubmittedV1
from libs.common.contracts.envelope import encode
from libs.common.ids import claim_key
from services.classifier.api import make_app
from tests.integration.consumers.conftest import NOW, Sent, Service, remit, reversal, service
from tests.support.access import VERIFIER, bearer

CLAIM = uuid4()
DAY, NEXT = date(2026, 1, 10), date(2026, 1, 11)
Told = tuple[int, str, str | None]


def answer(
    status: Any = "rejected", *, claim: UUID | None = CLAIM, on: date = DAY, source: Any = "277CA", name: UUID | None = None
) -> Sent:
    statuses = (AcknowledgedStatus("A7", "562", "85"),) if status == "rejected" else ()
    data = ClaimAcknowledgedV1(
        name or uuid4(), claim_key("local", "A"), "A", status, source, on, NOW, claim, payer_name="PAYER", charge_cents=10000,
        statuses=statuses,
    )  # fmt: skip
    return Sent(claim_acknowledged.TOPIC, claim_acknowledged.TYPE, "local", encode(data), uuid4())


def replacement(replaces: UUID | None = CLAIM) -> Sent:
    data = ClaimSubmittedV1(
        uuid4(), claim_key("local", "A"), "A", "professional", "7", 10000, "P", "PAYER", datetime(2026, 1, 12, tzinfo=UTC), (),
        replaces_claim_id=replaces,
    )  # fmt: skip
    return Sent(claim_submitted.TOPIC, claim_submitted.TYPE, "local", encode(data), uuid4())


def told(sent: list[Sent]) -> list[Told]:
    found = [msgspec.json.decode(each.data) for each in sent]
    return [(each["revision"], each["status"], each.get("claim_id")) for each in found]


async def standing(classifier: Service) -> list[tuple[str, UUID | None]]:
    rows = await classifier.rows("SELECT status, claim_id FROM denials ORDER BY status")
    return [(row["status"], row["claim_id"]) for row in rows]


async def test_a_rejection_says_what_to_correct_and_denies_no_cent(classifier: Service) -> None:
    (event,) = await classifier.take(answer())
    data = msgspec.json.decode(event.data)
    assert (data["kind"], data["category"], data["action"]) == ("rejection", "missing_information", "correct_and_resubmit")
    assert (data["charge_cents"], data["denied_cents"], data["paid_cents"], data["reasons"]) == (10000, 0, 0, [])
    assert (data["remit_id"], data["payment_on"], data["claim_id"]) == (data["acknowledgement_id"], "2026-01-10", str(CLAIM))
    assert "NPI of the billing provider" in data["explanation"]
    assert await classifier.take(answer("received")) == []
    app = make_app(classifier.api, SystemClock(), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://classifier") as client:
        assert (await client.get("/v1/denials?kind=hard")).json()["items"] == []
        listed = (await client.get("/v1/denials?kind=rejection")).json()["items"]
    assert [each["denial_id"] for each in listed] == [data["denial_id"]]


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([answer(), answer("accepted", on=NEXT)], "retracted"),
        ([answer(on=NEXT), answer("accepted")], "active"),
        ([answer(source="999"), answer("accepted")], "retracted"),
        ([answer(), answer("accepted", claim=uuid4(), on=NEXT)], "active"),
        ([answer(), replacement()], "retracted"),
        ([answer(), replacement(uuid4()), replacement(None)], "active"),
        ([answer(), answer("accepted", on=NEXT), replacement()], "retracted"),
    ],
)
async def test_a_rejection_stands_until_its_claim_is_accepted_or_replaced_in_any_order(
    events: list[Sent], status: str, service_database: Any
) -> None:
    for order in itertools.permutations(events):
        async for classifier in service("classifier", service_database):
            for event in order:
                await classifier.take(event)
            assert await standing(classifier) == [(status, CLAIM)]
            await classifier.take(*events)  # told again: nothing changes
            assert await standing(classifier) == [(status, CLAIM)]


async def test_a_rejection_of_an_unknown_claim_stands_and_gets_its_claim_when_it_comes(classifier: Service) -> None:
    name = uuid4()
    assert told(await classifier.take(answer(claim=None, name=name))) == [(1, "active", None)]
    assert told(await classifier.take(answer(name=name))) == [(2, "active", str(CLAIM))]
    assert told(await classifier.take(answer(claim=None, name=name))) == []
    assert told(await classifier.take(answer("accepted", on=NEXT))) == [(3, "retracted", str(CLAIM))]
    both = answer(claim=None, name=(other := uuid4())), answer(name=other, on=date(2026, 1, 12))
    assert told(await classifier.take(*both)) == [(1, "active", str(CLAIM))]


@pytest.mark.parametrize("batched", [True, False])
async def test_an_answer_that_turns_out_to_be_to_another_claim_counts_for_that_one(classifier: Service, batched: bool) -> None:
    other, rejecting, accepting = uuid4(), uuid4(), uuid4()
    first = (answer(name=rejecting), answer("accepted", on=NEXT, name=accepting))
    moved = answer("accepted", claim=other, on=NEXT, name=accepting)
    await classifier.take(*first)
    assert await standing(classifier) == [("retracted", CLAIM)]
    told_anew = (moved, answer("accepted", on=NEXT, claim=None, name=accepting)) if batched else (moved,)
    assert told(await classifier.take(*told_anew)) == [(3, "active", str(CLAIM))]
    assert told(await classifier.take(answer(claim=other, name=rejecting))) == [(4, "retracted", str(other))]


async def test_an_older_event_about_an_answer_does_not_bring_it_back_to_its_first_claim(classifier: Service) -> None:
    name, other = uuid4(), uuid4()
    first, moved = answer(name=name), replace(answer(name=name, claim=other), sequence=2)
    await classifier.take(moved)
    assert await standing(classifier) == [("active", other)]
    assert told(await classifier.take(first)) == []
    assert await standing(classifier) == [("active", other)]


async def test_a_reversal_never_touches_a_rejection(classifier: Service) -> None:
    await classifier.take(answer(), reversal("A", adjustments=[("CO", "197", 10000)], payer_id=""))
    assert await standing(classifier) == [("active", CLAIM)]


async def test_somebody_must_act_on_a_rejection_and_no_rate_counts_it(
    classifier: Service, appeals: Service, analytics: Service
) -> None:
    rejected, denied = await classifier.take(answer()), await classifier.take(remit("B"))
    await appeals.take(*rejected, *denied)
    await analytics.take(*rejected, *denied, remit("B"))
    cases = await appeals.rows("SELECT patient_control_number, state FROM cases ORDER BY 1")
    assert cases == [{"patient_control_number": "A", "state": "open"}, {"patient_control_number": "B", "state": "open"}]
    assert [row["denied_cents"] for row in await analytics.rows("SELECT denied_cents FROM denial_facts")] == [10000]
    await appeals.take(*await classifier.take(answer("accepted", on=NEXT)))
    cases = await appeals.rows("SELECT state FROM cases ORDER BY patient_control_number")
    assert [case["state"] for case in cases] == ["retracted", "open"]
