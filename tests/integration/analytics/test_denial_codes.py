"""By which codes payers refuse: the dearest first, through filters, bounded, and shown on pages that lead to their denials."""

from typing import Any

import pytest

from services.analytics.facts import Fact, Refused
from tests.integration.analytics.conftest import Analytics
from tests.unit.analytics.facts import claim, denial, on, remit

PERIOD = {"from": "2026-01-01", "to": "2026-03-31"}


def refused(number: int, days: int, *reasons: Refused, payer_id: str = "P1", provider: str = "D1") -> list[Fact]:
    told: dict[str, Any] = {"payer_id": payer_id}
    return [
        claim(number, provider=provider, **told),
        remit(number, days, claim_number=number, **told),
        denial(number, days, sum(each.cents for each in reasons), reasons=reasons, **told),
    ]


AUTHORIZATION = Refused(1, "authorization", "197", 6_000, "CO", ("N54",))
DUPLICATE = Refused(1, "duplicate", "18", 2_500, "OA")
SHARED = Refused(1, "non_covered", "204", 1_000, "PR")


async def fill(analytics: Analytics) -> None:
    await analytics.tell(
        refused(1, 10, AUTHORIZATION, DUPLICATE),
        refused(2, 11, AUTHORIZATION, payer_id="P2", provider="D2"),
        refused(3, 50, DUPLICATE, payer_id="P2"),
        refused(4, 51, SHARED),
    )


async def codes(analytics: Analytics, **query: Any) -> dict[str, Any]:
    answer = await analytics.http.get("/v1/denial-codes", params={**PERIOD, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def told(found: dict[str, Any]) -> list[tuple[str, str, int, int]]:
    return [(each["group_code"], each["carc"], each["denials"], each["denied_cents"]) for each in found["items"]]


async def test_codes_are_told_with_the_dearest_first_and_what_they_are_together(analytics: Analytics) -> None:
    await fill(analytics)
    found = await codes(analytics)
    assert told(found) == [("CO", "197", 2, 12_000), ("OA", "18", 2, 5_000), ("PR", "204", 1, 1_000)]
    assert [each["cumulative_share"] for each in found["items"]] == [0.666667, 0.944444, 1.0]
    assert (found["denials"], found["denied_cents"], found["others"]) == (4, 18_000, 0)
    (most,) = (cut := await codes(analytics, limit=1))["items"]
    assert (most["carc"], cut["others"], cut["others_cents"]) == ("197", 2, 6_000)
    by_rarc = await codes(analytics, by="rarc")
    assert by_rarc["items"][0]["rarcs"] == ["N54"]


async def test_codes_are_asked_for_through_days_and_filters_and_as_of_a_day(analytics: Analytics) -> None:
    await fill(analytics)
    assert told(await codes(analytics, filter="payer:P2")) == [("CO", "197", 1, 6_000), ("OA", "18", 1, 2_500)]
    assert told(await codes(analytics, filter=["payer:P1", "provider:D1"]))[0] == ("CO", "197", 1, 6_000)
    assert told(await codes(analytics, filter="code:OA 18")) == [("OA", "18", 2, 5_000)]
    assert told(await codes(analytics, to=on(20).isoformat())) == [("CO", "197", 2, 12_000), ("OA", "18", 1, 2_500)]
    assert told(await codes(analytics, as_of=on(50).isoformat()))[1] == ("OA", "18", 2, 5_000)
    assert told(await codes(analytics, filter="payer:NOBODY")) == []
    analytics.tenant = "somebody else"
    analytics.http = analytics.client()
    assert told(await codes(analytics)) == []


async def test_a_new_judgement_takes_the_place_of_the_old_codes(analytics: Analytics) -> None:
    await fill(analytics)
    anew = denial(4, 51, 1_000, version=2, reasons=(Refused(1, "authorization", "198", 1_000, "CO"),))
    await analytics.tell([anew], first=4)
    assert ("PR", "204", 1, 1_000) not in told(await codes(analytics))
    assert ("CO", "198", 1, 1_000) in told(await codes(analytics))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"filter": "level:first"}, "unknown-group"),
        ({"filter": "payer"}, "unknown-group"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "bad-period"),
        ({"from": "1826-01-01"}, "bad-period"),
        ({"limit": "501"}, "invalid-request"),
        ({"by": "SMITH"}, "invalid-request"),
    ],
)
async def test_a_question_that_is_none_is_refused(analytics: Analytics, query: dict[str, str], problem: str) -> None:
    answer = await analytics.http.get("/v1/denial-codes", params={**PERIOD, **query})
    assert (answer.status_code, answer.json()["type"]) == (422, f"urn:recours:problem:{problem}")
    assert "SMITH" not in answer.text


async def test_the_page_of_root_causes_shows_codes_and_each_leads_to_its_denials(analytics: Analytics) -> None:
    await fill(analytics)
    shown = (await analytics.http.get("/root-causes", params=PERIOD)).text
    assert "CO 197" in shown
    assert "66.7%" in shown
    assert "code=CO+197" in shown
    explored = (await analytics.http.get("/denials", params={**PERIOD, "code": "OA 18"})).text
    assert "2 denials, $50 refused" in explored
    assert "left-out" in explored
