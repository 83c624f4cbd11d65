"""Odds over a real database: learned from decided appeals and from later remits, whatever the order, told with every denial."""

import asyncio
import itertools
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from libs.common.clock import SystemClock
from libs.common.contracts import appeal_decided, appeal_filed
from libs.common.contracts.appeal_decided import AppealDecidedV1
from libs.common.contracts.appeal_filed import AppealFiledV1
from libs.common.contracts.envelope import encode
from libs.common.ids import claim_key
from services.classifier.learners import LEARNERS
from services.classifier.models import store as models
from services.classifier.models.running import Trainer
from services.classifier.odds import boosting, store
from services.classifier.odds.book import Book
from services.classifier.odds.making import OddsMaker
from services.classifier.odds.outcomes import Circumstances, Subject
from services.classifier.odds.shelf import Shelf
from services.classifier.odds.store import OutcomeRow
from tests.integration.consumers.conftest import NOW, Sent, Service, remit, reversal
from tests.integration.consumers.test_api import client

LATER = date(2026, 2, 10)


class Today:
    @staticmethod
    def now() -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)


def decided(denial: dict[str, Any], outcome: str = "overturned", *, tenant: str = "local", **changed: Any) -> Sent:
    """Make an `appeal.decided` of a denial as its event tells it."""
    told: dict[str, Any] = {
        "appeal_id": uuid4(),
        "revision": 1,
        "case_id": uuid4(),
        "denial_id": UUID(denial["denial_id"]),
        "remit_id": UUID(denial["remit_id"]),
        "claim_key": UUID(denial["claim_key"]),
        "payer_id": denial["payer_id"],
        "payer_name": denial["payer_name"],
        "action": "appeal",
        "category": denial["category"],
        "outcome": outcome,
        "disputed_cents": denial["denied_cents"],
        "recovered_cents": 0 if outcome == "upheld" else denial["denied_cents"],
        "decided_by": "remittance",
        "decided_on": LATER,
        "decided_at": NOW,
    }
    return Sent(appeal_decided.TOPIC, appeal_decided.TYPE, tenant, encode(AppealDecidedV1(**told | changed)), uuid4())


def filed(denial: dict[str, Any], appeal_id: UUID, filed_on: date) -> Sent:
    """Make an `appeal.filed` of a denial as its event tells it."""
    told = AppealFiledV1(
        appeal_id=appeal_id,
        case_id=uuid4(),
        denial_id=UUID(denial["denial_id"]),
        denial_revision=1,
        remit_id=UUID(denial["remit_id"]),
        claim_key=UUID(denial["claim_key"]),
        payer_id=denial["payer_id"],
        payer_name=denial["payer_name"],
        action="appeal",
        category=denial["category"],
        disputed_cents=denial["denied_cents"],
        channel="portal",
        filed_on=filed_on,
        filed_at=NOW,
    )
    return Sent(appeal_filed.TOPIC, appeal_filed.TYPE, "local", encode(told), uuid4())


async def denied(classifier: Service, *accounts: str) -> list[dict[str, Any]]:
    events = await classifier.take(*(remit(each) for each in accounts))
    return [msgspec.json.decode(each.data) for each in events]


async def kept(classifier: Service) -> list[tuple[str, str, int]]:
    rows = await classifier.rows("SELECT source, ending, recovered_cents FROM outcomes ORDER BY source, ending, recovered_cents")
    return [(row["source"], row["ending"], row["recovered_cents"]) for row in rows]


async def learned(classifier: Service) -> Book:
    book = Book()
    maker = OddsMaker(classifier.worker, Today(), book)
    while await maker.step() is not None:
        pass
    return book


async def test_the_highest_revision_of_a_decision_holds_in_any_order(classifier: Service) -> None:
    (denial,) = await denied(classifier, "A")
    appeal = uuid4()
    first = decided(denial, appeal_id=appeal)
    taken_back = decided(denial, "upheld", appeal_id=appeal, revision=2)
    for order in ((first, taken_back), (taken_back, first), (first, first)):
        await classifier.take(*order)
    assert await kept(classifier) == [("appeal", "upheld", 0)]
    await classifier.take(decided(denial, "partly_overturned", appeal_id=appeal, revision=3, recovered_cents=700))
    assert await kept(classifier) == [("appeal", "partly_overturned", 700)]


async def test_a_later_payment_of_a_denied_claim_is_an_outcome_until_it_is_taken_back(classifier: Service) -> None:
    await denied(classifier, "A", "B")
    paying = remit("A", adjustments=[("CO", "45", 4000)], day=LATER)
    await classifier.take(paying, remit("C", adjustments=[]))
    assert await kept(classifier) == [("remit", "overturned", 6000)]
    await classifier.take(reversal("A", adjustments=[("CO", "45", 4000)], day=date(2026, 2, 20)))
    assert await kept(classifier) == []
    await classifier.take(remit("A", day=date(2026, 2, 21)))
    assert await kept(classifier) == [("remit", "upheld", 0)]
    due = await classifier.rows("SELECT tenant_id, changes > changes_seen AS due FROM odds_due")
    assert due == [{"tenant_id": "local", "due": True}]


async def test_a_correction_that_comes_with_its_reversal_is_an_outcome_in_any_order(classifier: Service) -> None:
    parts = [reversal(day=LATER), remit(adjustments=[("CO", "45", 4000)], day=LATER)]
    for place, order in enumerate(itertools.permutations(parts)):
        account = f"A{place}"
        await denied(classifier, account)
        for each in order:
            data = msgspec.json.decode(each.data) | {"claim_key": str(claim_key("local", account)), "remit_id": str(uuid4())}
            await classifier.take(Sent(each.topic, each.type, each.tenant_id, msgspec.json.encode(data), uuid4()))
    assert await kept(classifier) == [("remit", "overturned", 6000)] * 2


async def test_what_was_sent_counts_instead_of_what_came(classifier: Service) -> None:
    (denial,) = await denied(classifier, "A")
    await classifier.take(decided(denial, "upheld"), decided(denial, "overturned", level="external_review"))
    await classifier.take(remit("A", adjustments=[], day=LATER))
    book = await learned(classifier)
    found = {(cell.subject.level, cell.subject.carc): (cell.outcomes, cell.won) for cell in book.of("local").table.cells}
    assert found == {("first_level", "197"): (1, 0), ("external_review", "197"): (1, 1)}


async def test_a_payment_that_came_unasked_and_was_taken_back_is_no_refusal(classifier: Service) -> None:
    (denial,) = await denied(classifier, "A")
    case = uuid4()
    await classifier.take(decided(denial, appeal_id=case, action="none"))
    assert (await learned(classifier)).of("local").table.outcomes == 1
    await classifier.take(decided(denial, "upheld", appeal_id=case, action="none", revision=2))
    assert (await learned(classifier)).of("local").table.outcomes == 0
    async with client(classifier) as asking:
        ended = (await asking.get("/v1/codes/carc/197")).json()["seen"]["ended"]
    assert ended == {"overturned": 0, "partly_overturned": 0, "upheld": 0, "recovered_cents": 0}


async def test_what_was_sent_and_never_answered_counts_as_lost_after_half_a_year(classifier: Service) -> None:
    denials = await denied(classifier, "A", "B", "C")
    appeals = [uuid4() for _ in denials]
    long_ago, lately = Today.now().date() - timedelta(days=180), Today.now().date() - timedelta(days=179)
    sent = [filed(each, appeal, on) for each, appeal, on in zip(denials, appeals, (long_ago, lately, long_ago), strict=True)]
    await classifier.take(*sent, sent[0], decided(denials[2], appeal_id=appeals[2]))
    (cell,) = (await learned(classifier)).of("local").table.cells
    assert (cell.outcomes, cell.won, cell.subject.carc) == (2, 1, "197"), "A is lost, B may still be answered, C was won"
    async with classifier.worker.begin() as tx:
        assert await store.count_outcomes(tx, "local", Today.now().date()) == (2, 1)
    async with client(classifier) as asking:
        ended = (await asking.get("/v1/codes/carc/197")).json()["seen"]["ended"]
    assert (ended["overturned"], ended["upheld"]) == (1, 0), "nobody decided A"
    await classifier.take(decided(denials[0], appeal_id=appeals[0]), sent[0])
    (cell,) = (await learned(classifier)).of("local").table.cells
    assert (cell.outcomes, cell.won) == (2, 2), "the answer came after all"


async def test_the_api_has_odds_at_hand_before_anybody_asks(classifier: Service) -> None:
    await denied(classifier, *(f"A{place}" for place in range(3)))
    await classifier.take(*(remit(f"A{place}", adjustments=[], day=LATER) for place in range(3)))
    await learned(classifier)
    shelf = Shelf(Today())
    assert shelf.at_hand("local") is None
    keeping = asyncio.create_task(shelf.keep_ready(classifier.api, "local"))
    while shelf.at_hand("local") is None:  # noqa: ASYNC110 - another task looks it up
        await asyncio.sleep(0.02)
    keeping.cancel()
    known = shelf.at_hand("local")
    assert known is not None
    assert known.version == "table.1"


async def test_a_denial_tells_its_odds_and_what_it_is_worth_and_each_tenant_has_its_own(classifier: Service) -> None:
    (first,) = await denied(classifier, "A0")
    assert (first["overturn_probability"], first["odds_version"]) == (0.63, "table.0")
    assert first["expected_value_cents"] == 6300
    denials = await denied(classifier, *(f"A{place}" for place in range(1, 31)))
    await classifier.take(*(decided(each, "upheld") for each in denials))
    book = await learned(classifier)
    assert (book.of("local").table.outcomes, book.of("other").table.outcomes) == (30, 0)
    async with client(classifier) as asking:
        shown = (await asking.get(f"/v1/denials/{first['denial_id']}")).json()
        assert shown["odds"]["probability"] < 0.2
        assert (shown["odds"]["outcomes"], shown["odds"]["basis"], shown["odds"]["enough"]) == (30, "payer_carc", True)
        assert shown["odds"]["low"] < shown["odds"]["probability"] < shown["odds"]["high"]
        assert shown["expected_value_cents"] == round(10_000 * shown["odds"]["probability"])
        (row,) = (await asking.get("/v1/odds", params={"payer": "1999999999"})).json()["items"]
        assert (row["contested"], row["won"], row["odds"]["version"]) == (30, 0, "table.1")
        report = (await asking.get("/v1/odds/evaluation")).json()
        assert (report["outcomes"], report["held_out"], report["lift"], report["chosen"]) == (30, 0, [], "table")
    async with client(classifier, "other") as asking:
        assert (await asking.get("/v1/odds")).json()["items"] == []
        assert (await asking.get("/v1/odds/evaluation")).status_code == 404
    retracted = await classifier.take(reversal("A0"))
    assert msgspec.json.decode(retracted[0].data)["odds_version"] == "table.0"  # as it was when it was judged


async def test_a_table_is_made_when_something_changed_and_not_otherwise(classifier: Service) -> None:
    denials = await denied(classifier, "A", "B")
    await classifier.take(decided(denials[0]))
    book = await learned(classifier)
    assert book.of("local").table.version == 1
    assert (await learned(classifier)).of("local").table.version == 1
    again = decided(denials[1])
    await classifier.take(again, again)
    assert (await learned(classifier)).of("local").table.version == 2


async def test_nobody_contests_what_another_payer_or_the_patient_owes(classifier: Service) -> None:
    (event,) = await classifier.take(remit(adjustments=[("CO", "22", 10000)]))
    told = msgspec.json.decode(event.data)
    assert told["action"] == "bill_other_payer"
    assert told.get("overturn_probability") is None


async def test_classify_tells_the_odds_without_keeping_anything(classifier: Service) -> None:
    body = {"charge_cents": 10000, "paid_cents": 0, "payer_kind": "marketplace"}
    async with client(classifier) as asking:
        refused = body | {"adjustments": [{"group_code": "CO", "carc": "197", "amount_cents": 10000}]}
        told = (await asking.post("/v1/classify", json=refused)).json()
        assert (told["odds"]["probability"], told["odds"]["basis"], told["expected_value_cents"]) == (0.34, "published", 3400)
        share = body | {"adjustments": [{"group_code": "PR", "carc": "1", "amount_cents": 10000}]}
        assert (await asking.post("/v1/classify", json=share)).json()["odds"] is None


async def contested(classifier: Service) -> None:
    """Keep outcomes that are won by the amount alone, which the table does not look at."""
    draw = random.Random(3)
    subject = Subject("1999999999", "", "", "first_level", "authorization", "197")
    rows = []
    for place in range(1_500):
        cents = draw.choice([1_000, 90_000])
        won = draw.random() < (0.9 if cents == 1_000 else 0.2)
        rows.append(
            OutcomeRow(
                tenant_id="local",
                outcome_id=uuid4(),
                source="appeal",
                revision=1,
                denial_id=uuid4(),
                action="appeal",
                level=None,
                ending="overturned" if won else "upheld",
                disputed_cents=cents,
                recovered_cents=cents if won else 0,
                decided_on=LATER - timedelta(days=place % 300),
                subject=subject,
                circumstances=Circumstances("CO", (), cents, cents, 0, None),
            )
        )
    async with classifier.worker.begin() as tx:
        await store.save_outcomes(tx, rows)


async def trained(classifier: Service, asking: httpx.AsyncClient) -> UUID:
    """Train a model by a job of its own process, and promote it."""
    assert (await asking.post("/v1/models/train", json={"subject": "overturn"})).status_code == 409
    await contested(classifier)
    begun = await asking.post("/v1/models/train", json={"subject": "overturn"})
    assert begun.status_code == 202, begun.text
    await Trainer(classifier.worker, SystemClock()).step()
    job = (await asking.get(begun.headers["location"])).json()
    assert job["state"] == "done", job
    model = (await asking.get(f"/v1/models/{job['model_id']}")).json()
    assert next(iter(model["card"]["weights"])) == "denied"
    promoted = await asking.post(f"/v1/models/{job['model_id']}/promote")
    assert (promoted.status_code, promoted.json()["state"]) == (200, "live")
    return UUID(job["model_id"])


async def test_a_model_moves_the_odds_once_it_is_live_and_is_not_read_when_altered(classifier: Service) -> None:
    async with client(classifier) as asking:
        model_id = await trained(classifier, asking)
    small, large = (
        remit("A", adjustments=[("CO", "197", 1000)], charge=1000),
        remit("B", adjustments=[("CO", "197", 90000)], charge=90000),
    )
    known = {each["patient_control_number"]: each for each in map(data_of, await classifier.take(small, large))}
    assert {each["odds_version"] for each in known.values()} == {"table.0"}  # the worker had not looked yet
    async with client(classifier) as asking:
        shown = {each["patient_control_number"]: each for each in (await asking.get("/v1/denials")).json()["items"]}
        assert shown["A"]["odds"]["probability"] > shown["B"]["odds"]["probability"] + 0.3
        assert (shown["A"]["odds"]["basis"], shown["A"]["odds"]["version"]) == ("model", "overturn-1+table.0")
        claim: dict[str, Any] = {"charge_cents": 90000, "paid_cents": 0, "payer_id": "1999999999"}
        claim |= {"adjustments": [{"group_code": "CO", "carc": "197", "amount_cents": 90000}]}
        asked = (await asking.post("/v1/classify", json=claim)).json()
        assert asked["odds"] == shown["B"]["odds"]
        await classifier.take(decided(known["A"]))
        book = await learned(classifier)
        report = (await asking.get("/v1/odds/evaluation")).json()
    assert (report["chosen"], report["model"]["name"]) == ("model", "overturn-1")
    assert report["model"]["held_out"] == pytest.approx(300, abs=15)
    assert report["model"]["log_loss"] < report["model"]["table_log_loss"]
    assert book.of("local").version == "overturn-1+table.1"
    async with classifier.worker.begin() as tx:
        came = await LEARNERS["overturn"].came(tx, "local", (0, UUID(int=0)), 10)
        body, *_ = await models.body(tx, "local", model_id)
    scores = LEARNERS["overturn"].score(boosting.read(body), came)
    said = {str(each.about): score for each, score in zip(came, scores, strict=True)}
    assert said[shown["A"]["denial_id"]] > said[shown["B"]["denial_id"]] + 0.3
    await classifier.rows("UPDATE models SET body = body || ' ' RETURNING model_id")
    assert (await learned(classifier)).of("local").version == "table.1"


def data_of(each: Sent) -> dict[str, Any]:
    return dict(msgspec.json.decode(each.data))
