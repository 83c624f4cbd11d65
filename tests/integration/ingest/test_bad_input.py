"""All that is no good 835: a clear problem at the door or a finding with its position, nothing half stored, nothing echoed."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from services.ingest import api
from tests.integration.ingest.conftest import codes
from tests.support.access import bearer
from tests.unit.x12.build import CLAIM, encode, group, interchange, one, transaction

SECRET = "SECRET" + "VALUE"  # stands where a patient's data might stand


def with_claim(*segments: str) -> bytes:
    return encode(one(*segments))


def lines(count: int, adjustments: int) -> Iterator[str]:
    """Return service lines that balance: each charged what its adjustments take away."""
    for number in range(count):
        yield f"SVC*HC:G0283*{adjustments}*0**1"
        yield f"REF*6R*{number}"
        yield from (f"CAS*CO*{100 + place}*1" for place in range(adjustments))


REFUSED = {
    "empty": (b"", 422, "empty"),
    "blank": (b" \r\n" * 50, 422, "empty"),
    "not X12": (SECRET.encode() * 9000, 422, "not-x12"),
    "JSON": (b'{"patient": "SECRETVALUE"}', 422, "not-x12"),
    "UTF-16": (encode(one()).decode().encode("utf-16"), 422, "not-x12"),
    "an ISA cut at 60 bytes": (encode(one())[:60], 422, "truncated-isa"),
    "EBCDIC": (encode(one()).decode().encode("cp500"), 422, "ebcdic"),
    "NUL as element separator": (encode(one(), element="\x00"), 422, "bad-isa"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_x12_is_refused_at_the_door(name, ingest) -> None:
    body, status, problem = REFUSED[name]
    answer = await ingest.post(body)
    told = answer.json()
    assert (answer.status_code, told["type"]) == (status, f"urn:recours:problem:{problem}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text
    assert await ingest.count("interchanges") == await ingest.count("interchange_chunks") == 0


def cut_gzip() -> bytes:
    return gzip.compress(encode(one()))[:-9]


ENCODED = {
    "broken gzip": (b"no gzip at all", {"Content_Encoding": "gzip"}, 400, "bad-gzip"),
    "cut gzip": (cut_gzip(), {"Content_Encoding": "gzip"}, 400, "bad-gzip"),
    "empty gzip": (b"", {"Content_Encoding": "gzip"}, 400, "bad-gzip"),
    "deflate": (zlib.compress(encode(one())), {"Content_Encoding": "deflate"}, 415, "unsupported-encoding"),
    "brotli": (b"anything", {"Content_Encoding": "br"}, 415, "unsupported-encoding"),
    "gzip that is not said": (gzip.compress(encode(one())), {}, 422, "not-x12"),
    "multipart": (b"--x", {"Content_Type": "Multipart/form-data; boundary=x"}, 415, "unsupported-media-type"),
}


@pytest.mark.parametrize("name", ENCODED)
async def test_what_is_packed_wrongly_is_refused_at_the_door(name, ingest) -> None:
    body, headers, status, problem = ENCODED[name]
    answer = await ingest.post(body, **headers)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:recours:problem:{problem}")
    assert await ingest.count("interchanges") == 0


async def test_gzip_in_several_members_is_one_file_and_the_same_as_plain(ingest) -> None:
    plain = encode(one())
    first = await ingest.accept(plain)
    packed = gzip.compress(plain[:100]) + gzip.compress(plain[100:])
    again = await ingest.post(packed, Content_Encoding="GZIP")
    assert (again.status_code, again.json()["interchange_id"]) == (200, first)


async def test_a_form_header_as_command_line_clients_send_it_does_no_harm(ingest) -> None:
    answer = await ingest.post(encode(one()), Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 202


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    limit = 3 * 1024 * 1024
    monkeypatch.setattr(api, "MAX_BYTES", limit)
    return limit


async def test_a_body_that_turns_out_too_large_is_refused_whatever_its_packing(ingest, small_limit) -> None:
    async def chunked() -> AsyncIterator[bytes]:
        yield encode(one())
        for _ in range(small_limit // 65536):
            yield b" " * 65536

    bomb = gzip.compress(encode(one()) + b" " * small_limit)
    for content, headers in ((chunked(), {}), (bomb, {"Content-Encoding": "gzip"})):
        answer = await ingest.http.post("/v1/interchanges", content=content, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:recours:problem:too-large")
    assert await ingest.count("interchanges") == await ingest.count("interchange_chunks") == 0


async def test_an_announced_300_mib_are_refused_before_a_byte_is_read(ingest) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was asked for")
        yield b""

    headers = {"Content-Length": str(300 * 1024 * 1024)}
    request = ingest.http.build_request("POST", "/v1/interchanges", content=never(), headers=headers)
    answer = await ingest.http.send(request)
    assert answer.status_code == 413


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(ingest) -> None:
    pieces = iter([{"type": "http.request", "body": encode(one())[:300], "more_body": True}, {"type": "http.disconnect"}])
    sent = []

    async def receive():
        return next(pieces)

    async def send(message):
        sent.append(message)

    headers = [(name.lower().encode(), value.encode()) for name, value in bearer().items()]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/interchanges", "raw_path": b"/v1/interchanges", "query_string": b"",
        "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("ingest", 80), "client": ("a", 1), "root_path": "",
    }  # fmt: skip
    with capture_logs() as logged:
        await ingest.http._transport.app(scope, receive, send)
    assert (sent[0]["status"], logged) == (400, [])
    assert await ingest.count("interchanges") == 0


# name -> body, status, how many claims are booked, (code, element, segment the finding points to)
READ: dict[str, tuple[bytes, str, int, list[tuple[str, str | None, str]]]] = {
    "a kind that is not read": (
        encode(interchange(group(transaction(kind="270"), functional="HS"))),
        "rejected",
        0,
        [("unsupported_transaction", "ST01", "ST*270")],
    ),
    "an 837 that calls itself 835": (
        encode(
            interchange(
                group(["ST*835*0001", "BHT*0019*00*1*20260110*1200*CH", "NM1*41*2*SECRETVALUE", "CLM*PCN*100", "SE*5*0001"])
            )
        ),
        "accepted_with_errors",
        0,
        [
            ("unexpected_segment", None, "BHT"),
            ("unexpected_segment", None, "NM1"),
            ("unexpected_segment", None, "CLM"),
            ("missing_segment", None, "SE"),
            ("missing_segment", None, "SE"),
        ],
    ),
    "amounts below zero": (
        with_claim("CLP*P*22*-100*-80**12*ICN", "SVC*HC:G0283*-100*-80", "CAS*CO*45*-20"),
        "accepted_with_errors",
        1,
        [("transaction_out_of_balance", "BPR02", "BPR")],
    ),
    "an amount beyond measure": (
        with_claim("CLP*P*1*99999999999999999999*80", "CLP*Q*1*80*80"),
        "accepted_with_errors",
        1,
        [("claim_unreadable", None, "CLP*P"), ("amount_too_large", "CLP03", "CLP*P")],
    ),
    "an adjustment beyond measure": (
        with_claim("CLP*P*1*100*80", "CAS*CO*45*9223372036854775808"),
        "accepted_with_errors",
        1,
        [("amount_too_large", "CAS03", "CAS"), ("claim_out_of_balance", "CLP04", "CLP*P")],
    ),
    "three decimals": (
        with_claim("CLP*P*1*100.005*80", "CLP*Q*1*80.000*80"),
        "accepted_with_errors",
        1,
        [("claim_unreadable", None, "CLP*P"), ("amount_too_precise", "CLP03", "CLP*P"), ("amount_precision", "CLP03", "CLP*Q")],
    ),
    "a PCN of 300 characters": (
        with_claim("CLP*" + "P" * 300 + "*1*80*80"),
        "accepted",
        1,
        [("long_patient_control_number", "CLP01", "CLP")],
    ),
    "segments that stand twice": (
        encode(one(head=("BPR*I*80*C*ACH************20260110", "BPR*I*90*C", "TRN*1*TRACE1*1999999999", "TRN*1*OTHER*1", "LX*1"))),
        "accepted",
        1,
        [("duplicate_segment", None, "BPR*I*90"), ("duplicate_segment", None, "TRN*1*OTHER")],
    ),
    "a claim that stands twice": (
        encode(one(*CLAIM, *CLAIM)),
        "accepted_with_errors",
        2,
        [("transaction_out_of_balance", "BPR02", "BPR")],
    ),
    "control characters": (
        with_claim("CLP*P\x07Q*1*80*80*\x01", "NM1*QC*1*SECRET\x02VALUE"),
        "accepted",
        1,
        [
            ("control_character", None, "\x07"),
            ("control_character", None, "\x01"),
            ("bad_amount", "CLP05", "CLP"),
            ("control_character", None, "\x02"),
        ],
    ),
    "NUL": (
        with_claim("CLP*P\x00Q*1*80*80", "NM1*QC*1*A\x00B", "SVC*HC:G0\x0083*80*80", "REF*6R*\x00"),
        "accepted",
        1,
        [("control_character", None, "\x00")] * 4,
    ),
    "bytes that are no UTF-8": (with_claim("CLP*P\xff\xfe*1*80*80", "NM1*QC*1*\xc3SECRETVALUE"), "accepted", 1, []),
    "a group code that is none": (
        with_claim("CLP*P*1*80*0", "CAS*" + "SECRETVALUE" * 900 + "*45*80"),
        "accepted_with_errors",
        1,
        [("transaction_out_of_balance", "BPR02", "BPR")],
    ),
    "a segment without end": (
        with_claim("CLP*P*1*80*80", "NM1*QC*1*" + SECRET * 7000),
        "accepted_with_errors",
        0,
        [("segment_too_long", None, "NM1"), ("claim_unreadable", None, "CLP*P"), ("transaction_out_of_balance", "BPR02", "BPR")],
    ),
    "nothing between ISA and IEA": (encode(interchange()), "rejected", 0, []),
}


@pytest.mark.parametrize("name", READ)
async def test_what_is_a_poor_835_is_read_as_far_as_it_goes_and_every_finding_has_its_place(name, ingest) -> None:
    body, status, booked, expected = READ[name]
    with capture_logs() as logged:
        seen = await ingest.take(body)
    assert seen["status"] == status, seen["errors"]
    found = [(finding["code"], finding.get("element"), finding["byte_offset"]) for finding in seen["errors"]]
    assert sorted((code, element or "") for code, element, _ in found) == sorted(
        (code, element or "") for code, element, _ in expected
    )
    for code, element, start in expected:
        offsets = [offset for known, at, offset in found if (known, at) == (code, element)]
        places = [at for at in range(len(body)) if body.startswith(start.encode("latin-1"), at)]
        assert set(offsets) & set(places), (code, offsets, places[:3])
    assert await ingest.count("remits") == await ingest.count("outbox") == booked
    ledger = await ingest.get("/v1/ledger")
    totals = ledger["totals"]
    assert totals["remits"] == booked
    assert totals["unbalanced_cents"] == totals["charge_cents"] - totals["paid_cents"] - totals["adjustment_cents"]
    for text in (json.dumps(seen), json.dumps(ledger), str(logged)):
        assert SECRET not in text


async def test_a_claim_of_999_lines_with_their_adjustments_is_one_event(ingest) -> None:
    seen = await ingest.take(with_claim("CLP*P*1*5994*0", *lines(999, 6)))
    (event,) = await ingest.events()
    shown = await ingest.get(f"/v1/remits/{event['remit_id']}")
    assert (len(shown["lines"]), len(shown["adjustments"])) == (999, 5994)
    assert (len(event["lines"]), len(event["adjustments"]), codes(seen)) == (999, 5994, ["transaction_out_of_balance"])


async def test_a_claim_beyond_512_kib_is_refused_with_its_place_and_not_half_stored(ingest) -> None:
    body = with_claim("CLP*BIG*1*14985*0", *lines(999, 15), *CLAIM)
    seen = await ingest.take(body)
    (finding,) = [each for each in seen["errors"] if each["code"] == "claim_too_large"]
    assert (finding["code"], finding["byte_offset"], finding["claim_ordinal"]) == ("claim_too_large", body.index(b"CLP*BIG"), 1)
    assert (seen["transactions"][0]["claims_unreadable"], seen["status"]) == (1, "accepted_with_errors")
    assert [await ingest.count(table) for table in ("remits", "outbox")] == [1, 1]


async def test_a_file_of_empty_transactions_is_read_in_bounded_batches(ingest) -> None:
    empty = [
        transaction((), head=("BPR*H*0*C*NON************20260110", f"TRN*1*{n}*1999999999"), control=f"{n:09d}")
        for n in range(6000)
    ]
    seen = await ingest.take(encode(interchange(group(*empty))))
    assert (seen["status"], await ingest.count("remittances"), await ingest.count("transactions")) == ("accepted", 6000, 6000)
