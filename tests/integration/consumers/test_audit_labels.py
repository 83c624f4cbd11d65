"""What an audit holds to be so reaches the classifier as a label: once, however often it is told, and when it is back."""

from uuid import uuid4

import httpx
import pytest

from libs.common.clock import FixedClock
from libs.common.errors import Transient
from services.analytics.api import make_app as analytics_app
from services.analytics.audits.labelling import Classifier, Labeller
from services.analytics.audits.running import Drawer
from services.classifier.api import make_app as classifier_app
from tests.integration.consumers.conftest import NOW, Service, remit
from tests.support.access import VERIFIER, bearer, own_tokens

RIGHT = {"classification_right": True, "code_right": True, "documentation_sufficient": True}
WRONG = {**RIGHT, "classification_right": False, "category": "duplicate", "action": "none"}
REVIEWERS = ["dana", "lee"]
PLAN = {"reviewers": REVIEWERS, "precision": 0.3, "confidence": 0.8}
# Another tenant's item waits, too.
THEIRS = """
INSERT INTO audit_items SELECT (jsonb_populate_record(i, '{"tenant_id": "north"}')).* FROM audit_items AS i LIMIT 1 RETURNING item
"""


async def test_corrections_and_confirmations_become_labels(analytics: Service, classifier: Service) -> None:
    sent = [remit(), remit("ACCT2", number="ICN2")]
    await analytics.take(*sent, *await classifier.take(*sent))
    clock = FixedClock(NOW)
    desk = httpx.AsyncClient(
        headers=bearer(), transport=httpx.ASGITransport(analytics_app(analytics.api, clock, VERIFIER)), base_url="http://a"
    )
    begun = await desk.post("/v1/audits", json=PLAN, headers={"Idempotency-Key": str(uuid4())})
    assert await Drawer(analytics.worker, clock).step() == 0.0
    path = f"{begun.headers['location']}/items"
    for item, form in ((1, WRONG), (2, RIGHT)):
        for reviewer in REVIEWERS:
            told = await desk.put(f"{path}/{item}/review", json=form, headers=bearer(sub=reviewer))
            assert told.status_code == 200
    away = Labeller(
        analytics.worker,
        Classifier("http://c", own_tokens("analytics"), httpx.MockTransport(lambda _: httpx.Response(503))),
    )
    with pytest.raises(Transient):
        await away.tell()
    judging = httpx.ASGITransport(classifier_app(classifier.api, clock, VERIFIER))
    labeller = Labeller(analytics.worker, Classifier("http://c", own_tokens("analytics"), judging))
    await analytics.rows(THEIRS)
    assert (await labeller.tell(), await labeller.tell()) == (3, 0)
    (theirs,) = await analytics.rows("SELECT label FROM audit_items WHERE tenant_id = 'north'")
    assert theirs["label"] == "refused", "asked for north, the classifier knows no such denial"
    asking = httpx.AsyncClient(headers=bearer(), transport=judging, base_url="http://c")
    labels = (await asking.get("/v1/labels")).json()["items"]
    shown = (await desk.get(path)).json()["items"]
    by_denial = {each["denial_id"]: (each["source"], each["category"], each["action"]) for each in labels}
    assert by_denial == {
        shown[0]["denial_id"]: ("audit", "duplicate", "none"),
        shown[1]["denial_id"]: ("audit", shown[1]["category"], shown[1]["action"]),
    }
    assert [each["label"] for each in shown] == ["sent", "sent"]
    assert (await asking.get("/v1/labels/evaluation")).json()["category_right"] == 1
    assert (await desk.get(f"{begun.headers['location']}/report.pdf")).content[:5] == b"%PDF-"
    assert (await desk.get(f"{begun.headers['location']}/report.xlsx")).content[:2] == b"PK"
