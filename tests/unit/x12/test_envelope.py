"""The envelope as it is found: odd headers, odd delimiters, several interchanges, and counts that lie."""

import pytest

from libs.x12 import (
    Finding,
    InterchangeClosed,
    InterchangeOpened,
    InterchangeReader,
    PaymentRead,
    TransactionClosed,
    TransactionOpened,
    envelope,
)
from tests.unit.x12 import build
from tests.unit.x12.build import codes, encode, of, only, pcns, read

PLAIN = encode(build.one())


def claim(pcn: str) -> list[str]:
    return [f"CLP*{pcn}*1*100*80", *build.LINE]


def test_a_clean_file_yields_its_items_in_file_order_and_no_finding() -> None:
    kinds = [type(item).__name__ for item in read(PLAIN)]
    assert kinds == [
        "InterchangeOpened",
        "TransactionOpened",
        "PaymentRead",
        "Remit",
        "TransactionClosed",
        "InterchangeClosed",
    ]


def test_the_head_tells_who_paid_whom_how_much_and_when() -> None:
    (payment,) = of(PaymentRead, read(PLAIN))
    assert (payment.amount_cents, payment.method, payment.trace_number, payment.payer_id) == (8000, "ACH", "TRACE1", "1999999999")
    assert (payment.payer_name, payment.payee_name, payment.payee_id) == ("PAYER", "CLINIC", "1999999984")
    assert (str(payment.payment_on), str(payment.produced_on)) == ("2026-01-10", "2026-01-09")


@pytest.mark.parametrize("change", [-3, -1, 1, 4])
def test_a_header_of_wrong_length_is_read_by_structure_and_said(change: int) -> None:
    header = build.isa().replace(f"{'CLINIC':<15}", f"{'CLINIC':<{15 + change}}")
    items = read(encode([header, *build.one()[1:]]))
    assert pcns(items) == ["PCN1"]
    assert codes(items) == ["isa_length"]


def test_a_header_whose_blanks_are_collapsed_is_read() -> None:
    header = "ISA*00**00**ZZ*PAYER*ZZ*CLINIC*260110*1200*^*00501*000000001*0*P*:"
    items = read(encode([header, *build.one()[1:]]))
    assert pcns(items) == ["PCN1"]
    assert codes(items) == ["isa_length"]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n  ", "\r\n\t"])
@pytest.mark.parametrize(("element", "component"), [("*", ":"), ("|", ":"), ("+", ">"), ("^", "|"), ("*", "^")])
def test_any_usual_delimiters_and_line_ends_are_read_alike(element: str, component: str, end: str) -> None:
    segments = [segment.replace("*^*00501", "*U*00401") for segment in build.one()]
    items = read(encode(segments, element=element, component=component, end=end))
    (remit,) = build.claims(items)
    assert (remit.patient_control_number, remit.lines[0].procedure_code, remit.difference_cents) == ("PCN1", "G0283", 0)
    assert codes(items) == []


@pytest.mark.parametrize("terminator", ["\n", "\r\n", "\r", "\x1d", "\x1c", "'", "\xc2\xa7", "~|"])
def test_any_terminator_that_was_seen_is_read(terminator: str) -> None:
    items = read(encode(build.one(), terminator=terminator))
    assert pcns(items) == ["PCN1"]
    assert codes(items) == []


def test_the_component_separator_in_use_wins_over_the_one_declared() -> None:
    body = ["CLP*PCN1*1*100*80", "SVC*HC>G0283>GP*100*80**1*HC>X0001", "CAS*CO*45*20"]
    data = encode(build.one(*body))
    items = read(data)
    (line,) = build.claims(items)[0].lines
    assert (line.qualifier, line.procedure_code, line.modifiers, line.original_procedure_code) == ("HC", "G0283", ("GP",), "X0001")
    assert data[only("component_separator_differs", items).byte_offset :].startswith(b"SVC*HC>")


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n\n \r\n", b"\xef\xbb\xbf\r\n", b"\x00\x00"])
def test_blanks_and_byte_order_marks_before_the_header_are_nothing_to_report(before: bytes) -> None:
    items = read(before + PLAIN)
    assert pcns(items) == ["PCN1"]
    assert codes(items) == []
    assert of(InterchangeOpened, items)[0].byte_offset == len(before)


@pytest.mark.parametrize("before", [b"Subject: visa-isa-Louisa remit\n\n", b"IS ISA IS\n", b"Stra\xdfe\n", b"\xdf\xdfisa"])
def test_text_before_the_header_is_passed_over_and_said(before: bytes) -> None:
    items = read(before + PLAIN)
    assert pcns(items) == ["PCN1"]
    assert codes(items) == ["text_before_isa"]
    assert of(InterchangeOpened, items)[0].byte_offset == len(before)
    assert only("text_before_isa", items).byte_offset == 0


def test_interchanges_with_different_delimiters_follow_one_another() -> None:
    files = [
        encode(build.interchange(build.group(build.transaction(claim("A"))), control="000000001")),
        encode(
            build.interchange(build.group(build.transaction(claim("B"))), control="000000002"),
            element="|", component=">", terminator="\n",
        ),
        encode(build.interchange(build.group(build.transaction(claim("C"))), control="000000003"), terminator="\x1d", end="\r\n"),
    ]  # fmt: skip
    items = read(b"\r\n".join(files))
    assert pcns(items) == ["A", "B", "C"]
    assert codes(items) == []
    assert [(closed.control_number, closed.complete) for closed in of(InterchangeClosed, items)] == [
        ("000000001", True),
        ("000000002", True),
        ("000000003", True),
    ]
    assert [opened.ordinal for opened in of(TransactionOpened, items)] == [1, 2, 3]


def test_several_groups_and_transactions_are_each_read() -> None:
    first = build.group(build.transaction(claim("A"), control="0001"), build.transaction(claim("B"), control="0002"))
    second = build.group(build.transaction(claim("C"), control="0001"), control="2")
    items = read(encode(build.interchange(first, second)))
    assert pcns(items) == ["A", "B", "C"]
    assert codes(items) == []


def test_a_repeated_transaction_number_is_said_and_both_are_read() -> None:
    items = read(encode(build.interchange(build.group(build.transaction(claim("A")), build.transaction(claim("B"))))))
    assert pcns(items) == ["A", "B"]
    assert codes(items) == ["repeated_control_number"]


def test_of_very_many_transactions_in_a_group_the_first_control_numbers_are_compared_and_that_is_said(monkeypatch) -> None:
    monkeypatch.setattr(envelope, "CONTROL_NUMBERS_MAX", 2)
    body = build.group(*(build.transaction(control=control) for control in ("0001", "0002", "0001", "0003", "0003", "0002")))
    told = [each for each in of(Finding, read(encode(build.interchange(body)))) if "control_number" in each.code]
    assert [each.code for each in told] == ["repeated_control_number", "control_numbers_unchecked", "repeated_control_number"]


def test_an_acknowledgment_segment_beside_a_group_is_no_finding() -> None:
    segments = build.one()
    segments.insert(1, "TA1*000000001*260110*1200*A*000")
    items = read(encode(segments))
    assert (pcns(items), codes(items)) == (["PCN1"], [])


@pytest.mark.parametrize(
    ("kind", "place", "value", "code"),
    [
        ("SE", 1, "99", "se_count"),
        ("SE", 2, "0009", "se_control_number"),
        ("GE", 1, "7", "ge_count"),
        ("GE", 2, "9", "ge_control_number"),
        ("IEA", 1, "4", "iea_count"),
        ("IEA", 2, "000000009", "iea_control_number"),
    ],
)
def test_a_lie_of_the_envelope_is_a_finding_at_its_segment(kind: str, place: int, value: str, code: str) -> None:
    segments = build.one()
    at = next(number for number, segment in enumerate(segments) if segment.startswith(kind + "*"))
    elements = segments[at].split("*")
    elements[place] = value
    segments[at] = "*".join(elements)
    data = encode(segments)
    items = read(data)
    assert (pcns(items), codes(items)) == (["PCN1"], [code])
    finding = only(code, items)
    assert data[finding.byte_offset :].startswith(kind.encode() + b"*")
    assert finding.segment_index == at + 1
    assert finding.element == f"{kind}{place:02d}"


@pytest.mark.parametrize(("kind", "code"), [("SE", "missing_se"), ("GE", "missing_ge"), ("IEA", "missing_iea")])
def test_a_missing_end_is_said_and_the_claims_count(kind: str, code: str) -> None:
    segments = [segment for segment in build.one() if not segment.startswith(kind + "*")]
    items = read(encode(segments))
    assert (pcns(items), codes(items)) == (["PCN1"], [code])
    assert of(TransactionClosed, items)[0].complete is (kind != "SE")
    assert of(InterchangeClosed, items)[0].complete is (kind != "IEA")


def test_an_interchange_may_begin_before_the_last_one_ended() -> None:
    first = build.interchange(build.group(build.transaction(claim("A"))))[:-3]  # no SE, GE, IEA
    items = read(encode([*first, *build.one(*claim("B"))]))
    assert pcns(items) == ["A", "B"]
    assert codes(items) == ["missing_iea"]
    assert [closed.complete for closed in of(TransactionClosed, items)] == [False, True]


def test_a_group_inside_a_broken_transaction_ends_it() -> None:
    broken = build.group(build.transaction(claim("A")))[:-2]
    items = read(encode(build.interchange(broken, build.group(build.transaction(claim("B")), control="2"))))
    assert pcns(items) == ["A", "B"]
    assert codes(items) == ["missing_se", "missing_ge"]


def test_a_file_without_final_terminator_is_whole() -> None:
    items = read(PLAIN[:-1])
    assert pcns(items) == ["PCN1"]
    assert codes(items) == ["missing_final_terminator"]
    assert of(InterchangeClosed, items)[0].complete


@pytest.mark.parametrize("between", [b"\n", b"\r\n", b""])
def test_a_file_without_final_terminator_does_not_swallow_the_next(between: bytes) -> None:
    second = encode(
        build.interchange(build.group(build.transaction(claim("B"))), control="000000002"), terminator="\n", element="|"
    )
    items = read(PLAIN[:-1] + between + second)
    assert pcns(items) == ["PCN1", "B"]
    assert codes(items) == ["missing_final_terminator"]


def test_text_after_the_end_is_said_once() -> None:
    items = read(PLAIN + b"\r\n-- end of file --\r\n")
    assert codes(items) == ["text_after_iea"]
    assert only("text_after_iea", items).byte_offset == len(PLAIN)


@pytest.mark.parametrize("after", [b"\x1a", b"\x00\x00\x00", b"\r\n\r\n"])
def test_the_padding_that_old_systems_leave_after_the_end_is_nothing_to_report(after: bytes) -> None:
    assert codes(read(PLAIN + after)) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"Dear payer, please pay.", "not_x12"),
        (b"{}", "not_x12"),
        (b"\x1f\x8b\x08\x00" + bytes(range(256)), "not_x12"),
        (b"a visa card", "not_x12"),
        ("ISA*00*".encode("cp037") + b"\x40" * 100, "ebcdic"),
        (build.isa()[:60].encode(), "truncated_isa"),
        (b"ISA", "truncated_isa"),
        (b"text ISA*00*", "truncated_isa"),
        (b"ISA*" + b"x*" * 10 + b"y" * 2000, "bad_isa"),
    ],
)
def test_what_is_no_interchange_is_named(data: bytes, code: str) -> None:
    assert codes(read(data)) == [code]


def test_a_long_file_that_is_no_x12_is_named_before_its_end() -> None:
    reader = InterchangeReader()
    found = codes(reader.feed(b"lorem ipsum " * 20_000))
    assert found == ["not_x12"]
    assert codes(reader.close()) == []


def test_a_kind_that_is_not_read_is_said_and_yields_nothing() -> None:
    segments = build.interchange(
        build.group(build.transaction(["EQ*30"], head=["BHT*0022*13*1*20260110*1200"], kind="270"), functional="HS")
    )
    items = read(encode(segments))
    assert codes(items) == ["unsupported_transaction"]
    assert build.claims(items) == []
    assert of(TransactionClosed, items)[0].type == "270"


def test_another_kind_in_a_remittance_group_is_said() -> None:
    items = read(encode(build.interchange(build.group(build.transaction([], head=[], kind="270")))))
    assert codes(items) == ["type_differs", "unsupported_transaction"]


def test_an_unknown_version_is_said_and_the_claims_are_read() -> None:
    segments = [segment.replace("005010X221A1", "X") for segment in build.one()]
    items = read(encode(segments))
    assert (pcns(items), codes(items)) == (["PCN1"], ["unknown_version"])


def test_a_sender_whose_name_ends_like_a_group_header_is_no_group_header() -> None:
    header = build.isa().replace(f"{'PAYER':<15}", "GREATBENEFITSGS")
    items = read(encode([header, *build.one()[1:]]))
    assert (pcns(items), codes(items)) == (["PCN1"], [])


def test_a_header_with_too_few_elements_is_read_up_to_the_group() -> None:
    header = "ISA*00**00**ZZ*PAYER*ZZ*CLINIC*260110*1200"
    items = read(encode([header, *build.one()[1:]]))
    assert pcns(items) == ["PCN1"]
    assert codes(items)[:2] == ["isa_elements", "isa_length"]


def test_a_header_with_one_element_too_many_is_read_to_its_end() -> None:
    header = build.isa().replace("*00501*", "*00501*EXTRA*")
    items = read(encode([header, *build.one()[1:]]))
    assert pcns(items) == ["PCN1"]
    assert "isa_elements" in codes(items)
