"""Claims and what is answered to them, read: the same wherever the file is cut; whatever is odd is a finding and no exception."""

import tracemalloc
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.x12 import BatchRead, Claim, Finding, GroupAnswer, InterchangeReader, SetAnswer, StatusRead, TransactionClosed
from libs.x12.claim import OtherPayer
from tests.unit.x12 import build
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import codes, encode, of, only, read
from tests.unit.x12.test_any_cut import DELIMITERS, in_pieces

COB = [
    "SBR*S*01*******12", "CAS*CO*45*10*1*2*3", "AMT*D*50", "OI***Y***Y", "NM1*IL*1*FAMILY*OTHER****MI*M2",
    "NM1*PR*2*FIRST PAYER*****PI*P2", "DTP*573*D8*20260104",
]  # fmt: skip
LINE_COB = ["SVD*P2*40*HC:G0283**1", "CAS*CO*45*60", "DTP*573*D8*20260104"]
MANY = made.one(
    [*made.claim("A")[:2], *COB, *made.claim("A")[2:], *LINE_COB],
    made.claim("B", "x"),
    ["HL*3*2*23*0", "PAT*19", "NM1*QC*1*FAMILY*CHILD", "DMG*D8*20150203*M", *made.claim("C", lines=3)],
)
ANSWERS = made.acknowledgement(
    made.status("A", number="ICN1"), made.status("B", "A7:562:85", more=["SVC*HC:G0283*100", "STC*A7:454*20260111*U", "REF*FJ*1"])
)
SETS = made.set_answers(
    ["AK2*837*0001", "IK3*CLM*22**8", "CTX*CLM01:A", "IK4*2*782*1", "IK5*R*5"], ["AK2*837*0002", "IK5*A"], code="P"
)
FILES = [
    encode(MANY),
    encode(MANY, element="|", component=">", terminator="\n", end="\r\n"),
    encode(MANY + ANSWERS + SETS, terminator="'", end="\r\n"),
    encode(ANSWERS, component="|"),
    encode(SETS) + encode(build.one()),
]
PIECES = [*DELIMITERS, b"CLM*", b"HL*", b"LX*", b"SV1*", b"SBR*", b"STC*", b"AK2*", b"NM1*", b"9" * 5000, b"DTP*472*D8*99999999~"]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw a file with a few pieces cut out, put in, doubled or replaced."""
    told = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(told)))
        end = min(len(told), at + draw(st.integers(0, 60)))
        piece = draw(st.one_of(st.just(b""), st.sampled_from(PIECES), st.binary(max_size=6), st.just(told[at:end] * 2)))
        told = told[:at] + piece + told[end:]
    return told


@given(told=mutated(), share=st.lists(st.floats(0, 1), max_size=12))
@settings(max_examples=300)
def test_the_same_bytes_yield_the_same_items_wherever_they_are_cut(told: bytes, share: list[float]) -> None:
    assert in_pieces(told, [int(part * len(told)) for part in share]) == read(told)


@given(told=mutated())
@settings(max_examples=60)
def test_one_byte_at_a_time_yields_the_same_items(told: bytes) -> None:
    assert read(told, chunk=1) == read(told)


@given(told=mutated())
@settings(max_examples=200)
def test_a_finding_and_an_item_point_at_their_own_segments(told: bytes) -> None:
    for finding in of(Finding, read(told)):
        assert 0 <= finding.byte_offset <= len(told)
        if finding.segment_id is not None and not finding.code.startswith("missing_segment"):
            assert told[finding.byte_offset :][: len(finding.segment_id)].upper() == finding.segment_id.upper().encode()
    begins = {Claim: b"CLM", StatusRead: b"HL", SetAnswer: b"AK2"}
    for item in read(told):
        if isinstance(item, Claim | StatusRead | SetAnswer):
            assert told[item.byte_offset :].upper().startswith(begins[type(item)])


@given(told=mutated())
@settings(max_examples=100)
def test_a_transaction_counts_and_sums_its_own_claims(told: bytes) -> None:
    count = charge_cents = 0
    for item in read(told):
        if isinstance(item, Claim):
            count, charge_cents = count + 1, charge_cents + item.charge_cents
        elif isinstance(item, TransactionClosed) and item.type == "837":
            assert (item.claims, item.charge_cents) == (count, charge_cents)
            count = charge_cents = 0


def test_every_file_is_read_whole_in_any_delimiters() -> None:
    plain = of(Claim, read(FILES[0]))
    assert [(each.patient_control_number, len(each.lines), each.charge_cents) for each in plain] == [
        ("A", 1, 10000),
        ("C", 3, 10000),
    ]
    other = of(Claim, read(FILES[1]))
    assert [(each.patient, each.lines[0].procedure_code, each.other_payers[:1]) for each in other] == [
        (each.patient, each.lines[0].procedure_code, tuple(_in_bars(payer) for payer in each.other_payers)) for each in plain
    ]
    first, child = plain
    assert (first.patient, first.patient_or_subscriber.first_name) == (None, "GIVEN")
    assert (child.patient_or_subscriber.first_name, child.patient_relationship) == ("CHILD", "19")
    (payer,) = first.other_payers
    assert (payer.payer.payer_id, payer.paid_cents, payer.adjudicated_on) == ("P2", 5000, date(2026, 1, 4))
    assert [(each.carc, each.amount_cents) for each in payer.adjustments] == [("45", 1000), ("2", 300)]
    assert [(each.paid_cents, each.payer_id) for each in first.lines[0].adjudications] == [(4000, "P2")]


def _in_bars(payer: OtherPayer) -> OtherPayer:
    return msgspec.structs.replace(payer, segments=tuple(each.replace("*", "|") for each in payer.segments))


def test_what_is_answered_is_read_with_its_claim_and_line_codes() -> None:
    (head,) = of(BatchRead, read(encode(ANSWERS)))
    first, second = (each for each in of(StatusRead, read(encode(ANSWERS))) if each.level == "claim")
    assert (head.sender_id, head.reference, head.receiver_id) == ("PAYER1", "REF1", "SUB1")
    assert (first.patient_control_number, first.payer_claim_control_number) == ("A", "ICN1")
    assert [(code.category, code.code, code.entity) for code in second.statuses[0].codes] == [("A7", "562", "85")]
    assert second.lines[0].statuses[0].codes[0].code == "454"
    answers = of(SetAnswer, read(encode(SETS)))
    assert [(each.set_control_number, each.code, each.reasons) for each in answers] == [("0001", "R", ("5",)), ("0002", "A", ())]
    (error,) = answers[0].errors
    assert (error.segment_id, error.element, error.element_code, error.patient_control_number) == ("CLM", 2, "1", "A")
    assert of(GroupAnswer, read(encode(SETS)))[0].code == "P"


def test_an_error_without_a_claim_is_not_the_claim_s_before_it() -> None:
    told = ["AK2*837*0001", "IK3*CLM*22**8", "CTX*CLM01:A", "IK3*NM1*4**8", "IK5*R*5"]
    (answer,) = of(SetAnswer, read(encode(made.set_answers(told))))
    assert [(each.segment_id, each.patient_control_number) for each in answer.errors] == [("CLM", "A"), ("NM1", "")]


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (("CLM*PCN1*100", "CLM*PCN1*1OO"), [("bad_amount", "CLM02"), ("claim_unreadable", None)]),
        (("CLM*PCN1*100", "CLM*PCN1*"), [("missing_element", "CLM02"), ("claim_unreadable", None)]),
        (("SV1*HC:G0283:GP*100*UN*1***1", "NTE*ADD*NO SERVICE"), [("missing_segment", None), ("claim_unreadable", None)]),
        (("SV1*HC:G0283:GP*100", "SV1*HC:G0283:GP*"), [("missing_element", "SV102"), ("claim_unreadable", None)]),
        (("DTP*472*D8*20260105", "DTP*472*D8*20261305"), [("bad_date", "DTP03")]),
        (("DTP*472*D8*20260105", "DTP*472*RD8*20260105"), [("bad_date", "DTP03")]),
        (("DTP*472*D8*20260105", "DTP*472*XX*20260105"), [("bad_date", "DTP03")]),
        (("DMG*D8*19610203", "DMG*D8*19610230"), [("bad_date", "DMG02")]),
        (("HL*2*1*22*0", "HL*2*7*22*0"), [("hl_parent", "HL02")]),
        (("HL*2*1*22*0", "HL*2**22*0"), [("hl_parent", "HL02")]),
        (("HL*2*1*22*0", "HL*2*1*99*0"), [("unexpected_segment", "HL03"), ("claim_unattributed", None)]),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(spoil: tuple[str, str], expected: list[tuple[str, str | None]]) -> None:
    told = encode(made.one()).decode().replace(*spoil).encode()
    items = read(told)
    assert [(each.code, each.element) for each in of(Finding, items)] == expected
    stands = told.index(spoil[1].encode()) if expected[0][0] != "missing_segment" else told.index(b"LX*1")
    assert of(Finding, items)[0].byte_offset == stands
    assert len(of(Claim, items)) == {"claim_unreadable", "claim_unattributed"}.isdisjoint(codes(items))


def test_a_claim_that_cannot_be_read_does_not_take_its_neighbours_with_it() -> None:
    items = read(encode(made.one(made.claim("A"), made.claim("B", "x"), made.claim("C"))))
    assert [each.patient_control_number for each in of(Claim, items)] == ["A", "C"]
    (closed,) = of(TransactionClosed, items)
    assert (closed.claims, closed.claims_unreadable) == (2, 1)


def test_a_claim_of_1000_lines_is_read_and_its_thousandth_line_is_named() -> None:
    fits = read(encode(made.one(made.claim(lines=999))))
    assert (codes(fits), len(of(Claim, fits)[0].lines)) == ([], 999)
    told = encode(made.one(made.claim(lines=1000)))
    items = read(told)
    assert len(of(Claim, items)[0].lines) == 1000
    assert only("too_many_lines", items).byte_offset == told.index(b"LX*1000")


def test_long_numbers_control_characters_and_lower_case_are_read() -> None:
    told = encode(made.one(made.claim("P" * 300), made.claim("B\x01C"), ["clm*D*1***11:B:1", "lx*1", *made.LINE]))
    items = read(told)
    assert [each.patient_control_number for each in of(Claim, items)] == ["P" * 300, "B C", "D"]
    assert {"control_character", "lower_case_segment"} <= set(codes(items))
    (huge,) = of(Claim, read(encode(made.one(["CLM*E*1", "LX*" + "9" * 5000, "SV1*HC:G0283*1*UN*1***" + "9" * 5000]))))
    assert (huge.lines[0].number, huge.lines[0].diagnosis_pointers) == (0, ())


@pytest.mark.parametrize("cut", ["LX*1", "SV1*", "DTP*472"])
def test_a_claim_that_is_not_whole_when_the_input_ends_is_not_emitted(cut: str) -> None:
    told = encode(made.one(made.claim("A"), made.claim("B")))
    items = read(told[: told.rindex(cut.encode()) + 2])
    assert [each.patient_control_number for each in of(Claim, items)] == ["A"]
    assert codes(items)[-1] == "truncated"
    assert not of(TransactionClosed, items)[0].complete


@pytest.mark.parametrize("cut", ["N4*CITY", "HL*2*1", "NM1*IL", "DMG*"])
def test_a_file_that_ends_inside_a_level_loses_no_claim(cut: str) -> None:
    told = encode(made.one())
    items = read(told[: told.index(cut.encode()) + 2])
    assert (codes(items), of(Claim, items)) == (["truncated"], [])
    assert of(TransactionClosed, items)[0].claims_unreadable == 0


def test_a_claim_in_an_unknown_level_is_nobody_s_until_a_known_one_comes() -> None:
    strange = ["HL*9*2*77*0", "SBR*S", "NM1*IL*1*OTHER", "NM1*PR*2*OTHER"]
    patient = ["HL*10*9*23*0", "PAT*19", "NM1*QC*1*OTHER*CHILD"]
    own = ["HL*11*1*22*0", *made.SUBSCRIBER[1:]]
    parts = made.claim("A"), [*strange, *made.claim("B")], [*patient, *made.claim("C")], [*own, *made.claim("D")]
    items = read(encode(made.one(*parts)))
    found = [(each.code, each.severity, each.claim_ordinal) for each in of(Finding, items)]
    assert found == [
        ("unexpected_segment", "warning", None),
        ("claim_unattributed", "error", 2),
        ("hl_parent", "warning", None),
        ("claim_unattributed", "error", 3),
    ]
    assert [each.patient_control_number for each in of(Claim, items)] == ["A", "D"]
    assert of(TransactionClosed, items)[0].claims_unreadable == 2


@pytest.mark.parametrize("whole", [made.acknowledgement(made.status()), made.set_answers(["AK2*837*0001", "IK5*A"])])
@pytest.mark.parametrize("strange", ["MUSTERMANN", "\xb9A"])
def test_what_is_no_identifier_is_not_named_where_a_segment_is_not_expected(whole: list[str], strange: str) -> None:
    at = next(place for place, segment in enumerate(whole) if segment.startswith("ST*")) + 1
    found = of(Finding, read(encode([*whole[:at], strange, *whole[at:]])))
    assert [(each.code, each.segment_id) for each in found if each.code != "se_count"] == [("unexpected_segment", None)]


def test_of_a_level_beyond_measure_nothing_is_kept_and_no_other_stands_in_for_it() -> None:
    huge = ["HL*3*1*22*0", "SBR*P*18", *["REF*SY*1"] * 21_000, "NM1*IL*1*NEXT****MI*M2"]
    items = read(encode(made.one(made.claim("A"), [*huge, *made.claim("B")])), chunk=4096)
    assert codes(items) == ["claim_too_long"]
    assert [each.subscriber.last_name for each in of(Claim, items)] == ["FAMILY", ""]


def test_a_dental_diagnosis_by_its_own_terms_is_a_diagnosis() -> None:
    told = encode(made.one()).decode().replace("HI*ABK:A000", "HI*TQ:D1*TQ:D2").encode()
    assert [(each.qualifier, each.code) for each in of(Claim, read(told))[0].diagnoses] == [("TQ", "D1"), ("TQ", "D2")]


def test_what_is_said_again_is_read_alike_and_its_oddities_are_told_each_time() -> None:
    odd = [*made.claim("A"), "DTP*472*D8*20261305", "SVD*P2*x*HC:G0283", "CAS*CO*45*y"]
    items = read(encode(made.one(odd, odd)))
    first, second = of(Claim, items)
    assert first.lines == second.lines
    told = [(each.code, each.claim_ordinal) for each in of(Finding, items)]
    assert told == [(code, ordinal) for ordinal in (1, 2) for code in ("bad_amount", "bad_amount")]


def test_memory_does_not_grow_with_the_file() -> None:
    head, tail = encode(made.one(())).split(b"SE*", 1)
    claims = encode(made.claim("A", lines=3)) * 200

    def peak(times: int) -> int:
        reader = InterchangeReader()
        tracemalloc.start()
        reader.feed(head)
        for _ in range(times):
            reader.feed(claims)
        reader.feed(b"SE*" + tail)
        reader.close()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)
    # One piece more or less may be alive when the peak is taken: what must not grow is what fifty more pieces leave behind.
    assert peak(60) - peak(10) < 25 * len(claims)
