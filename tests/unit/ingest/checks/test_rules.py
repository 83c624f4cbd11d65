"""Each rule finds the claim that breaks it and leaves its nearest neighbour alone."""

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from libs.x12 import Claim
from libs.x12.claim import REPLACEMENT, Attachment, Dated, Diagnosis, OtherPayer, Payer, Person, Provider, Reference, Subscription
from services.ingest.checks import reference as known
from services.ingest.checks.engine import check
from services.ingest.checks.paths import element_of, pointer_of
from services.ingest.checks.reference import CodeEntry, MueLimit, Only, PayerRule, PtpEdit, Release
from services.ingest.checks.rules import RULES
from tests.unit.ingest.checks.claims import (
    ADDRESS,
    BILLING,
    DAY,
    MEMBER,
    NOW,
    NPI,
    OTHER_NPI,
    PAYER,
    RENDERING,
    before,
    billed_by,
    dental,
    institutional,
    line,
    of_member,
    professional,
    secondary,
)

EVER = date(2020, 1, 1)
TABLES = known.Reference(
    releases={name: (Release(place, date(2025, 10, 1)),) for place, name in enumerate(known.SETS, start=1)},
    codes={
        (1, "M545"): CodeEntry(), (1, "E119"): CodeEntry(), (1, "M54"): CodeEntry(billable=False),
        (2, "G0283"): CodeEntry(valid_from=EVER), (2, "A4253"): CodeEntry(valid_from=EVER),
        (2, "J1885"): CodeEntry(valid_from=EVER),
        (2, "E0601"): CodeEntry(valid_from=EVER), (2, "Q0001"): CodeEntry(valid_from=EVER, valid_to=DAY - timedelta(days=1)),
        (2, "Q0002"): CodeEntry(valid_from=EVER, valid_to=DAY),
        (2, "-"): CodeEntry(billable=False), (2, "-LT"): CodeEntry(valid_from=EVER, valid_to=DAY),
        (2, "-RT"): CodeEntry(valid_from=EVER, valid_to=DAY - timedelta(days=1)), (3, "207Q00000X"): CodeEntry(),
    },
    ptp={
        (4, "G0283", "A4253"): (PtpEdit(EVER, None, "0"),),
        (4, "G0283", "J1885"): (PtpEdit(EVER, None, "1"),),
        (4, "G0283", "E0601"): (PtpEdit(EVER, DAY - timedelta(days=1), "0"), PtpEdit(EVER, None, "9")),
    },
    mue={(6, "A4253"): MueLimit(3, "1"), (6, "J1885"): MueLimit(3, "2"), (6, "E0601"): MueLimit(3, "3")},
)  # fmt: skip


def rule(kind: str, **fields: Any) -> PayerRule:
    return PayerRule(kind=kind, effective_from=fields.pop("effective_from", EVER), **fields)


def told(*rules: PayerRule) -> known.Reference:
    return known.Reference(payers={"60054": rules}, known_payers=frozenset({"60054"}))


NEEDS = {
    kind: told(rule(kind, procedure_codes=("G02*",))) for kind in ("prior_authorization", "referral", "attachment", "same_day")
}
FILING = told(rule("timely_filing", days=90))
ORDERED = told(rule("ordering_provider", procedure_codes=("G02*",)))
PARTS = told(rule("bundled", procedure_codes=("G0283",), component_codes=("A4253",), modifiers=("XU",)))
ROOMS = told(rule("prior_authorization", revenue_codes=("0120",)))
TWICE_A_YEAR = told(rule("frequency", procedure_codes=("G0283",), times=2, days=365))
MARKED = told(rule("refused", procedure_codes=("G0283",), only=Only(modifiers=("59",), rendering_npis=(OTHER_NPI,))))
CARDS = told(rule("member_id", patterns=("aaa999999999", "W*")))
LINE = line(revenue_code="0300", diagnosis_pointers=())


def days(*dates: Dated) -> Claim:
    return institutional(dates=dates)


def at_zip(code: str) -> Claim:
    return billed_by(address=replace(ADDRESS, postal_code=code))


def facility(code: str) -> Claim:
    return professional(providers=(Provider("77", "SITE", address=replace(ADDRESS, postal_code=code)),))


def with_diagnoses(*codes: str, qualifier: str = "ABF", first: str = "ABK") -> Claim:
    return professional(diagnoses=tuple(Diagnosis(qualifier if place else first, code) for place, code in enumerate(codes)))


def many(count: int, **changes: Any) -> Claim:
    return professional(*(line(number, **changes) for number in range(1, count + 1)))


def ago(count: int) -> Claim:
    return professional(line(service_from_on=NOW - timedelta(days=count)))


PATIENT = replace(MEMBER, member_id="")
CODES_13 = [f"M{number}" for number in range(100, 113)]
OTHER = OtherPayer(Subscription("S", "18"), Payer("SECOND", "22222", "PI"))

# rule, a claim that breaks it, its nearest neighbour that does not, and what both are checked against
CASES: list[tuple[str, Claim, Claim, dict[str, Any]]] = [
    ("STRUCT-PCN-MISSING", professional(patient_control_number=""), professional(patient_control_number="A"), {}),
    ("STRUCT-PCN-LENGTH", professional(patient_control_number="A" * 18), professional(patient_control_number="A" * 17), {}),
    ("STRUCT-SUBSCRIBER-NAME", of_member(last_name=""), of_member(first_name=""), {}),
    ("STRUCT-MEMBER-ID-MISSING", of_member(member_id=""), of_member(id_qualifier=""), {}),
    ("STRUCT-BIRTH-MISSING", of_member(birth_on=None),
     professional(subscriber=Person("FAMILY", is_person=False, member_id="A"), patient=PATIENT), {}),
    ("STRUCT-SEX-MISSING", of_member(sex=""), of_member(sex="U"), {}),
    ("STRUCT-PAYER-MISSING", professional(payer=Payer("", "60054")), professional(payer=Payer("A", "60054")), {}),
    ("STRUCT-FILING-MISSING", professional(subscription=Subscription("P")),
     professional(subscription=Subscription("P", claim_filing_code="CI")), {}),
    ("STRUCT-BILLING-NAME", billed_by(name=""), billed_by(first_name=""), {}),
    ("STRUCT-BILLING-ADDRESS", billed_by(address=replace(ADDRESS, state="")), billed_by(address=replace(ADDRESS, line_2="")), {}),
    ("STRUCT-FACILITY-MISSING", professional(facility_code=""), professional(facility_qualifier=""), {}),
    ("STRUCT-FREQUENCY", professional(frequency_code="6"), institutional(frequency_code="6"), {}),
    ("STRUCT-ORIGINAL-MISSING", professional(frequency_code=REPLACEMENT),
     professional(frequency_code=REPLACEMENT, references=(Reference("F8", "1"),)), {}),
    ("STRUCT-ORIGINAL-UNEXPECTED", professional(references=(Reference("F8", "1"),)),
     professional(references=(Reference("G1", "1"),)), {}),
    ("STRUCT-LINES-MISSING", professional(lines=(), charge_cents=0), professional(), {}),
    ("STRUCT-LINES-MAX", many(1000), many(999), {}),
    ("STRUCT-LINES-50", many(51), many(50), {}),
    ("STRUCT-LINE-NUMBERS", professional(line(1), line(3)), professional(line(1), line(2)), {}),
    ("STRUCT-LINE-CONTROL-REPEATED", professional(line(1, line_control_number="A"), line(2, line_control_number="A")),
     professional(line(1, line_control_number=""), line(2, line_control_number="")), {}),
    ("STRUCT-CHARGE-SUM", professional(charge_cents=10001), professional(charge_cents=10000), {}),
    ("STRUCT-CHARGE-NEGATIVE", professional(line(charge_cents=-1)), professional(line(charge_cents=0)), {}),
    ("STRUCT-UNITS", professional(line(units="0.0")), professional(line(units="0.5")), {}),
    ("STRUCT-QUALIFIER", professional(line(qualifier="ZZ")), professional(line(qualifier="WK")), {}),
    ("STRUCT-PROCEDURE-MISSING", professional(line(code="")), institutional(replace(LINE, procedure_code="")), {}),
    ("STRUCT-REVENUE-MISSING", institutional(replace(LINE, revenue_code="")), institutional(LINE), {}),
    ("STRUCT-DIAGNOSES-MISSING", professional(diagnoses=()), dental(diagnoses=()), {}),
    ("STRUCT-DIAGNOSES-MAX", with_diagnoses(*CODES_13), with_diagnoses(*CODES_13[:12]), {}),
    ("STRUCT-DIAGNOSIS-PRINCIPAL", with_diagnoses("M545", "E119", qualifier="ABK"), with_diagnoses("M545", "E119"), {}),
    ("STRUCT-DIAGNOSIS-QUALIFIER", with_diagnoses("M545", "E119", qualifier="QQ"),
     with_diagnoses("M545", "E119", qualifier="APR"), {}),
    ("STRUCT-DIAGNOSIS-REPEATED", with_diagnoses("M545", "M545"), with_diagnoses("M545", "M546"), {}),
    ("STRUCT-POINTER-MISSING", professional(line(diagnosis_pointers=())), dental(), {}),
    ("STRUCT-POINTER-RANGE", professional(line(diagnosis_pointers=(3,))), professional(line(diagnosis_pointers=(2,))), {}),
    ("STRUCT-DATE-MISSING", professional(line(service_from_on=None)), institutional(replace(LINE, service_from_on=None)), {}),
    ("STRUCT-STATEMENT-MISSING", days(Dated("435", DAY)), days(Dated("434", DAY, DAY)), {}),
    ("STRUCT-ADMISSION-MISSING", institutional(facility_code="11"), institutional(facility_code="13"), {}),
    ("STRUCT-DATE-FUTURE", professional(line(service_from_on=NOW + timedelta(days=1))),
     professional(line(service_from_on=NOW)), {}),
    ("STRUCT-DATE-ANCIENT", professional(line(service_from_on=date(1899, 12, 31))), of_member(birth_on=date(1925, 1, 1)), {}),
    ("STRUCT-DATE-ORDER", professional(line(service_to_on=DAY - timedelta(days=1))), professional(line(service_to_on=DAY)), {}),
    ("STRUCT-DATE-BEFORE-BIRTH", of_member(birth_on=DAY + timedelta(days=1)), of_member(birth_on=DAY), {}),
    ("STRUCT-DATE-OUTSIDE-STATEMENT", institutional(replace(LINE, service_from_on=DAY - timedelta(days=1))),
     institutional(LINE), {}),
    ("STRUCT-COB-SEQUENCE", professional(other_payers=(replace(OTHER, subscription=Subscription("P")),)),
     professional(other_payers=(OTHER,)), {}),
    ("STRUCT-COB-MISSING", secondary(other_payers=()), secondary(), {}),
    ("STRUCT-COB-DATE", secondary(other_payers=(OtherPayer(Subscription("P"), Payer("X", "3"), paid_cents=10000),)),
     secondary(), {}),
    ("STRUCT-COB-CLAIM-BALANCE", secondary(paid_cents=6001), secondary(paid_cents=6000), {}),
    ("STRUCT-COB-LINE-BALANCE", secondary(adjusted_cents=3999), secondary(adjusted_cents=4000), {}),
    ("ID-NPI-MISSING", billed_by(npi=""), billed_by(npi="", id_qualifier="24", id="123456780"), {}),
    ("ID-NPI-SHAPE", billed_by(npi="3999999984"), billed_by(npi=NPI), {}),
    ("ID-NPI-CHECKDIGIT", billed_by(npi="1999999985"), billed_by(npi=NPI), {}),
    ("ID-TAXONOMY-SHAPE", billed_by(taxonomy_code="207Q0000X"), billed_by(taxonomy_code=""), {}),
    ("ID-TAXONOMY-UNKNOWN", billed_by(taxonomy_code="208Q00000X"), billed_by(taxonomy_code="207Q00000X"), {"reference": TABLES}),
    ("ID-TAX-ID-MISSING", billed_by(references=()), billed_by(references=(Reference("SY", "123456780"),)), {}),
    ("ID-TAX-ID-SHAPE", billed_by(references=(Reference("EI", "12345678"),)),
     billed_by(references=(Reference("EI", "12-3456780"),)), {}),
    ("ID-ZIP-SHAPE", at_zip("44001-0001"), at_zip("440010001"), {}),
    ("ID-ZIP-PLUS4", facility("44001"),
     professional(providers=(replace(RENDERING, address=replace(ADDRESS, postal_code="44001")),)), {}),
    ("ID-PAYER-UNKNOWN", professional(payer=Payer("A", "60055")), professional(), {"reference": CARDS}),
    ("ID-MEMBER-PATTERN", of_member(member_id="AB1123456789"), of_member(member_id="W1"), {"reference": CARDS}),
    ("CODE-DIAGNOSIS-DOT", with_diagnoses("M54.5"), with_diagnoses("M545"), {}),
    ("CODE-DIAGNOSIS-SHAPE", with_diagnoses("MM45"), with_diagnoses("M4A5"), {}),
    ("CODE-DIAGNOSIS-UNKNOWN", with_diagnoses("M546"), with_diagnoses("M545"), {"reference": TABLES}),
    ("CODE-DIAGNOSIS-HEADER", with_diagnoses("M54"), with_diagnoses("M545"), {"reference": TABLES}),
    ("CODE-DIAGNOSIS-ICD9", with_diagnoses("4779", first="BK"),
     replace(with_diagnoses("4779", first="BK"), lines=(line(service_from_on=date(2015, 9, 30)),)), {}),
    ("CODE-PROCEDURE-SHAPE", professional(line(code="G028")), professional(line(code="G0283")), {}),
    ("CODE-CDT-SHAPE", dental(replace(dental().lines[0], procedure_code="1110")), dental(), {}),
    ("CODE-PROCEDURE-UNKNOWN", professional(line(code="G0282")), professional(line(code="G0283")), {"reference": TABLES}),
    ("CODE-PROCEDURE-NOT-VALID", professional(line(code="Q0001")), professional(line(code="Q0002")), {"reference": TABLES}),
    ("CODE-MODIFIER-SHAPE", professional(line(modifiers=("L",))), professional(line(modifiers=("LT",))), {}),
    ("CODE-MODIFIER-UNKNOWN", professional(line(modifiers=("LT", "QQ"))), professional(line(modifiers=("LT", "59", "P3"))),
     {"reference": TABLES}),
    ("CODE-MODIFIER-REPEATED", professional(line(modifiers=("LT", "LT"))), professional(line(modifiers=("LT", "RT"))), {}),
    ("CODE-MODIFIERS-MAX", professional(line(modifiers=("LT", "RT", "E1", "E2", "E3"))),
     professional(line(modifiers=("LT", "RT", "E1", "E2"))), {}),
    ("CODE-REVENUE-SHAPE", institutional(replace(LINE, revenue_code="300")), institutional(LINE), {}),
    ("CODE-PLACE-SHAPE", professional(line(place_of_service="1")), professional(line(place_of_service="12")), {}),
    ("CODE-BILL-TYPE-SHAPE", institutional(facility_code="013"), institutional(facility_code="13"), {}),
    ("NCCI-PTP-NEVER", professional(line(1), line(2, "A4253", modifiers=("59",))),
     professional(line(1), line(2, "A4253", service_from_on=DAY - timedelta(days=1))), {"reference": TABLES}),
    ("NCCI-PTP-MODIFIER", professional(line(1), line(2, "J1885")),
     professional(line(1), line(2, "J1885", modifiers=("XS",))), {"reference": TABLES}),
    ("NCCI-MUE-LINE", professional(line(1, "A4253", units="4")),
     professional(line(1, "A4253", units="3"), line(2, "A4253", units="3")), {"reference": TABLES}),
    ("NCCI-MUE-DAY", professional(line(1, "J1885", units="3"), line(2, "J1885", units="1")),
     professional(line(1, "J1885", units="3"), line(2, "J1885", service_from_on=DAY - timedelta(days=1))), {"reference": TABLES}),
    ("NCCI-MUE-DAY-CLINICAL", professional(line(1, "E0601", units="4")),
     professional(line(1, "E0601", units="4", service_to_on=DAY + timedelta(days=1))), {"reference": TABLES}),
    ("PAYER-FILING-LATE", ago(91), ago(90), {"reference": FILING}),
    ("PAYER-FILING-NEAR", ago(80), ago(79), {"reference": FILING}),
    ("PAYER-AUTHORIZATION", professional(),
     professional(references=(Reference("G1", "1"),)), {"reference": NEEDS["prior_authorization"]}),
    ("PAYER-REFERRAL", professional(), professional(line(references=(Reference("9F", "1"),))), {"reference": NEEDS["referral"]}),
    ("PAYER-ATTACHMENT", professional(),
     professional(attachments=(Attachment("OZ", "EL", "1"),)), {"reference": NEEDS["attachment"]}),
    ("PAYER-ORDERING-PROVIDER", professional(providers=(RENDERING, Provider("DN", "FAMILY"))),
     professional(providers=(RENDERING, Provider("DN", "FAMILY", npi=NPI))), {"reference": ORDERED}),
    ("PAYER-BUNDLED", professional(line(1), line(2, "A4253")),
     professional(line(1), line(2, "A4253", modifiers=("XU",))), {"reference": PARTS}),
    ("PAYER-SAME-DAY", professional(line(1), line(2)),
     professional(line(1), line(2, modifiers=("76",))), {"reference": NEEDS["same_day"]}),
    ("PAYER-REFUSED", professional(line(modifiers=("59",))), professional(), {"reference": MARKED}),
    ("PAYER-FREQUENCY", professional(), professional(line(service_from_on=DAY + timedelta(days=1))),
     {"reference": TWICE_A_YEAR,
      "earlier": (before(service_on=DAY - timedelta(days=364)), before(service_on=DAY - timedelta(days=9)))}),
    ("DUP-EXACT", professional(), professional(line(charge_cents=9999)), {"earlier": (before(),)}),
    ("DUP-NEAR", professional(line(charge_cents=9999)), professional(line(modifiers=("76",))), {"earlier": (before(),)}),
]  # fmt: skip


def found(claim: Claim, reference: known.Reference | None = None, earlier: Any = ()) -> set[str]:
    return {each.rule.rule_id for each in check(claim, reference or known.Reference(), NOW, earlier)}


@pytest.mark.parametrize(("rule_id", "broken", "neighbour", "world"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_finds_what_breaks_it_and_not_its_nearest_neighbour(
    rule_id: str, broken: Claim, neighbour: Claim, world: dict[str, Any]
) -> None:
    assert rule_id in found(broken, **world)
    assert rule_id not in found(neighbour, **world)


def test_every_rule_has_its_case_and_only_one() -> None:
    assert sorted(case[0] for case in CASES) == sorted(RULES)


@pytest.mark.parametrize(
    "claim", [professional(), institutional(), dental(), secondary()], ids=["professional", "institutional", "dental", "secondary"]
)
def test_a_claim_that_is_right_has_no_findings(claim: Claim) -> None:
    assert check(claim, TABLES, NOW) == ()


def test_a_finding_knows_its_segment_its_pointer_and_repeats_no_value() -> None:
    for _, broken, _, world in CASES:
        for each in check(broken, world.get("reference", known.Reference()), NOW, world.get("earlier", ())):
            assert element_of(each.path, broken.claim_type).element
            assert pointer_of(each.path).startswith("/")
            assert "{" not in each.found
            for value in (MEMBER.member_id, MEMBER.last_name, NPI, OTHER_NPI, broken.patient_control_number):
                assert len(value) < 2 or value not in each.found


def test_errors_come_first_and_their_number_is_bounded() -> None:
    claim = many(999, code="", units="", diagnosis_pointers=(), qualifier="ZZ")
    severities = [each.severity for each in check(claim, known.Reference(), NOW)]
    assert severities == sorted(severities)
    assert len(severities) == 500


def test_the_thirteenth_diagnosis_stands_in_the_second_segment() -> None:
    assert element_of("diagnoses[11].code", "professional").element == "HI12-2"
    assert element_of("diagnoses[12].code", "professional").element == "HI01-2"


def test_the_line_carries_its_own_number_and_its_place_from_nought() -> None:
    (finding,) = check(professional(line(1), line(2, units="")), known.Reference(), NOW)
    assert (finding.path, finding.line, pointer_of(finding.path)) == ("lines[1].units", 2, "/lines/1/units")


def test_replacements_and_voids_repeat_without_being_duplicates() -> None:
    again = professional(frequency_code=REPLACEMENT, references=(Reference("F8", "1"),))
    assert found(again, NEEDS["same_day"], (before(),)) == set()


def test_who_ordered_may_stand_at_the_line_and_who_attends_answers_for_a_hospital() -> None:
    orderer, attending = (Provider(code, "FAMILY", npi=NPI) for code in ("DK", "71"))
    assert found(professional(line(providers=(orderer,))), ORDERED) == set()
    assert found(institutional(providers=(attending,)), ORDERED) == set()
    assert found(professional(providers=(attending,)), ORDERED) == {"PAYER-ORDERING-PROVIDER"}


def test_parts_are_held_against_procedures_of_the_same_day_whatever_their_order() -> None:
    assert found(professional(line(1, "A4253"), line(2)), PARTS) == {"PAYER-BUNDLED"}
    assert found(professional(line(1, "A4253", service_from_on=DAY - timedelta(days=1)), line(2)), PARTS) == set()


@pytest.mark.parametrize(
    ("only", "is_meant"),
    [
        (Only(modifiers=("59", "XU")), True),
        (Only(modifiers=("XU",)), False),
        (Only(modifiers=("none",)), False),
        (Only(rendering_npis=(OTHER_NPI,)), True),
        (Only(rendering_npis=(NPI,)), False),
        (Only(billing_npis=(NPI,)), True),
        (Only(billing_npis=(OTHER_NPI,)), False),
        (Only(facility_codes=("11",)), True),
        (Only(facility_codes=("22",)), False),
        (Only(claim_types=("professional",)), True),
        (Only(claim_types=("dental",)), False),
        (Only(diagnosis_prefixes=("M54",)), True),
        (Only(diagnosis_prefixes=("E11",)), False),  # the second one's
        (Only(modifiers=("59",), facility_codes=("22",)), False),
    ],
)
def test_a_rule_is_about_the_lines_that_have_all_that_it_names(only: Only, *, is_meant: bool) -> None:
    claim = professional(line(modifiers=("59",)))
    assert found(claim, told(rule("refused", only=only))) == ({"PAYER-REFUSED"} if is_meant else set())
    asks = rule("referral", procedure_codes=("G0283",), only=only)
    assert found(claim, told(asks)) == ({"PAYER-REFERRAL"} if is_meant else set())
    assert found(professional(line(code="A4253", modifiers=("59",))), told(asks)) == set()
    twice = professional(line(1, modifiers=("59",)), line(2, modifiers=("59",)))
    once_a_day = rule("same_day", procedure_codes=("G0283",), only=only)
    assert ("PAYER-SAME-DAY" in found(twice, told(once_a_day))) == is_meant


def test_without_a_modifier_is_a_condition_too_and_who_bills_did_it_where_nobody_else_is_named() -> None:
    assert found(professional(), told(rule("refused", only=Only(modifiers=("none",))))) == {"PAYER-REFUSED"}
    by_biller = told(rule("refused", only=Only(rendering_npis=(NPI,))))
    assert "PAYER-REFUSED" in found(professional(providers=()), by_biller)


def test_a_room_has_no_procedure_but_may_need_authorization_and_be_billed_twice() -> None:
    room = replace(LINE, procedure_code="", revenue_code="0120")
    assert found(institutional(room), ROOMS) == {"PAYER-AUTHORIZATION"}
    assert found(institutional(replace(room, revenue_code="0121")), ROOMS) == set()
    earlier = before(procedure_code="", revenue_code="0120")
    assert found(institutional(room), earlier=(earlier,)) == {"DUP-EXACT"}
    assert found(institutional(replace(room, charge_cents=9999)), earlier=(earlier,)) == set()


def test_a_rule_of_a_payer_holds_between_its_days_alone() -> None:
    ended = told(rule("referral", procedure_codes=("G0283",), effective_to=DAY - timedelta(days=1)))
    begins = told(rule("referral", procedure_codes=("G0283",), effective_from=DAY))
    assert found(professional(), ended) == set()
    assert found(professional(), begins) == {"PAYER-REFERRAL"}


def test_the_table_of_the_service_dates_quarter_is_asked() -> None:
    quarters = replace(
        TABLES,
        releases={known.PTP_PRACTITIONER: (Release(4, date(2025, 10, 1)), Release(9, date(2026, 1, 1)))},
        codes={}, mue={},
    )  # fmt: skip
    now_allowed = professional(line(1), line(2, "A4253"))
    last_quarter = professional(*(replace(each, service_from_on=date(2025, 12, 31)) for each in now_allowed.lines))
    assert found(now_allowed, quarters) == set()
    assert found(last_quarter, quarters) == {"NCCI-PTP-NEVER"}
    before_all = professional(*(replace(each, service_from_on=date(2025, 9, 30)) for each in now_allowed.lines))
    assert found(before_all, quarters) == set()


def test_a_provider_without_address_or_a_payer_without_rules_is_no_crash() -> None:
    bare = Claim(
        claim_type="professional", patient_control_number="", charge_cents=0, billing_provider=Provider("85"),
        subscription=Subscription(), subscriber=Person(), payer=Payer(), lines=(),
    )  # fmt: skip
    assert {"STRUCT-BILLING-ADDRESS", "ID-NPI-MISSING", "STRUCT-LINES-MISSING"} <= found(bare)
    assert BILLING.npi == NPI
    assert PAYER.payer_id in CARDS.known_payers
