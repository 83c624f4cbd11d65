"""Scorecards over HTTP: beside the period before and the mean, and without small cells where they are shared."""

from typing import Any

import pytest

from tests.integration.analytics.conftest import Analytics
from tests.unit.analytics.facts import answered, claim, denial, on, remit


async def cards(analytics: Analytics, by: str, **query: Any) -> dict[str, dict[str, Any]]:
    asked = {"from": "2026-02-01", "to": "2026-02-28", **query}
    answer = await analytics.http.get(f"/v1/scorecards/{by}", params=asked)
    assert answer.status_code == 200, answer.text
    return {card["key"]: {each["kpi"]: each for each in card["scores"]} for card in answer.json()["items"]}


async def test_each_is_held_against_its_own_past_and_the_mean(analytics: Analytics) -> None:
    january = [[claim(), remit(), denial()]]
    february = [[claim(known_on=on(30)), remit(2, 40), denial(2, 40)], [claim(known_on=on(30), facility="F2"), remit(2, 40, 9_000)]]
    others = [[claim(known_on=on(30), payer_id="P2"), remit(2, 40, 9_000, payer_id="P2")] for _ in range(2)]
    await analytics.tell(*january, *february, *others)
    told = (await cards(analytics, "payer"))["P1"]["initial-denial-rate"]
    assert (told["value"], told["numerator"], told["denominator"]) == (0.5, 1, 2)
    assert (told["before"], told["mean"], told["is_suppressed"]) == (1.0, 0.25, False)
    by_facility = await cards(analytics, "facility")
    assert {key: each["initial-denial-rate"]["value"] for key, each in by_facility.items()} == {
        "F1": pytest.approx(1 / 3, abs=1e-6),
        "F2": 0.0,
    }
    shared = await cards(analytics, "payer", shared=True)
    assert {each["initial-denial-rate"]["value"] for each in shared.values()} == {None}
    assert {each["initial-denial-rate"]["mean"] for each in shared.values()} == {None}  # one of four: as small as the cells
    assert shared["P1"]["initial-denial-rate"]["is_suppressed"] is True


async def test_no_small_count_follows_from_a_shared_card(analytics: Analytics) -> None:
    now = [*answered("P1", 40, 20, 40), *answered("P2", 40, 3, 40), *answered("P3", 50, 25, 40), *answered("P4", 90, 30, 40)]
    earlier = [*answered("P1", 30, 15, 10), *answered("P3", 3, 1, 10), *answered("P4", 60, 30, 10)]
    await analytics.tell(*now, *earlier)
    whole = {key: each["initial-denial-rate"] for key, each in (await cards(analytics, "payer")).items()}
    assert whole["P3"]["before"] == pytest.approx(1 / 3, abs=1e-6)
    shared = await cards(analytics, "payer", shared=True)
    for kpi in ("initial-denial-rate", "initial-denial-rate-dollars", "first-pass-rate"):
        told = {key: each[kpi] for key, each in shared.items()}
        # P1 has enough, but P2 would follow from it and the mean.
        assert {key for key, each in told.items() if each["is_suppressed"]} == {"P1", "P2"}
        assert {each["value"] for key, each in told.items() if each["is_suppressed"]} == {None}
        assert (told["P3"]["before"], told["P4"]["before"]) == (None, 0.5)
        assert {each["mean"] for each in told.values()} == {whole["P1"]["mean"] if "denial" in kpi else 1 - whole["P1"]["mean"]}
    january = await cards(analytics, "payer", shared=True, **{"from": "2026-01-01", "to": "2026-01-31"})
    assert {key for key, each in january.items() if each.get("initial-denial-rate", {}).get("is_suppressed")} == {"P1", "P3"}


async def test_a_card_alone_with_few_cases_shows_no_mean(analytics: Analytics) -> None:
    await analytics.tell(*answered("P1", 40, 3, 40))
    (told,) = (await cards(analytics, "payer", shared=True)).values()
    rate = told["initial-denial-rate"]
    assert (rate["value"], rate["mean"], rate["numerator"], rate["denominator"]) == (None, None, None, None)
    (told,) = (await cards(analytics, "payer")).values()
    assert told["initial-denial-rate"]["mean"] == 0.075


async def test_coders_have_cards_where_claims_say_who_coded_them(analytics: Analytics) -> None:
    first = [[claim(coder="C1", known_on=on(30)), remit(2, 40), denial(2, 40)], [claim(coder="C1", known_on=on(30)), remit(2, 40)]]
    second = [[claim(coder="C2", known_on=on(30)), remit(2, 40)], [claim(known_on=on(30)), remit(2, 40)]]
    await analytics.tell(*first, *second)
    by_coder = await cards(analytics, "coder")
    assert {key: each["initial-denial-rate"]["value"] for key, each in by_coder.items()} == {"C1": 0.5, "C2": 0.0}
    asked = {"group_by": ["coder", "provider"], "filter": ["payer:P1", "coder:C1"], "from": "2026-02-01", "to": "2026-02-28"}
    (told,) = (await analytics.ask("initial-denial-rate", **asked))["groups"]
    assert (told["keys"], told["value"]) == ({"coder": "C1", "provider": "D1"}, 0.5)


async def test_a_bad_question_is_refused(analytics: Analytics) -> None:
    for path, query in (
        ("payer", {}),
        ("category", {"from": "2026-01-01", "to": "2026-01-31"}),
        ("payer", {"from": "0001-01-01", "to": "0001-02-01"}),
        ("payer", {"from": "1826-01-01", "to": "2026-01-01"}),
    ):
        assert (await analytics.http.get(f"/v1/scorecards/{path}", params=query)).status_code == 422
