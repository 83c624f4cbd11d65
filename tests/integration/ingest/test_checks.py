"""Claims checked over HTTP before they go out, and on their way in."""

from typing import Any

import msgspec

from tests.integration.ingest.conftest import Ingest
from tests.unit.ingest.checks import tables
from tests.unit.ingest.checks.claims import DAY, line, professional
from tests.unit.x12.build import encode
from tests.unit.x12.build_claims import claim, one

PTP = tables.ptp(("G0283", "A4253", "20200101", "*", "0"), ("G0283", "J1885", "20250101", "20251231", "1"))


async def check_raw(ingest: Ingest, *claims: Any) -> dict[str, Any]:
    """Check claims as JSON; return the answer."""
    body = msgspec.to_builtins([*claims])
    answer = await ingest.http.post("/v1/claims/check", json=[_body(each) for each in body])
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def check(ingest: Ingest, *claims: Any) -> list[dict[str, Any]]:
    """Check claims as JSON; return the answer's claims."""
    return list((await check_raw(ingest, *claims))["claims"])


def _body(told: dict[str, Any]) -> dict[str, Any]:
    """Return a claim as a client would send it."""
    return {name: value for name, value in told.items() if name not in ("separator", "component", "ordinal")}


def rules(claim: dict[str, Any]) -> list[str]:
    return [each["rule"] for each in claim["findings"]]


async def test_a_claim_that_is_right_is_clean_and_one_that_is_not_says_what_where_why_and_how(ingest: Ingest) -> None:
    right, wrong = await check(ingest, professional(), professional(line(units=""), patient_control_number="PCN2"))
    assert (right["verdict"], right["findings"], right["segment_index"]) == ("clean", [], None)
    assert wrong["verdict"] == "error"
    finding, duplicate = wrong["findings"]
    assert duplicate["rule"] == "DUP-EXACT", "both claims are of the same member, day and procedure"
    assert finding == {
        "rule": "STRUCT-UNITS", "severity": "error", "carc": "16", "path": "lines[0].units", "pointer": "/lines/0/units",
        "loop": "2400", "element": "SV104", "line": 1, "message": "The number of units is missing or is not above zero.",
        "why": "What is billed cannot be priced.", "correct": "Give the units that were delivered.",
    }  # fmt: skip
    assert await ingest.count("claims") == 0


async def test_an_837_is_checked_with_the_places_of_its_claims(ingest: Ingest) -> None:
    body = encode(one(claim("A"), claim("B", "99")))
    answer = await ingest.http.post("/v1/claims/check", content=body, headers={"Content-Type": "application/edi-x12"})
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["claims"]
    assert "STRUCT-CHARGE-SUM" not in rules(first)
    assert "STRUCT-CHARGE-SUM" in rules(second)
    assert body[second["byte_offset"] :].startswith(b"CLM*B*99")
    assert second["ordinal"] == 2
    assert "ncci-ptp-practitioner" in answer.json()["not_loaded"]


async def test_what_is_no_claim_is_a_problem_that_repeats_nothing(ingest: Ingest) -> None:
    answer = await ingest.http.post("/v1/claims/check", content=b"SECRET", headers={"Content-Type": "application/edi-x12"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recours:problem:no-claims")
    answer = await ingest.http.post("/v1/claims/check", json=[{"claim_type": "SECRET"}])
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recours:problem:invalid-request")
    assert "SECRET" not in answer.text


async def test_the_same_service_twice_in_one_request_is_a_duplicate(ingest: Ingest) -> None:
    first, second, third = await check(ingest, professional(), professional(patient_control_number="PCN2"), professional())
    assert (rules(first), rules(second)) == ([], ["DUP-EXACT"])
    assert rules(third) == ["DUP-EXACT"], "of the second; the same claim again is no duplicate of itself"


async def test_tables_are_asked_for_the_quarter_of_the_service(ingest: Ingest) -> None:
    pair = professional(line(1), line(2, "A4253"))
    assert rules((await check(ingest, pair))[0]) == []
    assert (await ingest.load("ncci-ptp-practitioner", PTP))["status"] == "live"
    assert rules((await check(ingest, pair))[0]) == ["NCCI-PTP-NEVER"]
    old = msgspec.structs.replace(
        pair, lines=tuple(msgspec.structs.replace(each, service_from_on=DAY.replace(year=2025)) for each in pair.lines)
    )
    assert rules((await check(ingest, old))[0]) == []


async def test_a_claim_that_comes_in_is_checked_kept_with_its_findings_and_told_of(ingest: Ingest) -> None:
    await ingest.take(encode(one(claim("A"), claim("B", "99"))))
    events = {each["patient_control_number"]: each for each in await ingest.events()}
    assert {each["rule"] for each in events["B"]["findings"]} >= {"STRUCT-CHARGE-SUM", "DUP-EXACT"}
    assert "STRUCT-CHARGE-SUM" not in {each["rule"] for each in events["A"].get("findings", ())}
    assert all(set(each) <= {"rule", "severity", "carc", "line"} for each in events["B"]["findings"])
    detail = await ingest.get(f"/v1/claims/{events['B']['claim_id']}")
    assert [each["rule"] for each in detail["findings"]] == [each["rule"] for each in events["B"]["findings"]]
    before = await ingest.count("claim_findings")
    await ingest.take(encode(one(claim("A"), claim("B", "99"), control="2")))
    assert await ingest.count("claim_findings") == before


async def test_another_tenants_claims_tables_and_rules_say_nothing_here(ingest: Ingest) -> None:
    other = ingest.client("other")
    await other.post("/v1/reference/ncci-ptp-practitioner?quarter=2026Q1", content=PTP)
    assert await ingest.loader.load_next()
    await other.put(
        "/v1/payers/60054/rules", json={"rules": [{"kind": "timely_filing", "days": 1, "effective_from": "2020-01-01"}]}
    )
    (checked,) = await check(ingest, professional(line(1), line(2, "A4253")))
    assert rules(checked) == []
    assert (await ingest.get("/v1/reference"))["releases"] == []
    await other.aclose()
