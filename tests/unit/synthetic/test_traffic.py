"""A clearinghouse's days: reproducible, read back as they were meant, every claim answered as its truth says, to the cent."""

import io
import re
import tracemalloc
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import islice
from math import sqrt

import pytest

from libs.synthetic import ClaimTruth, Day, File, Plant, rules, traffic
from libs.synthetic.causes import FAMILIES
from libs.synthetic.faults import FAULTS, REFUSED
from libs.synthetic.payers import MEDICAID, MEDICARE, NORTHWIND, Payer
from libs.synthetic.practices import PRACTICES, npi
from libs.x12 import Claim, Finding, InterchangeReader, Item, Remit, SetAnswer, StatusRead, TransactionClosed
from tests.support.pyx12_maps import examine
from tests.unit.synthetic.test_stream import judge

CLAIMS = 6_000


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return list(traffic(7, CLAIMS, claims_a_day=100))


@pytest.fixture(scope="module")
def truths(days: list[Day]) -> list[ClaimTruth]:
    return [truth for day in days for truth in day.truths]


@pytest.fixture(scope="module")
def items(days: list[Day]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for day in days:
        for file in day.files:
            found[file.kind] += read(file.body)
    return found


def read(body: bytes) -> list[Item]:
    reader = InterchangeReader()
    return [*reader.feed(body), *reader.close()]


def of_kind(days: list[Day], kind: str) -> list[File]:
    return [file for day in days for file in day.files if file.kind == kind]


def claims(items: dict[str, list[Item]]) -> list[Claim]:
    return [item for item in items["837"] if isinstance(item, Claim)]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = [file.body for day in islice(traffic(3, claims_a_day=40), 20) for file in day.files]
    assert first == [file.body for day in islice(traffic(3, claims_a_day=40), 20) for file in day.files]
    assert not set(first) & {file.body for day in islice(traffic(4, claims_a_day=40), 20) for file in day.files}


def test_it_bills_as_many_claims_as_asked_for_and_ends_when_all_has_come(days: list[Day], truths: list[ClaimTruth]) -> None:
    assert sum(truth.follows is None for truth in truths) == CLAIMS
    last_on = max(max(truth.answered_on or truth.submitted_on, truth.overturned_on or date.min) for truth in truths)
    assert days[-1].on >= last_on


def test_everything_reads_back_without_findings_but_those_that_are_planted(items: dict[str, list[Item]]) -> None:
    assert Counter(item.code for kind in items for item in items[kind] if isinstance(item, Finding)) == {}
    for item in (item for kind in items for item in items[kind]):
        if isinstance(item, TransactionClosed):
            assert (item.complete, item.unbalanced_lines, item.unbalanced_claims, item.balance_difference_cents or 0) == (
                True,
                0,
                0,
                0,
            )


def test_claims_of_all_kinds_stand_in_the_files_in_the_order_of_their_truths(
    items: dict[str, list[Item]], truths: list[ClaimTruth]
) -> None:
    sent = claims(items)
    for claim, truth in zip(sent, truths, strict=True):
        assert (claim.patient_control_number, claim.charge_cents) == (truth.patient_control_number, truth.charge_cents)
        assert (claim.claim_type, claim.frequency_code) == (truth.claim_type, truth.frequency_code)
        assert (claim.original_control_number, claim.service_from_on) == (truth.replaces, truth.service_on)
    assert {claim.claim_type for claim in sent} == {"professional", "institutional", "dental"}
    assert {claim.frequency_code for claim in sent} == {"1", "7", "8"}
    parts = Counter[str]()
    for claim in sent:
        parts += Counter({each.qualifier: 1 for each in claim.references})
        parts += Counter(drug=any(line.drug_code for line in claim.lines), attachment=bool(claim.attachments))
        parts += Counter(secondary=bool(claim.other_payers), dependent=claim.patient is not None)
        parts += Counter(admission=claim.dated("435") is not None)
    assert set(parts) == {"G1", "9F", "F8", "drug", "attachment", "secondary", "dependent", "admission"}


def test_secondary_claims_tell_what_the_first_payer_decided_to_the_cent(items: dict[str, list[Item]]) -> None:
    for claim in (claim for claim in claims(items) if claim.other_payers):
        (first,) = claim.other_payers
        for line in claim.lines:
            (told,) = line.adjudications
            assert line.charge_cents == told.paid_cents + sum(each.amount_cents for each in told.adjustments)
        assert first.paid_cents == sum(line.adjudications[0].paid_cents for line in claim.lines)


def by_pyx12(body: bytes) -> list[list[str]]:
    """Return the segments of the 999 that pyx12 answers with, but for its envelope."""
    answer = io.StringIO()
    examine(body.decode("latin-1"), answer=answer)
    return [line.strip("~").split("*") for line in answer.getvalue().split()]


def without_dental(file: File) -> bytes:
    """Cut the functional group of dental claims out: pyx12 has no map of them."""
    head, *groups = file.body.split(b"GS*")
    tail = groups[-1][groups[-1].index(b"IEA*") :]
    kept = [group.split(b"IEA*")[0] for group in groups if b"X224A2" not in group[:200]]
    number = tail.split(b"*")[2]
    return head + b"".join(b"GS*" + group for group in kept) + b"IEA*%d*" % len(kept) + number


def test_pyx12_finds_nothing_wrong_but_the_planted_syntax_errors() -> None:
    told = list(traffic(9, 150, claims_a_day=25, plants=[Plant("p", "sex_code_unknown", 500)]))
    truths = [truth for day in told for truth in day.truths]
    dental = {truth.patient_control_number for truth in truths if truth.claim_type == "dental"}
    broken = [truth for truth in truths if truth.front == "set_rejected" and truth.claim_type != "dental"]
    sets = 0
    for sent, answered in zip(of_kind(told, "837"), of_kind(told, "999"), strict=True):
        by_others = by_pyx12(without_dental(sent))
        sets += sum(segment[0] == "AK2" for segment in by_others)
        ours = [error for item in read(answered.body) if isinstance(item, SetAnswer) for error in item.errors]
        named = [error for error in ours if error.patient_control_number not in dental]
        assert sorted((error.segment_id, str(error.segment_position)) for error in named) == sorted(
            (segment[1], segment[2]) for segment in by_others if segment[0] == "IK3"
        )
        assert {segment[1] for segment in by_others if segment[0] == "IK4"} <= {"3"}
        assert len([segment for segment in by_others if segment[0] == "IK4"]) == sum(truth.file == sent.name for truth in broken)
    assert len(broken) > 3
    assert sets > 20


def test_the_999_rejects_the_sets_that_hold_a_planted_error_and_names_the_claim(
    items: dict[str, list[Item]], truths: list[ClaimTruth], days: list[Day]
) -> None:
    answers = [item for item in items["999"] if isinstance(item, SetAnswer)]
    named = {error.patient_control_number for answer in answers for error in answer.errors}
    assert named == {truth.patient_control_number for truth in truths if truth.front == "set_rejected"}
    assert {(answer.code, bool(answer.errors)) for answer in answers} == {("A", False), ("R", True)}
    sent = {}
    for claims_file, sets_file in zip(of_kind(days, "837"), of_kind(days, "999"), strict=True):
        sent[sets_file.name] = [item for item in read(claims_file.body) if isinstance(item, TransactionClosed)]
        told = [item for item in read(sets_file.body) if isinstance(item, SetAnswer)]
        assert [answer.set_control_number for answer in told] == [each.control_number for each in sent[sets_file.name]]


def test_the_277ca_says_of_each_claim_what_its_truth_says(items: dict[str, list[Item]], truths: list[ClaimTruth]) -> None:
    told = Counter(
        (item.trace, item.payer_id, item.statuses[0].codes[0].category, item.statuses[0].codes[0].code,
         item.statuses[0].codes[0].entity, item.payer_claim_control_number, item.statuses[0].effective_on)
        for item in items["277CA"] if isinstance(item, StatusRead) and item.level == "claim"
    )  # fmt: skip
    meant = Counter(
        (truth.patient_control_number, truth.payer_id, *truth.status, truth.payer_claim_control_number, truth.acknowledged_on)
        for truth in truths
        if truth.status is not None
    )
    assert told == meant
    assert {truth.front for truth in truths if truth.status is None} == {"silent", "set_rejected"}


def test_every_judged_claim_is_answered_once_by_the_payers_next_payment(
    items: dict[str, list[Item]], truths: list[ClaimTruth]
) -> None:
    remits = [item for item in items["835"] if isinstance(item, Remit)]
    told = Counter(
        (item.patient_control_number, item.payer_claim_control_number, item.paid_cents, item.charge_cents)
        for item in remits
        if item.claim_status_code != "22"
    )
    judged = [truth for truth in truths if truth.judgement not in (None, "silent", "voided")]
    meant = Counter(
        (truth.patient_control_number, truth.payer_claim_control_number, truth.paid_cents, truth.charge_cents) for truth in judged
    )
    assert meant <= told
    overturned = [truth for truth in truths if truth.then == "overturned"]
    assert sorted(pcn for pcn, *_ in (told - meant).elements()) == sorted(truth.patient_control_number for truth in overturned)
    undone = Counter(item.payer_claim_control_number for item in remits if item.claim_status_code == "22")
    expected = Counter(truth.replaces for truth in truths if truth.replaces and truth.judgement != "silent")
    assert undone == expected + Counter(truth.payer_claim_control_number for truth in overturned)


def test_what_was_denied_is_what_the_835_refuses(items: dict[str, list[Item]], truths: list[ClaimTruth]) -> None:
    remits = {
        item.payer_claim_control_number: item
        for item in items["835"]
        if isinstance(item, Remit) and item.claim_status_code != "22"
    }  # fmt: skip
    denied = [truth for truth in truths if truth.denied_cents]
    for truth in denied:
        remit, cause = remits[truth.payer_claim_control_number], FAULTS[truth.fault].cause
        assert cause is not None
        every = [*remit.adjustments, *(each for line in remit.lines for each in line.adjustments)]
        refused = [each.amount_cents for each in every if (each.group_code, each.carc) == (cause.group_code, cause.carc)]
        if cause.carc != "45":
            assert sum(refused) == truth.denied_cents
        judged = judge(remit)
        assert (judged.category, judged.action, judged.denied_cents) == (truth.category, truth.action, truth.denied_cents)
    assert len(denied) > 300


@pytest.mark.parametrize("payer", [NORTHWIND, MEDICARE, MEDICAID], ids=lambda payer: payer.prefix)
def test_shares_of_causes_follow_the_payers_mixes(truths: list[ClaimTruth], payer: Payer) -> None:
    drawn = [truth for truth in truths if truth.payer_id == payer.id and truth.follows is None and not truth.planted_by]
    refused = [truth for truth in drawn if truth.fault in REFUSED]
    assert len(refused) / len(drawn) == pytest.approx(payer.denied_bp / 10_000, rel=0.25)
    family_of = {cause.name: name for name, causes in FAMILIES.items() for cause in causes}
    families = Counter(family_of[truth.fault] for truth in refused)
    for family, weight in payer.mix.items():
        expected = weight / sum(payer.mix.values())
        assert families[family] / len(refused) == pytest.approx(expected, abs=4 * sqrt(expected * (1 - expected) / len(refused)))


def test_a_payer_refuses_a_modifier_from_its_day_on() -> None:
    plant = Plant("p", "modifier_refused", payer_id=MEDICARE.id, modifier="KX", from_on=date(2026, 1, 12))
    told = list(traffic(5, 2_000, claims_a_day=80, plants=[plant]))
    sent = [item for file in of_kind(told, "837") for item in read(file.body) if isinstance(item, Claim)]
    truths = [truth for day in told for truth in day.truths]
    for claim, truth in zip(sent, truths, strict=True):
        marked = any("KX" in line.modifiers for line in claim.lines)
        if claim.payer.payer_id == MEDICARE.id and marked and truth.follows is None and truth.service_on >= plant.from_on:
            assert truth.planted_by or truth.fault
        else:
            assert not truth.planted_by
    assert {truth.judgement for truth in truths if truth.planted_by} == {"denied", "partly_denied"}


def test_the_usual_plants_are_all_there_and_only_where_they_belong(truths: list[ClaimTruth]) -> None:
    planted = defaultdict(list)
    for truth in truths:
        if truth.planted_by:
            planted[truth.planted_by].append(truth)
    assert set(planted) == {"payer_refuses_modifier", "provider_with_bad_npi", "coder_forgets_authorizations"}
    assert {truth.coder for truth in planted["coder_forgets_authorizations"]} == {PRACTICES[2].coders[0]}
    assert {truth.front for truth in planted["provider_with_bad_npi"]} == {"rejected"}
    assert min(truth.service_on for truth in planted["payer_refuses_modifier"]) >= date(2026, 1, 1) + timedelta(days=45)


def test_what_a_check_could_see_shows_in_the_claim_and_in_no_clean_one(
    items: dict[str, list[Item]], truths: list[ClaimTruth]
) -> None:
    seen = Counter[str]()
    earlier: set[tuple[object, ...]] = set()
    for claim, truth in zip(claims(items), truths, strict=True):
        family = family_that_sees(claim, truth.submitted_on, earlier)
        expected = None if truth.seen_by == "risk" else truth.seen_by
        assert family == expected, (truth, claim)
        seen[truth.seen_by or ""] += 1
        if truth.front in ("accepted", "silent"):  # what came back may be sent again
            earlier.add(key_of(claim))
    assert set(seen) == {"", "structure", "identifiers", "codes", "ncci", "payer_rules", "duplicates", "risk"}


RULES = rules()


def family_that_sees(claim: Claim, submitted_on: date, earlier: set[tuple[object, ...]]) -> str | None:
    """Say what the plainest checks would find, given what the payers ask for."""
    payer = RULES["payers"][claim.payer.payer_id]
    codes = {line.procedure_code or line.revenue_code for line in claim.lines}
    again = key_of(claim) in earlier and claim.frequency_code == "1"
    served_on = claim.service_from_on
    assert served_on is not None
    npis = [claim.billing_provider.npi, *(provider.npi for provider in claim.providers)]
    unmarked = {line.procedure_code for line in claim.lines if RULES["pair_modifier"] not in line.modifiers}
    found = {
        "duplicates": again,
        "structure": (
            claim.charge_cents != sum(line.charge_cents for line in claim.lines)
            or served_on > submitted_on
            or "Z" in (claim.subscriber.sex, claim.patient_or_subscriber.sex)
            or (claim.frequency_code in "78" and not claim.reference("F8"))
        ),
        "identifiers": (
            any(each != npi(int(each[:9])) for each in npis) or not re.match(payer["member_id_pattern"], claim.subscriber.member_id)
        ),
        "codes": any(len(each.code) < 3 for each in claim.diagnoses),
        "ncci": (
            any(first in codes and second in unmarked for first, second in RULES["pairs"])
            or any(int(line.units) > RULES["units_max"].get(line.procedure_code, 99) for line in claim.lines)
        ),
        "payer_rules": (
            (submitted_on - served_on).days > payer["filing_limit_days"]
            or bool(codes & set(payer["authorization_codes"]) and not claim.reference("G1"))
            or bool(codes & set(payer["records_codes"]) and not claim.attachments)
            or (claim.billing_provider.taxonomy_code in RULES["ordered_taxonomies"] and not claim.provider("DN"))
        ),
    }  # fmt: skip
    return next((family for family, it_is in found.items() if it_is), None)


def key_of(claim: Claim) -> tuple[object, ...]:
    codes = (line.procedure_code or line.revenue_code for line in claim.lines)
    return claim.payer.payer_id, claim.subscriber.member_id, claim.service_from_on, claim.billing_provider.npi, *codes


def test_the_check_digit_of_an_npi() -> None:
    assert npi(123_456_789) == "1234567893"
    assert {provider.npi for practice in PRACTICES for provider in practice.rendering if len(provider.npi) != 10} == set()


def test_memory_does_not_grow_with_the_number_of_claims() -> None:
    tracemalloc.start()
    try:
        peaks = []
        for number, day in enumerate(traffic(1, claims_a_day=20)):
            assert day.files
            if number in (100, 150, 200):
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
            if number == 200:
                break
    finally:
        tracemalloc.stop()
    assert peaks[2] < 1.2 * peaks[0], peaks
