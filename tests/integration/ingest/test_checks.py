"""Claims checked over HTTP before they go out, and on their way in."""

import json
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from libs.x12 import Claim
from libs.x12.claim import Diagnosis
from services.ingest.checks import loading
from tests.integration.ingest.conftest import Ingest
from tests.unit.ingest.checks import tables
from tests.unit.ingest.checks.claims import BILLING, DAY, billed_by, institutional, line, professional
from tests.unit.x12.build import encode
from tests.unit.x12.build_claims import claim, one

X12 = {"Content-Type": "application/edi-x12"}
PTP = tables.ptp(("G0283", "A4253", "20200101", "*", "0"), ("G0283", "J1885", "20250101", "20251231", "1"))


async def check_raw(ingest: Ingest, *claims: Any) -> dict[str, Any]:
    """Check claims as JSON; return the answer."""
    answer = await ingest.http.post("/v1/claims/check", json=[as_sent(each) for each in claims])
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def check(ingest: Ingest, *claims: Any) -> list[dict[str, Any]]:
    """Check claims as JSON; return the answer's claims."""
    return list((await check_raw(ingest, *claims))["claims"])


def as_sent(claim: Claim) -> dict[str, Any]:
    """Return a claim as a client would send it."""
    return {name: value for name, value in msgspec.to_builtins(claim).items() if name not in ("separator", "component", "ordinal")}


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


async def stored(ingest: Ingest) -> dict[str, int]:
    kept = ("claims", "claim_findings", "claim_history", "interchanges", "interchange_chunks", "accounts", "outbox")
    return {table: await ingest.count(table) for table in kept if await ingest.count(table)}


async def test_a_check_keeps_and_tells_of_nothing_whichever_way_the_claims_come(ingest: Ingest) -> None:
    assert rules((await check(ingest, professional(line(units=""))))[0]) == ["STRUCT-UNITS"]
    body = encode(one(claim("A", "99")))
    answer = await ingest.http.post("/v1/claims/check", content=body, headers=X12)
    assert "STRUCT-CHARGE-SUM" in rules(answer.json()["claims"][0])
    assert await stored(ingest) == {}
    await ingest.take(body)
    assert set(await stored(ingest)) >= {"claims", "claim_findings", "outbox"}, "what is taken in is kept by these names"


async def test_one_claim_may_come_alone_as_an_object(ingest: Ingest) -> None:
    answer = await ingest.http.post("/v1/claims/check", json=as_sent(professional(line(units=""))))
    assert answer.status_code == 200, answer.text
    (checked,) = answer.json()["claims"]
    assert (checked["patient_control_number"], checked["verdict"], rules(checked)) == ("PCN1", "error", ["STRUCT-UNITS"])


async def test_what_an_837_says_of_a_patient_is_in_no_log_no_event_and_no_answer(ingest: Ingest, caplog: Any) -> None:
    body = encode(one(claim("A", "99"), claim("B", "SECRETCHARGE"), claim("C", more=["DTP*431*D8*SECRETDATE"])))
    for told, secret in (
        (b"*FAMILY*GIVEN*", b"*SECRETFAMILY*SECRETGIVEN*"),
        (b"MI*M1~", b"MI*SECRETMEMBER~N3*SECRET STREET~N4*SECRET CITY*OHSECRET*SECRETZIP~"),
        (b"19610203", b"SECRETBIRTH"),
    ):
        assert told in body
        body = body.replace(told, secret)
    with capture_logs() as logged:
        answer = await ingest.http.post("/v1/claims/check", content=body, headers=X12)
        taken = await ingest.take(body)
    assert len(answer.json()["claims"]) > 1
    assert answer.json()["reading"]
    assert [each["event"] for each in logged] == ["interchanges_read"]
    events = json.dumps(await ingest.events())
    for seen in (answer.text, json.dumps(taken), events, str(logged), caplog.text):
        assert "SECRET" not in seen


async def test_what_cannot_be_read_of_an_837_is_said_with_its_level(ingest: Ingest) -> None:
    body = encode(one(claim("A"), claim("B"))).replace(b"D8*20260105", b"D8*20261305", 1).replace(b"SE*", b"SE*9")
    answer = await ingest.http.post("/v1/claims/check", content=body, headers=X12)
    date_, count = answer.json()["reading"]
    assert (date_["code"], date_["snip_type"], date_["element"], date_["claim_ordinal"]) == ("bad_date", 1, "DTP03", 1)
    assert body[date_["byte_offset"] :].startswith(b"DTP*472*D8*20261305")
    assert (count["code"], count["snip_type"], count["severity"]) == ("se_count", 1, "warning")


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


async def test_what_was_sent_before_is_a_duplicate_too(ingest: Ingest) -> None:
    assert (await ingest.http.post("/v1/claims", json=as_sent(professional()))).status_code == 201
    assert rules((await check(ingest, professional(patient_control_number="PCN2")))[0]) == ["DUP-EXACT"]
    assert rules((await check(ingest, professional(line(charge_cents=9000), patient_control_number="PCN3")))[0]) == ["DUP-NEAR"]
    later = line(service_from_on=date(2026, 2, 11))
    assert rules((await check(ingest, professional(later, patient_control_number="PCN4")))[0]) == []


async def test_what_makes_no_sense_is_named(ingest: Ingest) -> None:
    too_many = tuple(Diagnosis("ABF" if place else "ABK", f"M{100 + place}") for place in range(13))
    for wrong, rule in (
        (professional(diagnoses=too_many), "STRUCT-DIAGNOSES-MAX"),
        (professional(line(qualifier="ZZ")), "STRUCT-QUALIFIER"),
        (professional(diagnoses=(Diagnosis("ZZ", "M545"),)), "STRUCT-DIAGNOSIS-QUALIFIER"),
        (professional(line(service_from_on=date(1899, 12, 31))), "STRUCT-DATE-ANCIENT"),
        (professional(line(service_from_on=date(2999, 1, 1))), "STRUCT-DATE-FUTURE"),
    ):
        assert rule in rules((await check(ingest, wrong))[0])


async def test_codes_are_held_against_the_releases_that_are_loaded(ingest: Ingest) -> None:
    header = professional(diagnoses=(Diagnosis("ABK", "E11"),))
    claims = (
        professional(),
        professional(line(code="A9999")),
        professional(line(code="J1885")),
        professional(diagnoses=(Diagnosis("ABK", "M546"),)),
        header,
        billed_by(taxonomy_code="207R00000X"),
    )

    async def found() -> list[list[str]]:
        return [rules(checked) for each in claims for checked in await check(ingest, each)]

    assert await found() == [[]] * 6, "nothing is loaded: only shapes are checked"
    await ingest.load("icd10cm", tables.icd10cm(("M545", True), ("E119", True), ("E11", False)))
    await ingest.load("hcpcs", tables.hcpcs(("G0283", "20030101", ""), ("J1885", "20030101", "20251231")))
    await ingest.load("nucc-taxonomy", tables.nucc(BILLING.taxonomy_code))
    assert await found() == [
        [],
        ["CODE-PROCEDURE-UNKNOWN"],
        ["CODE-PROCEDURE-NOT-VALID"],
        ["CODE-DIAGNOSIS-UNKNOWN"],
        ["CODE-DIAGNOSIS-HEADER"],
        ["ID-TAXONOMY-UNKNOWN"],
    ]


async def test_a_hospitals_claim_is_held_against_the_hospital_tables_and_no_other_is(ingest: Ingest) -> None:
    def at_hospital(number: int, code: str, units: str = "1") -> Any:
        return line(number, code, units=units, revenue_code="0300", diagnosis_pointers=())

    hospital = institutional(at_hospital(1, "G0283"), at_hospital(2, "A4253", "9"))
    office = professional(line(1), line(2, "A4253", units="9"))
    await ingest.load("ncci-ptp-hospital", PTP)
    await ingest.load("ncci-mue-hospital", tables.mue(("A4253", 3, "1 Line Edit")))
    assert sorted(rules((await check(ingest, hospital))[0])) == ["NCCI-MUE-LINE", "NCCI-PTP-NEVER"]
    assert rules((await check(ingest, office))[0]) == []


async def test_tables_are_asked_for_the_quarter_of_the_service(ingest: Ingest) -> None:
    pair = professional(line(1), line(2, "A4253"))
    assert rules((await check(ingest, pair))[0]) == []
    assert (await ingest.load("ncci-ptp-practitioner", PTP))["status"] == "live"
    assert rules((await check(ingest, pair))[0]) == ["NCCI-PTP-NEVER"]
    old = msgspec.structs.replace(
        pair, lines=tuple(msgspec.structs.replace(each, service_from_on=DAY.replace(year=2025)) for each in pair.lines)
    )
    assert rules((await check(ingest, old))[0]) == []


async def test_a_modifier_is_known_where_the_release_of_the_day_tells_of_modifiers(ingest: Ingest) -> None:
    ended, unknown = (professional(line(modifiers=(each,)), patient_control_number=each) for each in ("RT", "QQ"))
    good = professional(line(modifiers=("LT", "59")), patient_control_number="GOOD")
    procedures = tables.hcpcs(("G0283", "20030101", ""))
    told = []
    for body in (procedures, procedures + tables.modifiers(("LT", "19900101", ""), ("RT", "19900101", "20251231"))):
        assert (await ingest.load("hcpcs", body))["status"] == "live"
        found = await check(ingest, good, ended, unknown)
        told.append(["CODE-MODIFIER-UNKNOWN" in rules(each) for each in found])
    assert told == [[False, False, False], [False, True, True]]


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
    late = {"rules": [{"kind": "timely_filing", "days": 1, "effective_from": "2020-01-01"}]}
    assert (await other.put("/v1/payers/60054/rules", json=late, headers={"If-Match": '"0"'})).status_code == 200
    (checked,) = await check(ingest, professional(line(1), line(2, "A4253")))
    assert rules(checked) == []
    assert (await ingest.get("/v1/reference"))["releases"] == []
    await other.aclose()


async def test_of_a_member_with_very_many_claims_the_newest_are_looked_at(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever bills everybody under one number would have each claim checked against all of them."""
    for number, day in enumerate((DAY, DAY - timedelta(days=1))):
        sent = as_sent(professional(line(service_from_on=day), patient_control_number=f"EARLIER{number}"))
        assert (await ingest.http.post("/v1/claims", json=sent)).status_code == 201
    again = professional(line(service_from_on=DAY), line(service_from_on=DAY - timedelta(days=1)), patient_control_number="AGAIN")

    async def found() -> int:
        return rules((await check(ingest, again))[0]).count("DUP-EXACT")

    assert await found() == 2
    monkeypatch.setattr(loading, "_EARLIER_MAX", 1)
    assert await found() == 1
