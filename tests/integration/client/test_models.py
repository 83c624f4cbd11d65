"""`recours models` from the first training to a check that shows what the model says, over a real classifier and a real ingest."""

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID, uuid5

import pytest

from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.synthetic.chances import chanced_claims
from services.classifier.models.running import Trainer
from services.classifier.risk import store
from services.classifier.risk.claims import encode
from services.classifier.risk.store import Answer
from services.ingest.checks.risk import RiskDesk
from tests.bench.insight import lesson_of
from tests.integration.client.conftest import Run, working
from tests.integration.http.test_contract import served
from tests.integration.ingest.conftest import Ingest
from tests.integration.ingest.test_checks import check_raw
from tests.support import ServiceDatabase, run_apart
from tests.support.access import own_tokens
from tests.unit.ingest.checks.claims import line, professional

FIRST_ON = date(2026, 1, 1)


async def taught(url: str, count: int) -> None:
    """Keep claims and answers as the classifier's handlers would."""
    database = Database(url)
    lessons = [lesson_of(each) for each in chanced_claims(8, count, FIRST_ON, 80)]
    names = [uuid5(UUID(int=0), str(place)) for place in range(len(lessons))]
    claims = [
        ("local", name, each.group, each.submitted_on, encode(each.submission), each.submission.charge_cents)
        for name, each in zip(names, lessons, strict=True)
    ]
    answers = [
        Answer(
            "local",
            name,
            name,
            each.outcome.answered_on,
            each.submission.charge_cents * each.outcome.denied,
            each.outcome.category,
            ",".join(map(str, each.outcome.lines)) or None,
        )
        for name, each in zip(names, lessons, strict=True)
    ]
    async with database.begin() as tx:
        await store.keep_claims(tx, claims)
        await store.keep_answers(tx, answers)
    await database.close()


@pytest.fixture
def trainer(service_database: Any) -> Iterator[ServiceDatabase]:
    """The worker's job of models, in a thread, until the test is over."""
    made: ServiceDatabase = service_database("classifier")
    with working(made.worker_url, lambda worker: Trainer(worker, SystemClock()).run()):
        yield made


@pytest.fixture
def run(recours: Run) -> Run:
    return partial(recours, "models")


async def checked(ingest_urls: ServiceDatabase, classifier_url: str) -> dict[str, Any]:
    """Check a claim as a user does; ask again where a busy machine let the budget run out."""
    ingest = Ingest(ingest_urls)
    told: dict[str, Any] = {}
    for _ in range(10):
        ingest.app.state.risk = RiskDesk(classifier_url, own_tokens("ingest"))
        told = await check_raw(ingest, professional(line()))
        await ingest.app.state.risk.close()
        if told["risk"]["status"] == "available":
            break
    await ingest.close()
    return told


def test_models_are_trained_promoted_and_watched_and_a_check_shows_what_they_say(
    run: Run, trainer: ServiceDatabase, service_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served("classifier", trainer) as url:
        monkeypatch.setenv("RECOURS_CLASSIFIER_URL", url)
        assert "No model was trained yet" in run("list")[2]
        code, _, told = run("train")
        assert (code, told.count("\n")) == (2, 1)
        assert "0 claims were answered, 500 are needed" in told

        run_apart(taught(trainer.worker_url, 4_000))
        code, out, _ = run("train")
        assert code == 0
        assert "risk-1, candidate; learned from" in out
        assert "against plain rates: better." in out
        assert "Never sees patients" in out
        assert "risk-1, live" in run("promote", "risk-1")[1]
        assert "risk-1" in run("list", "--state", "live")[1]
        assert '"state":"live"' in run("list", "--json")[1]
        assert '"state":"live"' in run("show", "risk-1", "--json")[1]

        told = run_apart(checked(service_database("ingest"), url))
        assert (told["risk"]["status"], told["risk"]["model"]) == ("available", "risk-1")
        risk = told["claims"][0]["risk"]
        assert 0 < risk["probability"] < 1
        assert isinstance(risk["lines"], list)

        assert run("drift", "risk-1")[:2] == (0, "too_few: No week has 50 scores yet.\n")
        code, _, told = run("rollback")
        assert (code, told.count("\n")) == (2, 1)
        assert "No model was live before the one that is" in told
        assert run("evaluate", "risk-1")[0] == 1
        assert run("shadow", "risk-1")[0] == 2
        assert run("show", "risk-9")[0] == 2
