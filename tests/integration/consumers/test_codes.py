"""Pages about codes over a real database: what a tenant saw, spellings, and what is unknown."""

from datetime import date
from typing import Any

import msgspec

from tests.integration.consumers.conftest import Service, remit, reversal
from tests.integration.consumers.test_api import client
from tests.integration.consumers.test_odds import decided


async def page(classifier: Service, path: str) -> dict[str, Any]:
    async with client(classifier) as asking:
        answer = await asking.get(f"/v1/codes/{path}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_page_counts_what_this_tenant_saw_and_how_it_ended(classifier: Service) -> None:
    await classifier.take(
        remit("ACCT-1", adjustments=[("CO", "0197", 4000), ("CO", "50", 1000)]),
        remit("ACCT-2"),
        remit("ACCT-3"),
        reversal("ACCT-3"),
        remit("ACCT-4", tenant="other"),
    )
    told = await page(classifier, "carc/197")
    assert told["seen"] == {
        "denials": 3,
        "standing": 2,
        "retracted": 1,
        "refused_cents": 24000,
        "first_on": "2026-01-10",
        "last_on": "2026-01-10",
        "to_do": {"appeal": 2},
        "ended": {"overturned": 0, "partly_overturned": 0, "upheld": 0, "recovered_cents": 0},
    }
    assert told["outcomes"][0]["category"] == "authorization"
    assert (await page(classifier, "carc/50"))["seen"]["refused_cents"] == 1000
    assert (await page(classifier, "carc/96"))["seen"]["denials"] == 0


async def test_a_page_tells_how_denials_ended_each_by_its_latest_decision(classifier: Service) -> None:
    events = await classifier.take(remit("A"), remit("B"), remit("C"), remit("D"))
    first, second, _, _ = (msgspec.json.decode(each.data) for each in events)
    await classifier.take(
        decided(first, "upheld"),
        decided(first, "partly_overturned", level="external_review", recovered_cents=700, decided_on=date(2026, 2, 20)),
        decided(second),
        remit("B", adjustments=[], day=date(2026, 2, 9)),
        remit("C", adjustments=[], day=date(2026, 2, 9)),
    )
    seen = (await page(classifier, "carc/197"))["seen"]
    assert (seen["denials"], seen["ended"]) == (
        4,
        {"overturned": 2, "partly_overturned": 1, "upheld": 0, "recovered_cents": 700 + 10000 + 10000},
    )


async def test_spellings_and_both_languages(classifier: Service) -> None:
    told = await page(classifier, "carc/0016")
    assert told["code"] == "16"
    assert told["meaning"]["en"] != told["meaning"]["fr"]
    assert "N290" in {each["code"] for each in told["remarks"]}
    assert (await page(classifier, "rarc/n290"))["code"] == "N290"
    retired = await page(classifier, "carc/15")
    assert (retired["status"], retired["successors"]) == ("retired", ["197", "284", "296"])


async def test_an_unknown_code_is_a_problem_that_points_to_the_other_list(classifier: Service) -> None:
    async with client(classifier) as asking:
        unknown = await asking.get("/v1/codes/carc/ZZ9")
        misplaced = await asking.get("/v1/codes/carc/n290")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:recours:problem:unknown-code")
    assert "ZZ9" not in unknown.text
    assert "/v1/codes/rarc" in misplaced.json()["detail"]
