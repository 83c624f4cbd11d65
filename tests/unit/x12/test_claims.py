"""What the reader makes of claims: lines, adjustments, balances, reversals, provider adjustments, and what cannot be read."""

import tracemalloc

import pytest

from libs.x12 import Adjustment, Finding, InterchangeReader, PaymentRead, ProviderAdjustment, TransactionClosed
from tests.unit.x12 import build
from tests.unit.x12.build import claims, codes, encode, of, only, pcns, read

MIB = 1024 * 1024


def head(amount: str, *, handling: str = "I", sign: str = "C") -> list[str]:
    return [f"BPR*{handling}*{amount}*{sign}*ACH************20260110", *build.HEAD[1:]]


def test_a_claim_keeps_everything_that_was_said_of_it() -> None:
    (remit,) = claims(read(encode(build.one())))
    assert (remit.patient_control_number, remit.claim_status_code, remit.payer_claim_control_number) == ("PCN1", "1", "ICN1")
    assert (remit.charge_cents, remit.paid_cents, remit.adjustment_cents, remit.difference_cents) == (10000, 8000, 2000, 0)
    assert (remit.claim_filing_code, remit.facility_code, remit.frequency_code) == ("12", "11", "1")
    (line,) = remit.lines
    assert (line.qualifier, line.procedure_code, line.units, str(line.service_on())) == ("HC", "G0283", "1", "2026-01-05")
    assert line.adjustments == (Adjustment("CO", "45", 2000),)


def test_six_triplets_in_one_segment_are_all_kept_with_their_quantities() -> None:
    cas = "CAS*CO*45*1*1*97*2**B7*3*2*16*4**18*5*0*29*6*7"
    (remit,) = claims(read(encode(build.one("CLP*A*1*21*0", cas))))
    assert remit.adjustments == (
        Adjustment("CO", "45", 100, "1"),
        Adjustment("CO", "97", 200),
        Adjustment("CO", "B7", 300, "2"),
        Adjustment("CO", "16", 400),
        Adjustment("CO", "18", 500, "0"),
        Adjustment("CO", "29", 600, "7"),
    )
    assert remit.difference_cents == 0


def test_trailing_and_inner_empty_triplets_are_nothing() -> None:
    items = read(encode(build.one("CLP*A*1*30*0", "CAS*CO*45*10*****97*20*****")))
    assert claims(items)[0].adjustments == (Adjustment("CO", "45", 1000), Adjustment("CO", "97", 2000))
    assert codes(items) == ["transaction_out_of_balance"]


def test_a_triplet_without_an_amount_is_said_and_the_others_count() -> None:
    items = read(encode(build.one("CLP*A*1*100*80", "CAS*CO*45***97*20")))
    assert claims(items)[0].adjustments == (Adjustment("CO", "97", 2000),)
    finding = only("missing_element", items)
    assert (finding.element, finding.claim_ordinal, finding.transaction_ordinal, finding.loop) == ("CAS03", 1, 1, "2100")


def test_the_three_balances_are_told_to_the_cent() -> None:
    body = [
        "CLP*A*1*100*80",
        "SVC*HC:G0283*60*50",
        "CAS*CO*45*9.99",
        "SVC*HC:A4253*40*30",
        "CAS*CO*45*10",
        "PLB*1*20261231*WO:X*-3.50",
    ]
    data = encode(build.one(*body, head=head("70.25")))
    items = read(data)
    (remit,) = claims(items)
    assert [line.difference_cents for line in remit.lines] == [1, 0]
    assert remit.difference_cents == 1
    (closed,) = of(TransactionClosed, items)
    assert closed.balance_difference_cents == 8000 + 350 - 7025
    assert (closed.unbalanced_lines, closed.unbalanced_claims) == (1, 1)
    found = [(each.code, each.difference_cents, each.snip_type, each.segment_id, each.loop) for each in of(Finding, items)]
    assert found == [
        ("line_out_of_balance", 1, 3, "SVC", "2110"),
        ("claim_out_of_balance", 1, 3, "CLP", "2100"),
        ("transaction_out_of_balance", 1325, 3, "BPR", None),
    ]
    assert data[only("line_out_of_balance", items).byte_offset :].startswith(b"SVC*HC:G0283*60")
    assert data[only("claim_out_of_balance", items).byte_offset :].startswith(b"CLP*A")
    assert data[only("transaction_out_of_balance", items).byte_offset :].startswith(b"BPR*")


def test_adjustments_of_the_claim_and_of_its_lines_both_count() -> None:
    body = ["CLP*A*1*100*50", "CAS*PR*1*30", "SVC*HC:G0283*100*80", "CAS*CO*45*20"]
    items = read(encode(build.one(*body, head=head("50"))))
    (remit,) = claims(items)
    assert (remit.adjustment_cents, remit.difference_cents) == (5000, 0)
    assert codes(items) == []


def test_the_same_adjustment_at_both_levels_overshoots_and_is_said() -> None:
    body = ["CLP*A*1*100*80", "CAS*CO*45*20", "SVC*HC:G0283*100*80", "CAS*CO*45*20"]
    items = read(encode(build.one(*body)))
    assert only("claim_out_of_balance", items).difference_cents == -2000
    assert claims(items)[0].lines[0].difference_cents == 0


def test_a_reversal_and_its_correction_are_two_claims_with_their_signs() -> None:
    reversal = ["CLP*A*22*-100*-80***ICN1", "SVC*HC:G0283*-100*-80", "CAS*CO*45*-20"]
    correction = ["CLP*A*1*100*60***ICN2", "SVC*HC:G0283*100*60", "CAS*CO*45*40"]
    items = read(encode(build.one(*reversal, *correction, head=head("20", sign="D"))))
    first, second = claims(items)
    assert (first.claim_status_code, first.charge_cents, first.paid_cents, first.adjustment_cents) == ("22", -10000, -8000, -2000)
    assert (first.difference_cents, second.difference_cents, second.paid_cents) == (0, 0, 6000)
    assert of(PaymentRead, items)[0].amount_cents == -2000
    assert of(TransactionClosed, items)[0].balance_difference_cents == 0


def test_a_payment_of_nothing_is_read() -> None:
    items = read(encode(build.one("CLP*A*4*100*0", "CAS*CO*29*100", head=head("0", handling="H"))))
    assert (of(PaymentRead, items)[0].handling_code, of(PaymentRead, items)[0].amount_cents) == ("H", 0)
    assert codes(items) == []


def test_a_provider_segment_may_hold_six_pairs_with_composite_reasons() -> None:
    plb = "PLB*1999999984*20261231*CV:CP*-1.27*WO:REF1*10*L6*-2*72:X:Y*.5*FB*5.*J1:Z*0"
    items = read(encode(build.one(*build.CLAIM, plb, head=head("67.77"))))
    (closed,) = of(TransactionClosed, items)
    assert [(each.reason_code, each.reference_id, each.amount_cents) for each in closed.provider_adjustments] == [
        ("CV", "CP", -127),
        ("WO", "REF1", 1000),
        ("L6", "", -200),
        ("72", "X:Y", 50),
        ("FB", "", 500),
        ("J1", "Z", 0),
    ]
    assert {str(each.fiscal_period_on) for each in closed.provider_adjustments} == {"2026-12-31"}
    assert closed.balance_difference_cents == 0


def test_provider_reasons_use_the_component_separator_that_the_claims_use() -> None:
    body = ["CLP*A*1*100*80", "SVC*HC>G0283*100*80", "CAS*CO*45*20", "PLB*1*20261231*WO>R1*80"]
    (closed,) = of(TransactionClosed, read(encode(build.one(*body, head=head("0")))))
    assert [(each.reason_code, each.reference_id) for each in closed.provider_adjustments] == [("WO", "R1")]


def test_a_provider_amount_that_is_none_is_said_and_the_pairs_beside_it_count() -> None:
    items = read(encode(build.one(*build.CLAIM, "PLB*1*20261231*WO:A*ten*WO:B*5*WO:C")))
    (closed,) = of(TransactionClosed, items)
    assert closed.provider_adjustments[0] == ProviderAdjustment(
        "1", closed.provider_adjustments[0].fiscal_period_on, "WO", "B", 500
    )
    assert [(each.code, each.element) for each in of(Finding, items)][:2] == [("bad_amount", "PLB04"), ("missing_element", "PLB08")]


def test_remark_codes_stand_in_mia_moa_and_beside_lines() -> None:
    body = [
        "CLP*A*1*100*80",
        "MIA*0****MA01***************N1*N2*N3*N4",
        "MOA***MA130*N210",
        *build.LINE,
        "LQ*HE*N362",
        "LQ*RX*75",
        "LQ*HE",
    ]
    (remit,) = claims(read(encode(build.one(*body))))
    assert remit.remarks() == ("MA01", "N1", "N2", "N3", "N4", "MA130", "N210")
    assert remit.lines[0].rarcs == ("N362", "75")


def test_a_corrected_patient_does_not_replace_the_submitted_one() -> None:
    body = ["CLP*A*1*100*80", "NM1*QC*1*FAMILY*GIVEN****MI*M1", "NM1*74*1*FAM\xc3\x8dLIA", *build.LINE]
    (remit,) = claims(read(encode(build.one(*body))))
    assert [(party.entity_code, party.last_name, party.id) for party in remit.parties()] == [
        ("QC", "FAMILY", "M1"),
        ("74", "FAMÍLIA", ""),
    ]


def test_references_and_dates_are_found_by_their_qualifier() -> None:
    body = ["CLP*A*1*100*80", "REF*F80*no", "REF*F8*ICN9", "DTM*232*20260101", "DTM*233*2026", *build.LINE, "REF*6R*L1"]
    (remit,) = claims(read(encode(build.one(*body))))
    assert remit.reference("F8") == "ICN9"
    assert str(remit.date("232")) == "2026-01-01"
    assert remit.date("233") is None
    assert remit.lines[0].reference("6R") == "L1"
    assert remit.reference("6R") is None


def test_a_claim_without_lines_or_headers_of_lines_is_whole() -> None:
    items = read(encode(build.one("CLP*A*1*100*80", "CAS*CO*45*20", head=build.HEAD[:-1])))
    assert claims(items)[0].lines == ()
    assert codes(items) == []


def test_provider_totals_between_claims_belong_to_no_claim() -> None:
    body = ["TS3*1*11*20261231*1*100", "TS2*1", "CLP*A*1*100*80", "CAS*CO*45*20", "LX*2", "TS3*1*11*20261231*1*0", "CLP*B*1*0*0"]
    items = read(encode(build.one(*body)))
    assert (pcns(items), codes(items)) == (["A", "B"], [])


@pytest.mark.parametrize(
    ("composite", "qualifier", "code", "modifiers"),
    [
        ("HC:G0283", "HC", "G0283", ()),
        ("HC:G0283:GP:59:KX:GA", "HC", "G0283", ("GP", "59", "KX", "GA")),
        ("HC:G0283::KX", "HC", "G0283", ("KX",)),
        ("NU:0450", "NU", "0450", ()),
        ("AD:X0001", "AD", "X0001", ()),
        ("N4:00000111122", "N4", "00000111122", ()),
        (":G0283", "", "G0283", ()),
        ("G0283", "", "G0283", ()),
        ("G0283:GP", "", "G0283", ("GP",)),
        ("HC:G0283:GP:::::a description", "HC", "G0283", ("GP",)),
    ],
)
def test_every_spelling_of_a_procedure_keeps_its_code(
    composite: str, qualifier: str, code: str, modifiers: tuple[str, ...]
) -> None:
    items = read(encode(build.one("CLP*A*1*100*80", f"SVC*{composite}*100*80", "CAS*CO*45*20")))
    (line,) = claims(items)[0].lines
    assert (line.qualifier, line.procedure_code, line.modifiers) == (qualifier, code, modifiers)


def test_the_procedure_that_was_billed_is_kept_beside_the_one_that_was_paid() -> None:
    (remit,) = claims(read(encode(build.one("CLP*A*1*100*80", "SVC*HC:G0283*100*80*0420*2*HC:X0001*3", "CAS*CO*45*20"))))
    line = remit.lines[0]
    assert (line.revenue_code, line.units, line.original_procedure_code, line.original_units) == ("0420", "2", "X0001", "3")


def test_a_claim_repeated_within_a_file_is_read_each_time() -> None:
    items = read(encode(build.one(*build.CLAIM, *build.CLAIM, head=head("160"))))
    assert pcns(items) == ["PCN1", "PCN1"]
    assert [remit.ordinal for remit in claims(items)] == [1, 2]


@pytest.mark.parametrize("status", ["1", "2", "3", "4", "19", "22", "25", ""])
def test_any_claim_status_is_kept_as_it_is(status: str) -> None:
    items = read(encode(build.one(f"CLP*A*{status}*100*80", "CAS*CO*45*20")))
    assert claims(items)[0].claim_status_code == status
    assert codes(items) == ([] if status else ["missing_element"])


def test_an_empty_patient_responsibility_is_legal() -> None:
    items = read(encode(build.one("CLP*A*1*100*80**12", "CAS*CO*45*20")))
    assert claims(items)[0].patient_responsibility_cents is None
    assert codes(items) == []


def test_a_patient_control_number_of_any_length_is_kept() -> None:
    pcn = "P" * 300
    assert pcns(read(encode(build.one(f"CLP*{pcn}*1*100*80", *build.LINE)))) == [pcn]


def test_latin_1_bytes_are_no_obstacle() -> None:
    body = ["CLP*Ñ1*1*100*80", "NM1*QC*1*MÜLLER*JOSÉ", *build.LINE]
    (remit,) = claims(read(encode(build.one(*body))))
    assert remit.patient_control_number == "Ñ1"
    assert remit.parties()[0].first_name == "JOSÉ"


@pytest.mark.parametrize(("charge", "code"), [("12.345", "amount_too_precise"), ("NaN", "bad_amount"), ("", "missing_element")])
def test_a_claim_whose_charge_cannot_be_read_is_said_and_never_booked(charge: str, code: str) -> None:
    data = encode(build.one(f"CLP*A*1*{charge}*80", *build.LINE, "CLP*B*1*100*80", *build.LINE))
    items = read(data)
    assert pcns(items) == ["B"]
    assert claims(items)[0].ordinal == 2
    assert {"claim_unreadable", code} <= set(codes(items))
    assert data[only("claim_unreadable", items).byte_offset :].startswith(b"CLP*A")
    (closed,) = of(TransactionClosed, items)
    assert (closed.claims, closed.claims_unreadable, closed.charge_cents) == (1, 1, 10000)


def test_a_claim_without_a_payment_is_kept_as_unpaid_and_said() -> None:
    items = read(encode(build.one("CLP*A*4*100", "CAS*CO*29*100", head=head("0"))))
    assert claims(items)[0].paid_cents == 0
    assert only("missing_element", items).element == "CLP04"


def test_words_in_place_of_the_payment_leave_the_claims_readable() -> None:
    items = read(encode(build.one(head=head("LOTS"))))
    assert pcns(items) == ["PCN1"]
    assert of(PaymentRead, items)[0].amount_cents is None
    assert of(TransactionClosed, items)[0].balance_difference_cents is None
    assert only("bad_amount", items).element == "BPR02"


def test_a_second_payment_segment_is_said_and_the_first_counts() -> None:
    first = build.HEAD[0]
    data = encode(build.one(head=[first, first.replace("*80*", "*90*"), *build.HEAD[1:]]))
    items = read(data)
    assert of(PaymentRead, items)[0].amount_cents == 8000
    assert data[only("duplicate_segment", items).byte_offset :].startswith(b"BPR*I*90")


def test_a_transaction_without_a_head_says_what_is_missing() -> None:
    items = read(encode(build.one(head=["LX*1"])))
    assert pcns(items) == ["PCN1"]
    assert [(each.code, each.segment_id) for each in of(Finding, items)] == [("missing_segment", "BPR"), ("missing_segment", "TRN")]


def test_a_payment_date_that_is_none_is_said() -> None:
    items = read(encode(build.one(head=[build.HEAD[0].replace("20260110", "20261340"), *build.HEAD[1:]])))
    assert of(PaymentRead, items)[0].payment_on is None
    assert only("bad_date", items).element == "BPR16"


def test_lower_case_identifiers_are_read_and_said() -> None:
    lower = ["clp*A*1*100*80", "svc*HC:G0283*100*80", "cas*CO*45*15", "Cas*PR*3*5", "lq*HE*N362"]
    data = encode(build.one(*lower), end="\r\n").replace(b"\nSE*", b"\nse*").replace(b"\nBPR*", b"\nbpr*")
    items = read(data)
    (remit,) = claims(items)
    assert (remit.difference_cents, remit.adjustment_cents, remit.lines[0].rarcs) == (0, 2000, ("N362",))
    found = of(Finding, items)
    assert {each.code for each in found} == {"lower_case_segment"}
    assert [data[each.byte_offset :][:3] for each in found] == [b"bpr", b"clp", b"svc", b"cas", b"Cas", b"lq*", b"se*"]


def test_control_characters_are_read_as_blanks_and_pointed_at() -> None:
    data = encode(build.one("CLP*A\x00B*1*100*80", *build.LINE, "\x0bREF*6R*X\x7f"), end="\n")
    items = read(data)
    assert pcns(items) == ["A B"]
    assert claims(items)[0].lines[0].reference("6R") == "X "
    assert [data[each.byte_offset] for each in of(Finding, items)] == [0x00, 0x0B, 0x7F]
    assert codes(items) == ["control_character"] * 3


def test_of_very_many_control_characters_only_some_are_named() -> None:
    items = read(encode(build.one("CLP*A" + "\x01" * 5000 + "*1*100*80", *build.LINE)))
    assert len(pcns(items)[0]) == 5001
    assert len(of(Finding, items)) == 100


def test_a_segment_that_belongs_to_no_claim_does_not_hide_the_lines_after_it() -> None:
    data = encode(build.one("CLP*A*1*100*80", "ZZZ*1", *build.LINE, "NTE*x", "CAS*PR*3*0"))
    items = read(data)
    (remit,) = claims(items)
    assert (remit.difference_cents, len(remit.lines), len(remit.lines[0].adjustments)) == (0, 1, 2)
    assert [data[each.byte_offset :][:3] for each in of(Finding, items)] == [b"ZZZ", b"NTE"]
    assert codes(items) == ["unexpected_segment"] * 2


def test_a_claim_outside_any_transaction_is_said() -> None:
    items = read(encode(build.interchange(build.group([*build.CLAIM]))))
    assert claims(items) == []
    assert codes(items)[0] == "unexpected_segment"


def binary(payload: str, *, filtered: bool) -> str:
    return f"BDS*ASB*{len(payload)}*{payload}" if filtered else f"BIN*{len(payload)}*{payload}"


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("chunk", [None, 1, 7])
@pytest.mark.parametrize("payload", ["a~CLP*X*1*1*1~b\x00c\r\n", "~" * 40, "x" * 200_000])
def test_a_binary_segment_is_passed_over_by_its_length(payload: str, chunk: int | None, *, filtered: bool) -> None:
    if chunk == 1 and len(payload) > MIB // 8:
        chunk = 4096  # one byte at a time would take long and show nothing else
    attachment = build.transaction([binary(payload, filtered=filtered)], head=["BGN*11*1*20260110"], kind="275", control="0009")
    segments = build.interchange(build.group(attachment, functional="PI"), build.group(build.transaction(), control="2"))
    items = read("".join(segment + "~" for segment in segments).encode("latin-1"), chunk=chunk)
    assert pcns(items) == ["PCN1"]
    assert codes(items) == ["unsupported_transaction", "binary_segment"]


@pytest.mark.parametrize("segment", ["BIN*many*abc", "BIN", "BIN*5", "BDS*ASB**abc", "BINX"])
def test_a_binary_segment_of_unusable_length_ends_at_its_terminator(segment: str) -> None:
    attachment = build.transaction([segment], head=["BGN*11*1*20260110"], kind="275", control="0009")
    items = read(encode(build.interchange(build.group(attachment, functional="PI"), build.group(build.transaction(), control="2"))))
    assert (pcns(items), codes(items)) == (["PCN1"], ["unsupported_transaction", "binary_segment"])


@pytest.mark.parametrize("chunk", [None, 4096, 65537])
def test_a_segment_over_64_kib_costs_its_claim_and_no_other(chunk: int | None) -> None:
    long = ["CLP*B*1*100*80", "REF*F8*" + "x" * 70_000, *build.LINE]
    data = encode(build.one("CLP*A*1*100*80", *build.LINE, *long, "CLP*C*1*100*80", *build.LINE, head=head("160")), end="\n")
    items = read(data, chunk=chunk)
    assert pcns(items) == ["A", "C"]
    assert codes(items) == ["segment_too_long", "claim_unreadable"]
    assert data[only("segment_too_long", items).byte_offset :].startswith(b"REF*F8")
    assert data[only("claim_unreadable", items).byte_offset :].startswith(b"CLP*B")
    assert of(TransactionClosed, items)[0].claims_unreadable == 1


@pytest.mark.parametrize("chunk", [None, 4096])
def test_a_long_segment_outside_claims_costs_nothing_else(chunk: int | None) -> None:
    data = encode(build.one(head=[*build.HEAD[:3], "N3*" + "x" * 70_000, *build.HEAD[3:]]))
    items = read(data, chunk=chunk)
    assert (pcns(items), codes(items)) == (["PCN1"], ["segment_too_long"])


@pytest.mark.parametrize("chunk", [None, 65_536])
def test_a_claim_of_too_many_segments_is_passed_over_alone(chunk: int | None) -> None:
    data = encode(build.one("CLP*A*1*100*80", *["REF*F8*X"] * 25_000, "CLP*B*1*100*80", *build.LINE))
    items = read(data, chunk=chunk)
    assert (pcns(items), codes(items)) == (["B"], ["claim_too_long"])
    assert data[only("claim_too_long", items).byte_offset :].startswith(b"CLP*A")


@pytest.mark.parametrize("segment", ["REF*F8*X~", "REF*F8*" + "x" * 60_000 + "~", "x" * 100, "~", "CAS*CO*45*1~"])
def test_a_claim_without_end_does_not_fill_the_memory(segment: str) -> None:
    reader = InterchangeReader()
    front = encode(build.one())[: -len("SE*14*0001~GE*1*1~IEA*1*000000001~")]
    chunk = (segment * (MIB // len(segment))).encode()
    reader.feed(front)
    tracemalloc.start()
    for _ in range(12 if len(segment) > 1000 else 5):  # tiny segments take long to trace
        reader.feed(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 * MIB
    assert claims(reader.close()) == []


def test_a_stream_that_never_shows_a_header_does_not_fill_the_memory() -> None:
    reader = InterchangeReader()
    tracemalloc.start()
    for _ in range(6):
        reader.feed(b"lorem ISA*ipsum " * (MIB // 16))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MIB


def test_blank_lines_among_segments_shift_no_position() -> None:
    data = encode(build.one("CLP*A*1*100*81", "\r\n", *build.LINE), end="\r\n\r\n  ")
    items = read(data)
    finding = only("claim_out_of_balance", items)
    assert data[finding.byte_offset :].startswith(b"CLP*A")
    assert finding.segment_index == 10
    assert data[claims(items)[0].byte_offset :].startswith(b"CLP*A")


@pytest.mark.parametrize("terminator", ["\n", "\r\n"])
def test_offsets_are_exact_when_lines_end_segments(terminator: str) -> None:
    data = encode(build.one("CLP*A*1*100*81", *build.LINE), terminator=terminator)
    finding = only("claim_out_of_balance", read(data))
    assert data[finding.byte_offset :].startswith(b"CLP*A")
