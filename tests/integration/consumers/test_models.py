"""A model of risk from the events that teach it to what it says: trained, promoted, asked, shadowed, rolled back, refused."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import msgspec
import psutil
import pytest

from libs.common.clock import FixedClock
from libs.common.contracts import claim_submitted, remit_matched
from libs.common.contracts.claim_submitted import CheckFinding, ClaimSubmittedV1, SubmittedLine
from libs.common.contracts.envelope import encode
from libs.common.contracts.remit_matched import RemitMatchedV1
from libs.common.database import Database
from libs.common.ids import claim_key
from libs.common.retention.forgetting import Forgetter
from libs.synthetic.chances import ChancedClaim, chanced_claims
from services.classifier.api import make_app
from services.classifier.learners import LEARNERS
from services.classifier.models import sealing
from services.classifier.models.running import ScoreKeeper, Trainer
from services.classifier.retention import KINDS
from services.classifier.risk import store
from services.classifier.risk.model import Scorer
from tests.integration.consumers.conftest import Sent, Service, remit
from tests.support import ServiceDatabase
from tests.support.access import VERIFIER, bearer

TODAY = datetime(2026, 3, 20, tzinfo=UTC)
FIRST_ON = date(2025, 12, 1)
CARCS = {
    "authorization": "197",
    "coding_bundling": "97",
    "timely_filing": "29",
    "medical_necessity": "50",
    "missing_information": "16",
}
# A worker that does one job, by uvloop as the real one.
WORKER = """
import sys, uvloop
from libs.common.clock import SystemClock
from libs.common.database import Database
from services.classifier.models.running import Trainer

uvloop.run(Trainer(Database(sys.argv[1]), SystemClock()).step())
"""
CLAIMS = uuid5(UUID(int=0), "claims of these tests")


def submitted(number: int, claim: ChancedClaim, tenant: str = "local") -> ClaimSubmittedV1:
    """Tell of a claim as ingest would."""
    pcn = f"ACCT{claim.account}"
    return ClaimSubmittedV1(
        claim_id=uuid5(CLAIMS, f"{tenant} {number}"),
        claim_key=claim_key(tenant, pcn),
        patient_control_number=pcn,
        claim_type="professional",
        frequency_code=claim.frequency_code,
        charge_cents=claim.charge_cents,
        payer_id=claim.payer_id,
        payer_name="PAYER",
        submitted_at=datetime.combine(claim.submitted_on, datetime.min.time(), UTC),
        lines=tuple(
            SubmittedLine(place, line.charge_cents, line.procedure_code, "HC", line.modifiers)
            for place, line in enumerate(claim.lines, start=1)
        ),
        payer_kind=claim.payer_kind,
        rendering_npi=claim.provider_npi,
        facility_code=claim.facility_code,
        diagnosis_codes=tuple(f"{each}9" for each in claim.diagnoses),
        service_from_on=claim.served_on,
        prior_authorization=claim.authorization,
        findings=tuple(CheckFinding(rule, severity) for rule, severity in claim.findings),  # type: ignore[arg-type]  # of the list
    )


def events(claims: list[ChancedClaim], tenant: str = "local", first: int = 0) -> list[Sent]:
    """Return claims and what payers answered, as they lie on their topics."""
    told = []
    for number, claim in enumerate(claims, start=first):
        data = submitted(number, claim, tenant)
        told.append(Sent(claim_submitted.TOPIC, claim_submitted.TYPE, tenant, encode(data), uuid4()))
        denied = [("CO", CARCS[claim.category], claim.charge_cents)] if claim.category else [("CO", "45", claim.charge_cents // 2)]
        told.append(
            remit(
                data.patient_control_number,
                adjustments=denied,
                charge=claim.charge_cents,
                tenant=tenant,
                day=claim.answered_on,
                number=f"ICN{number}",
                line=claim.line,
                claim_id=data.claim_id,
            )
        )
    return told


def question(*claims: ClaimSubmittedV1) -> dict[str, Any]:
    return {"claims": [msgspec.to_builtins(claim) for claim in claims]}


class Life:
    """The classifier with what trains and scores, and its API."""

    def __init__(self, service: Service, url: str) -> None:
        self.service, self.trainer = service, Trainer(service.worker, FixedClock(TODAY))
        self.keeper = ScoreKeeper(service.worker, LEARNERS)
        self.app = make_app(Database(url), FixedClock(TODAY), VERIFIER)
        self.asking = httpx.AsyncClient(
            headers=bearer(), transport=httpx.ASGITransport(self.app), base_url="http://classifier", timeout=60
        )

    async def learn(self, claims: list[ChancedClaim], first: int = 0, tenant: str = "local") -> None:
        told = events(claims, tenant, first)
        for start in range(0, len(told), 4000):
            await self.service.take(*told[start : start + 4000])

    async def post(self, path: str, status: int, body: Any = None) -> dict[str, Any]:
        answer = await self.asking.post(path, json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.asking.get(path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def done(self, job: dict[str, Any]) -> dict[str, Any]:
        """Work off a job that waits; return it as it ended."""
        assert await self.trainer.step() is not None
        return await self.get(f"/v1/models/jobs/{job['job_id']}")

    async def trained(self) -> dict[str, Any]:
        job = await self.done(await self.post("/v1/models/train", 202, {"subject": "risk"}))
        assert (job["state"], job["detail"]) == ("done", None)
        return await self.get(f"/v1/models/{job['model_id']}")


@pytest.fixture
async def life(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[Life]:
    made = service_database("classifier")
    service = Service("classifier", Database(made.worker_url), Database(made.api_url))
    each = Life(service, made.api_url)
    yield each
    await each.asking.aclose()
    await each.app.state.database.close()
    await service.worker.close()
    await service.api.close()


@pytest.fixture(autouse=True)
def model_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RECOURS_MODEL_KEY", "a key for tests alone")
    sealing.key.cache_clear()
    yield
    sealing.key.cache_clear()


async def test_a_model_lives_from_the_events_that_teach_it_to_its_roll_back(life: Life) -> None:
    claims = list(chanced_claims(8, 4_500, FIRST_ON, 80))
    old, new = claims[:4_000], claims[4_000:]
    await life.learn(old)
    asked = question(*(submitted(9_000 + number, claim) for number, claim in enumerate(new[:200])))

    cold = await life.post("/v1/risk", 200, asked)
    assert cold["model"] == "rates of 4,000 claims"
    model = await life.trained()
    assert (model["name"], model["state"], model["evaluations"][0]["rival_id"]) == ("risk-1", "candidate", None)
    assert (await life.post("/v1/risk", 200, asked))["model"] == cold["model"], "a candidate answers nobody"

    path = f"/v1/models/{model['model_id']}"
    assert model["evaluations"][0]["better"]
    assert (await life.post(f"{path}/promote", 200))["state"] == "live"
    answer = await life.post("/v1/risk", 200, asked)
    assert answer["model"] == "risk-1"
    chances = [each["probability"] for each in answer["claims"]]
    denied = [claim.denied for claim in new[:200]]
    refused, others = (
        sum(chance for chance, was in zip(chances, denied, strict=True) if was == wanted) / max(1, denied.count(wanted))
        for wanted in (True, False)
    )
    assert refused > others + 0.05, "who was denied later was given more"
    assert max(len(each["reasons"]) for each in answer["claims"]) == 3
    assert {each["category"] for each in answer["claims"]} > {"coding_bundling"}

    again = await life.trained()
    refusal = await life.asking.post(f"/v1/models/{again['model_id']}/promote")
    told = refusal.json()
    assert (refusal.status_code, told["type"]) == (409, "urn:recours:problem:model-not-better")
    assert told["figures"]["log_loss"] > 0 < told["rival"]["log_loss"]

    await life.learn(new, first=4_000)
    assert (await life.post(f"/v1/models/{again['model_id']}/shadow", 200))["state"] == "shadow"
    while await life.keeper.step() is not None:
        pass
    shadow = await life.get(f"/v1/models/{again['model_id']}/shadow?weeks=30")
    assert (shadow["scored"], shadow["answered"], round(shadow["correlation"], 3)) == (500, 500, 1.0)
    drift = await life.get(f"{path}/drift?weeks=30")
    assert sum(week["scored"] for week in drift["weeks"]) == 500
    assert all(week["rate"] is not None for week in drift["weeks"])
    await _of_many_scores_a_part_is_looked_at_and_old_ones_are_forgotten(life, model["model_id"], again["model_id"])

    held = await life.done(await life.post(f"/v1/models/{again['model_id']}/evaluate", 202))
    assert held["state"] == "done", held
    newest = (await life.get(f"/v1/models/{again['model_id']}"))["evaluations"][0]
    assert (newest["rival_id"], newest["rows"] > 200) == (model["model_id"], True)

    await life.service.rows("UPDATE model_evaluations SET metrics = jsonb_set(metrics, '{log_loss}', '0.01') RETURNING 1")
    await life.post(f"/v1/models/{again['model_id']}/promote", 200)
    assert (await life.get(path))["state"] == "retired"
    back = await life.post("/v1/models/rollback", 200, {"subject": "risk"})
    assert (back["name"], back["state"]) == ("risk-1", "live")
    assert (await life.get(f"/v1/models/{again['model_id']}"))["state"] == "rolled_back"
    assert (await life.post("/v1/risk", 200, asked))["claims"] == answer["claims"]
    await life.post("/v1/models/rollback", 409, {"subject": "risk"})

    await _altered_in_the_shadow_it_is_not_read(life, f"/v1/models/{again['model_id']}", asked)
    await _altered_it_is_refused(life, path, asked)


async def _of_many_scores_a_part_is_looked_at_and_old_ones_are_forgotten(life: Life, live: str, shadow: str) -> None:
    """Two thousand more of one day, and seven of long ago."""
    await life.service.rows(
        "INSERT INTO risk_claims (tenant_id, claim_id, claim_key, submitted_on, told, charge_cents)"
        " SELECT 'local', md5(n::text)::uuid, claim_key, CASE WHEN n > 7 THEN DATE '2026-03-18' ELSE '2020-01-01' END, told, 1"
        " FROM (SELECT * FROM risk_claims LIMIT 1) AS one, generate_series(1, 2007) AS n RETURNING 1"
    )
    await life.service.rows(
        "INSERT INTO model_scores SELECT 'local', model_id, claim_id, 0.5, submitted_on FROM risk_claims, models"
        " WHERE charge_cents = 1 AND state IN ('live', 'shadow') RETURNING 1"
    )
    week = (await life.get(f"/v1/models/{live}/drift?weeks=30"))["weeks"][-1]
    assert (week["from_on"], week["scored"] >= 2_000, week["looked_at"] < 2_000) == ("2026-03-16", True, True)
    compared = await life.get(f"/v1/models/{shadow}/shadow?weeks=30")
    assert compared["scored"] < 2_000, "the same part of both"
    assert compared["scored"] >= week["looked_at"]
    await life.service.rows("INSERT INTO tenants VALUES ('local', 'active', '', 'olga', now(), true, 'matter 12') RETURNING 1")
    forgetter = Forgetter(life.service.worker, FixedClock(datetime(2022, 1, 1, tzinfo=UTC)), KINDS)
    assert await forgetter.forget(10) == 0, "it is under legal hold"
    await life.service.rows("UPDATE tenants SET legal_hold = false RETURNING 1")
    assert await forgetter.forget(10) == 14
    (kept,) = await life.service.rows("SELECT count(*) AS n FROM model_scores")
    assert kept["n"] == 2 * (500 + 2_000)


async def _altered_in_the_shadow_it_is_not_read(life: Life, path: str, asked: dict[str, Any]) -> None:
    await life.post(f"{path}/shadow", 200)
    await life.service.rows("UPDATE models SET body = body || ' ' WHERE state = 'shadow' RETURNING 1")
    anew = make_app(life.service.api, FixedClock(TODAY), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(anew), base_url="http://classifier") as asking:
        assert (await asking.post("/v1/risk", json=asked)).json()["model"] == "risk-1"


async def _altered_it_is_refused(life: Life, path: str, asked: dict[str, Any]) -> None:
    # Whoever can write the database can write the hash that goes with the file, and not its seal.
    file = "body = body || ' ', sha256 = encode(sha256(body || ' '), 'hex')"
    await life.service.rows(f"UPDATE models SET {file} WHERE version = 1 RETURNING 1")
    altered = make_app(life.service.api, FixedClock(TODAY), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(altered), base_url="http://classifier") as asking:
        found = await asking.post("/v1/risk", json=asked)
        assert (found.status_code, found.json()["type"]) == (503, "urn:recours:problem:model-altered")
        found = await asking.post(f"{path}/evaluate")
        assert (found.status_code, found.json()["type"]) == (409, "urn:recours:problem:model-altered")


@pytest.mark.parametrize(("claims", "beside"), [(1, False), (21, True)])
async def test_many_claims_are_assessed_beside_the_event_loop(
    life: Life, monkeypatch: pytest.MonkeyPatch, claims: int, beside: bool
) -> None:
    threads: list[threading.Thread] = []
    assess = Scorer.assess

    def told(scorer: Scorer, asked: Any) -> Any:
        threads.append(threading.current_thread())
        return assess(scorer, asked)

    monkeypatch.setattr(Scorer, "assess", told)
    some = list(chanced_claims(8, claims, FIRST_ON, 1))
    answer = await life.post("/v1/risk", 200, question(*(submitted(number, claim) for number, claim in enumerate(some))))
    assert len(answer["claims"]) == claims
    assert [thread is not threading.main_thread() for thread in threads] == [beside]


async def test_ten_claims_or_one_kind_of_outcome_teach_nothing_and_say_so(life: Life) -> None:
    claims = list(chanced_claims(3, 700, FIRST_ON, 80))
    await life.learn(claims[:10])
    refused = await life.post("/v1/models/train", 409, {"subject": "risk"})
    assert (refused["type"], refused["detail"]) == (
        "urn:recours:problem:too-few-outcomes",
        "Too few outcomes: 10 claims were answered, 500 are needed.",
    )
    paid = [msgspec.structs.replace(claim, denied=False, category=None) for claim in claims[10:]]
    await life.learn(paid, first=10)
    refused = await life.post("/v1/models/train", 409, {"subject": "risk"})
    assert "Too few denials to tell from the rest" in refused["detail"]
    assert (await life.get("/v1/models"))["items"] == []


async def test_a_training_whose_process_or_worker_is_killed_is_begun_anew_and_never_half_registered(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    await life.learn(list(chanced_claims(5, 2_000, FIRST_ON, 80)))
    job = await life.post("/v1/models/train", 202, {"subject": "risk"})
    assert await life.post("/v1/models/train", 202, {"subject": "risk"}) == job
    await _killed_in_the_middle(life, monkeypatch)
    told = await life.get(f"/v1/models/jobs/{job['job_id']}")
    assert (told["state"], told["attempts"]) == ("waiting", 1)
    assert told["detail"] == "Its process was killed by signal 9, attempt 1."
    await _worker_killed(life)
    told = await life.get(f"/v1/models/jobs/{job['job_id']}")
    assert (told["state"], told["attempts"]) == ("running", 2)
    assert (await life.get("/v1/models"))["items"] == []
    assert await life.trainer.step() is None, "the dead worker's lease has not run out"
    life.trainer = Trainer(life.service.worker, FixedClock(datetime.now(UTC) + timedelta(hours=1)))
    told = await life.done(job)
    assert (told["state"], told["attempts"]) == ("done", 3)
    assert len((await life.get("/v1/models"))["items"]) == 1

    cancelled = await life.post("/v1/models/train", 202, {"subject": "risk"})
    step = asyncio.create_task(life.trainer.step())
    await asyncio.sleep(0.3)
    assert (await life.post(f"/v1/models/jobs/{cancelled['job_id']}/cancel", 200))["state"] == "cancelled"
    await step
    assert len((await life.get("/v1/models"))["items"]) == 1
    assert await life.trainer.step() is None


async def _killed_in_the_middle(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the job's process be killed as soon as it has said something."""
    real = asyncio.create_subprocess_exec

    async def begun(*arguments: Any, **more: Any) -> Any:
        process = await real(*arguments, **more)
        asyncio.get_running_loop().call_later(0.5, os.kill, process.pid, signal.SIGKILL)
        return process

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "create_subprocess_exec", begun)
        assert await life.trainer.step() is not None


async def _worker_killed(life: Life) -> None:
    """Let a worker take the job, and kill it alone, in the middle; its job's process has to end by itself."""
    url = life.service.worker.engine.url.render_as_string(hide_password=False)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, url)
    told: list[psutil.Process] = []
    async with asyncio.timeout(60):
        while not told:
            await asyncio.sleep(0.05)
            told = psutil.Process(worker.pid).children()
    await asyncio.sleep(0.3)
    worker.kill()
    await worker.wait()
    _, left = await asyncio.to_thread(psutil.wait_procs, told, 30)
    assert left == []


async def test_the_first_answer_to_a_claim_is_its_label_in_any_order_of_arrival(life: Life) -> None:
    claim = next(each for each in chanced_claims(3, 50, FIRST_ON, 80) if not each.denied)
    data = submitted(1, claim)
    told = Sent(claim_submitted.TOPIC, claim_submitted.TYPE, "local", encode(data), uuid4())
    later = remit(day=FIRST_ON + timedelta(days=90), adjustments=(("CO", "45", 4000),), claim_id=data.claim_id)
    first = uuid4()
    matched = RemitMatchedV1(first, uuid4(), data.claim_key, "score", TODAY, data.claim_id)
    found = Sent(remit_matched.TOPIC, remit_matched.TYPE, "local", encode(matched), uuid4(), 5)
    reversal = remit(day=FIRST_ON + timedelta(days=1), status="22", adjustments=(("CO", "45", 1),), claim_id=data.claim_id)
    await life.service.take(found, later, reversal)
    await life.service.take(told, told)
    assert await outcome(life) == (date(2026, 3, 1), False, None)
    await life.service.take(remit(day=FIRST_ON + timedelta(days=40), remit_id=first))
    assert await outcome(life) == (date(2026, 1, 10), True, "authorization")


async def outcome(life: Life) -> tuple[date, bool, str | None]:
    async with life.service.worker.begin() as tx:
        (lesson,) = [each async for each in store.lessons(tx, "local", 10)]
    return lesson.outcome.answered_on, lesson.outcome.denied, lesson.outcome.category
