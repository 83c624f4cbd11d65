"""A payer asks for records: what is read of the 277, and what is irregular in it."""

from datetime import date

import pytest

from libs.x12 import Finding, InterchangeReader, Item, RecordsRequest, RequestedCode, RequestedLine, StatusRead
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode, read


def items(*asked: list[str], version: str = "006020X313") -> list[Item]:
    reader = InterchangeReader()
    return [*reader.feed(encode(made.records_request(*asked, version=version))), *reader.close()]


def requests(told: list[Item]) -> list[RecordsRequest]:
    return [each for each in told if isinstance(each, RecordsRequest)]


def findings(told: list[Item]) -> list[tuple[str, str | None]]:
    return [(each.code, each.segment_id) for each in told if isinstance(each, Finding)]


def test_a_request_tells_what_is_wanted_of_which_claim_and_until_when() -> None:
    line = ["SVC*HC:G0463*100*0", "STC*R4:34117-2::LOI*20260112", "REF*FJ*7", "DTP*472*D8*20260103"]
    told = items(made.asks("PCN9", "R4:11504-8::LOI", "R0:18842-5::LOI", trace="CTL7", more=["PWK*OZ*EL***AC*ATT1", *line]))
    (read,) = requests(told)
    assert findings(told) == []
    assert (read.payer_name, read.payer_id, read.provider_npi) == ("PAYER", "PAYER1", "1999999984")
    assert (read.patient_control_number, read.trace, read.payer_claim_control_number) == ("PCN9", "CTL7", "CTL7")
    assert (read.attachment_control_number, read.due_on, read.service_from_on) == ("ATT1", date(2026, 2, 26), date(2026, 1, 2))
    assert read.codes == (RequestedCode("R4", "11504-8", "LOI"), RequestedCode("R0", "18842-5", "LOI"))
    assert read.lines == (RequestedLine("G0463", (RequestedCode("R4", "34117-2", "LOI"),), "7", date(2026, 1, 3)),)


def test_a_request_keeps_nothing_of_the_patient() -> None:
    assert not {"FAMILY", "GIVEN", "MEMBER1"} & {word for read in requests(items(made.asks())) for word in str(read).split("'")}


def test_each_trace_is_a_request_and_the_payers_own_number_outweighs_it() -> None:
    told = requests(items([*made.asks("A", trace="T1", number="ICN5"), *made.asks("A", trace="T2")], made.asks("B", trace="T3")))
    assert [(read.patient_control_number, read.trace, read.payer_claim_control_number) for read in told] == [
        ("A", "T1", "ICN5"), ("A", "T2", "T2"), ("B", "T3", "T3"),
    ]  # fmt: skip


def test_what_an_answer_needs_and_is_not_there_is_found_and_the_rest_is_read() -> None:
    told = items(["REF*EJ*PCN1", "STC*:"], made.asks(due=""), made.asks(due="20260231"))
    assert findings(told) == [
        ("missing_segment", "TRN"), ("missing_segment", "STC"), ("missing_segment", "DTP"),
        ("missing_segment", "DTP"), ("missing_segment", "DTP"), ("bad_date", "DTP"),
    ]  # fmt: skip
    assert next((read.trace, read.codes, read.due_on) for read in requests(told)) == ("", (), None)


def test_a_status_stays_a_status() -> None:
    told = items(made.asks(), version="005010X212")
    assert requests(told) == []
    assert [read.trace for read in told if isinstance(read, StatusRead)] == ["ICN1"]


@pytest.mark.parametrize(("version", "kind"), [("005010X212", StatusRead), ("006020X313", RecordsRequest)])
def test_a_level_of_which_a_line_is_all_that_stands_there_is_read(version: str, kind: type[StatusRead | RecordsRequest]) -> None:
    bare = [each for each in made.records_request(["SVC*HC:G0463*100", "STC*A1:19"], version=version) if "*QC*" not in each]
    (told,) = (each for each in read(encode(bare)) if isinstance(each, kind))
    assert (told.trace, [line.procedure_code for line in told.lines]) == ("", ["G0463"])
