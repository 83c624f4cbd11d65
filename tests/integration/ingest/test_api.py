"""Ingest's answers: the same bytes again, keys, pages, filters, other tenants, the raw bytes, the samples, a database away."""

import asyncio
import hashlib
from uuid import UUID

import httpx
import pytest

from libs.common.clock import FixedClock
from libs.common.database import Database
from services.ingest.api import make_app
from tests.integration.ingest.conftest import NOW, codes
from tests.integration.ingest.test_reading import one_payment
from tests.support.access import VERIFIER, bearer
from tests.unit.x12.build import encode, group, interchange, one, transaction


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("urn:recours:problem:")


async def test_the_same_bytes_again_are_answered_with_the_first_interchange(ingest) -> None:
    body = encode(one())
    first, again = await ingest.post(body), await ingest.post(body)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.headers["location"] == again.headers["location"] == f"/v1/interchanges/{first.json()['interchange_id']}"
    assert first.json()["status"] == "received"
    assert first.json()["sha256"] == hashlib.sha256(body).hexdigest()


async def test_the_same_bytes_posted_at_once_are_one_interchange(ingest) -> None:
    body = one_payment(range(3000))
    answers = await asyncio.gather(*(ingest.post(body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [202]
    assert len({answer.json()["interchange_id"] for answer in answers}) == await ingest.count("interchanges") == 1


async def test_a_key_answers_the_same_request_alike_and_another_one_not_at_all(ingest) -> None:
    body = encode(one())
    first, again = [await ingest.post(body, Idempotency_Key="a") for _ in range(2)]
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["interchange_id"] == again.json()["interchange_id"]
    other = one_payment(range(2))
    assert problem(await ingest.post(other, Idempotency_Key="a")) == (422, "idempotency-key-reused")
    assert await ingest.count("interchanges") == 1
    assert (await ingest.post(body, Idempotency_Key="b")).status_code == 200


async def test_a_key_whose_request_is_under_way_is_a_conflict(ingest) -> None:
    async with ingest.api_database.begin("local") as tx:
        await tx.exec_driver_sql(
            "INSERT INTO idempotency_keys (tenant_id, key, request_digest, kept_until)"
            " VALUES ('local', 'a', 'x', now() + interval '1 h')"
        )
        answer = await ingest.post(encode(one()), Idempotency_Key="a")
    assert problem(answer) == (409, "request-in-flight")
    assert answer.headers["retry-after"]
    assert await ingest.count("interchanges") == 0


async def test_the_raw_bytes_come_back_exactly(ingest) -> None:
    body = one_payment(range(9000)) + b"\x00\xff\r\n trailing"
    interchange_id = await ingest.accept(body)
    answer = await ingest.http.get(f"/v1/interchanges/{interchange_id}/raw")
    assert (answer.content == body, answer.headers["content-type"]) == (True, "application/edi-x12")


async def pages(ingest, path: str, **query) -> list[list[dict]]:
    found: list[list[dict]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await ingest.get(path, **query, **cursor)
        found.append(page["items"])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_lists_go_on_where_the_page_before_ended_whatever_comes_in_between(ingest) -> None:
    for number in range(5):
        await ingest.take(one_payment([number], f"TRACE{number}"))
    first = await ingest.get("/v1/remittances", limit=2)
    await ingest.take(one_payment([9], "TRACE9"))
    rest = await ingest.get("/v1/remittances", limit=200, cursor=first["next_cursor"])
    traces = [item["trace_number"] for item in (*first["items"], *rest["items"])]
    assert traces == [f"TRACE{number}" for number in (4, 3, 2, 1, 0)]
    assert [len(page) for page in await pages(ingest, "/v1/interchanges", limit=4)] == [4, 2]


async def test_the_claims_of_a_payment_are_paged_in_the_order_of_their_booking(ingest) -> None:
    await ingest.take(one_payment(range(25)))
    (payment,) = (await ingest.get("/v1/remittances"))["items"]
    found = await pages(ingest, f"/v1/remittances/{payment['remittance_id']}/remits", limit=10)
    assert [len(page) for page in found] == [10, 10, 5]
    assert [item["patient_control_number"] for page in found for item in page] == [f"PCN{n}" for n in range(25)]
    detail = await ingest.get(f"/v1/remits/{found[0][0]['remit_id']}")
    assert detail["received_at"] == found[0][0]["received_at"] == payment["received_at"]
    assert (len(detail["lines"]), detail["adjustments"]) == (
        1,
        [{"line": 1, "group_code": "CO", "carc": "45", "amount_cents": 2000, "quantity": None}],
    )


async def test_findings_are_paged_in_file_order_and_the_first_are_shown_with_the_file(ingest) -> None:
    body = encode(interchange(group(transaction([segment for n in range(1500) for segment in (f"CLP*P{n}*1*90*80",)]))))
    seen = await ingest.take(body)
    assert (seen["error_count"], len(seen["errors"])) == (1501, 1000)
    found = [item for page in await pages(ingest, f"/v1/interchanges/{seen['interchange_id']}/errors", limit=200) for item in page]
    offsets = [item["byte_offset"] for item in found]
    assert (len(found), offsets) == (1501, sorted(offsets))
    assert found[:1000] == seen["errors"]
    assert {item["difference_cents"] for item in found[1:]} == {1000}


async def test_transactions_are_paged_in_file_order_and_the_first_are_shown_with_the_file(ingest) -> None:
    body = encode(interchange(group(*(transaction(control=f"{number:04}") for number in range(1, 1101)))))
    seen = await ingest.take(body)
    found = await pages(ingest, f"/v1/interchanges/{seen['interchange_id']}/transactions", limit=200)
    told = [item for page in found for item in page]
    assert [item["ordinal"] for item in told] == list(range(1, 1101))
    assert seen["transactions"] == told[:1000]
    totals = seen["totals"]
    assert (totals["transactions"], totals["claims"]) == (1100, sum(item["claims"] for item in told))


async def test_payments_are_found_by_payer_trace_and_day(ingest) -> None:
    await ingest.take(one_payment(range(2)))
    for query, count in (
        ({"payer_id": "1999999999"}, 1), ({"payer_id": "1"}, 0), ({"trace_number": "TRACE1"}, 1),
        ({"from": "2026-01-10", "to": "2026-01-10"}, 1), ({"from": "2026-01-11"}, 0), ({"to": "2026-01-09"}, 0),
    ):  # fmt: skip
        assert len((await ingest.get("/v1/remittances", **query))["items"]) == count, query
        if not set(query) - {"from", "to"}:
            assert (await ingest.get("/v1/ledger", **query))["totals"]["remits"] == 2 * count


async def test_a_cursor_serves_its_own_query_only(ingest) -> None:
    for number in range(3):
        await ingest.take(one_payment([number], f"TRACE{number}"))
    cursor = (await ingest.get("/v1/remittances", limit=1))["next_cursor"]
    for query in ({"payer_id": "1999999999", "cursor": cursor}, {"from": "2026-01-01", "cursor": cursor}, {"cursor": cursor[:-3]}):
        assert problem(await ingest.http.get("/v1/remittances", params=query)) == (400, "bad-cursor")
    assert problem(await ingest.client("other").get("/v1/remittances", params={"cursor": cursor})) == (400, "bad-cursor")


UNKNOWN = UUID(int=7)


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/interchanges/{UNKNOWN}",
        f"/v1/interchanges/{UNKNOWN}/raw",
        f"/v1/interchanges/{UNKNOWN}/errors",
        f"/v1/interchanges/{UNKNOWN}/transactions",
        f"/v1/remittances/{UNKNOWN}",
        f"/v1/remittances/{UNKNOWN}/remits",
        f"/v1/remits/{UNKNOWN}",
        "/v1/nothing",
    ],
)
async def test_what_is_not_there_is_not_found(path, ingest) -> None:
    assert problem(await ingest.http.get(path)) == (404, "not-found")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/interchanges/SECRETVALUE", 422),
        ("/v1/remits/SECRETVALUE", 422),
        ("/v1/remittances?limit=0", 422),
        ("/v1/remittances?limit=SECRETVALUE", 422),
        ("/v1/remittances?from=SECRETVALUE", 422),
        ("/v1/remittances?from=2026-02-01&to=2026-01-01", 422),
        ("/v1/ledger?from=2026-02-30", 422),
        ("/v1/remittances?payer_id=" + "S" * 81, 422),
        ("/v1/remittances?payer_id=SECRETVALUE%00", 400),
        ("/v1/remittances?cursor=SECRETVALUE", 400),
    ],
)
async def test_what_is_asked_wrongly_is_said_without_the_value(path, status, ingest) -> None:
    answer = await ingest.http.get(path)
    assert problem(answer)[0] == status
    assert "SECRETVALUE" not in answer.text


async def test_another_tenant_sees_nothing_and_its_same_file_is_its_own(ingest) -> None:
    body = one_payment(range(3))
    seen = await ingest.take(body)
    (payment,) = (await ingest.get("/v1/remittances"))["items"]
    remits = (await ingest.get(f"/v1/remittances/{payment['remittance_id']}/remits"))["items"]
    other = ingest.client("other")
    for path in ("/v1/interchanges", "/v1/remittances"):
        assert (await other.get(path)).json()["items"] == []
    for path in (
        f"/v1/interchanges/{seen['interchange_id']}",
        f"/v1/interchanges/{seen['interchange_id']}/raw",
        f"/v1/interchanges/{seen['interchange_id']}/errors",
        f"/v1/interchanges/{seen['interchange_id']}/transactions",
        f"/v1/remittances/{payment['remittance_id']}",
        f"/v1/remits/{remits[0]['remit_id']}",
    ):
        assert (await other.get(path)).status_code == 404
    assert (await other.get("/v1/ledger")).json()["totals"]["remits"] == 0
    posted = await other.post("/v1/interchanges", content=body)
    assert posted.status_code == 202
    assert posted.json()["interchange_id"] != seen["interchange_id"]
    await ingest.read_all()
    assert (await other.get("/v1/ledger")).json() == await ingest.get("/v1/ledger")
    assert await ingest.count("remits") == 6
    async with ingest.api_database.begin("nobody") as tx:
        for table in ("interchanges", "interchange_chunks", "remits", "remittances", "findings", "ledger_days"):
            assert (await tx.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one() == 0


async def test_a_payment_that_does_not_balance_says_by_how_much(ingest) -> None:
    body = encode(one("CLP*P*1*100*80", "CAS*CO*45*20", "PLB*1*20261231*WO:A*15"))
    seen = await ingest.take(body)
    assert seen["transactions"][0]["balance_differences"] == {"lines": 0, "claims": 0, "transaction_cents": -1500}
    (payment,) = (await ingest.get("/v1/remittances"))["items"]
    detail = await ingest.get(f"/v1/remittances/{payment['remittance_id']}")
    assert (detail["balance_difference_cents"], detail["amount_cents"], detail["totals"]["paid_cents"]) == (-1500, 8000, 8000)
    assert [item["amount_cents"] for item in detail["provider_adjustments"]] == [1500]


async def test_while_the_database_is_away_readiness_and_requests_say_so(ingest) -> None:
    away = Database("postgresql://nobody:nothing@127.0.0.1:9/none")
    app = make_app(away, FixedClock(NOW), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://ingest") as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert ready.headers["retry-after"]
        assert (await client.get("/livez")).status_code == 200
        for answer in (await client.get("/v1/remittances"), await client.post("/v1/interchanges", content=encode(one()))):
            assert problem(answer) == (503, "unavailable")
            assert answer.headers["retry-after"]
    assert (await ingest.http.get("/readyz")).status_code == 200


SAMPLES: dict[str, tuple[str, list[int], list[int | None], set[str], int]] = {
    # status, claims of each transaction, cents by which each is out of balance, findings by code, cents that the claims leave open
    "01-835-clean.edi": ("accepted", [3], [0], set(), 0),
    "02-835-nine-claims-crlf.edi": ("accepted", [9], [0], set(), 0),
    "03-835-reversals-plb-4010.edi": ("accepted_with_errors", [3], [-548252], {"transaction_out_of_balance"}, 0),
    "04-835-claim-level-cas-plb.edi": ("accepted", [2], [0], set(), 0),
    "05-835-three-ST-denials-unpadded-isa.edi": ("accepted", [1, 2, 0], [0, 0, 0], {"isa_length", "iea_control_number"}, 0),
    "06-835-unbalanced-double-cas.edi": (
        "accepted_with_errors", [1], [0], {"claim_out_of_balance", "line_out_of_balance"}, -1336,
    ),
    "12-835-malformed-junk-fields.edi": (
        "accepted_with_errors", [2], [None],
        {"unknown_version", "bad_amount", "unexpected_segment", "missing_element", "claim_out_of_balance", "ge_control_number"},
        969999,
    ),
    "13-835-malformed-long-isa-pipe.edi": ("accepted", [1], [0], {"isa_length"}, 0),
    "14-835-malformed-se-count.edi": ("accepted", [1], [0], {"isa_length", "se_count"}, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
async def test_public_samples_fare_as_their_description_says(name, ingest, samples) -> None:
    body = (samples / name).read_bytes()
    status, claims, differences, found, open_cents = SAMPLES[name]
    seen = await ingest.take(body)
    transactions = seen["transactions"]
    assert (seen["status"], set(codes(seen))) == (status, found)
    assert [each["claims"] for each in transactions] == claims
    assert [each["balance_difference_cents"] for each in transactions] == differences
    assert (await ingest.get("/v1/ledger"))["totals"]["unbalanced_cents"] == open_cents
    segments = body.count(b"~")
    for finding in seen["errors"]:
        assert 0 <= finding["byte_offset"] < len(body)
        assert segments == 0 or 1 <= finding["segment_index"] <= segments + 1
    assert await ingest.count("outbox") == await ingest.count("remits") == sum(claims)
    before = await ingest.state()
    await ingest.take(body + b"\n")
    assert await ingest.state() == before
