"""The classifier asked for learned risk, over a real connection: it answers, is slow, is broken, or says something else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import pytest

from libs.common.contracts.claim_submitted import ClaimSubmittedV1
from libs.common.contracts.risk import ClaimRisk, RiskAnswer, RiskQuestion
from libs.common.http.neighbour import Behalf
from services.ingest.checks.risk import Risk, RiskDesk
from services.ingest.claims.translation import to_event
from tests.integration.ingest.conftest import NOW, Ingest
from tests.integration.ingest.test_checks import check_raw
from tests.unit.ingest.checks.claims import line, professional
from tests.unit.x12.build import encode
from tests.unit.x12.build_claims import claim, one

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BEHALF = Behalf("local", TRACE)
Behaviour = Callable[[asyncio.StreamWriter, RiskQuestion], Awaitable[None]]


class Classifier:
    """A small HTTP server; `behaviour` says what it does with a question."""

    def __init__(self) -> None:
        self.questions: list[RiskQuestion] = []
        self.heads: list[str] = []
        self.behaviour: Behaviour = answers
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                question = msgspec.json.decode(await reader.readexactly(length), type=RiskQuestion)
                self.heads.append(head)
                self.questions.append(question)
                await self.behaviour(writer, question)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def send(writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK") -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()


def answer_to(question: RiskQuestion, **changes: Any) -> bytes:
    """Answer that each claim is as likely to be denied as its first line's units say."""
    risks = tuple(
        ClaimRisk(str(each.claim_id), int(each.lines[0].units or 0) / 100, "authorization", ("Such claims need one.",))
        for each in question.claims
    )
    return msgspec.json.encode(msgspec.to_builtins(RiskAnswer("gbm 3", risks)) | changes)


async def answers(writer: asyncio.StreamWriter, question: RiskQuestion) -> None:
    await send(writer, answer_to(question))


async def never_answers(_: asyncio.StreamWriter, __: RiskQuestion) -> None:
    await asyncio.Event().wait()


async def drips(writer: asyncio.StreamWriter, _: RiskQuestion) -> None:
    """Send a byte now and then: no single read takes long, all of them for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def hangs_up(writer: asyncio.StreamWriter, _: RiskQuestion) -> None:
    writer.close()


async def fails(writer: asyncio.StreamWriter, _: RiskQuestion) -> None:
    await send(writer, b"{}", "500 Internal Server Error")


async def is_not_there(writer: asyncio.StreamWriter, _: RiskQuestion) -> None:
    await send(writer, b'{"type": "urn:recours:problem:not-found"}', "404 Not Found")


def says(body: bytes) -> Behaviour:
    async def behaviour(writer: asyncio.StreamWriter, _: RiskQuestion) -> None:
        await send(writer, body)

    return behaviour


async def of_another_claim(writer: asyncio.StreamWriter, question: RiskQuestion) -> None:
    risk = ClaimRisk(str(UUID(int=9)), 0.5, None, ())
    await send(writer, answer_to(question, claims=[msgspec.to_builtins(risk)]))


async def more_than_certain(writer: asyncio.StreamWriter, question: RiskQuestion) -> None:
    await send(writer, answer_to(question).replace(b'"probability":0.01', b'"probability":1.5'))


@asynccontextmanager
async def running() -> AsyncIterator[Classifier]:
    classifier = Classifier()
    server = await asyncio.start_server(classifier.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    classifier.url = f"http://{host}:{port}"
    try:
        yield classifier
    finally:
        server.close()


@pytest.fixture
async def classifier() -> AsyncIterator[Classifier]:
    async with running() as started:
        yield started


@pytest.fixture
async def desk(classifier: Classifier) -> AsyncIterator[RiskDesk]:
    made = RiskDesk(classifier.url)
    yield made
    await made.close()


def asked(number: int = 1) -> ClaimSubmittedV1:
    claim = professional(line(units=str(number)))
    names = {"claim_id": UUID(int=number), "claim_key": UUID(int=0), "interchange_id": None, "replaces_claim_id": None}
    return to_event(claim, member_reference="ab" * 16, submitted_at=NOW, **names)  # type: ignore[arg-type]  # of one kind each


async def test_an_answer_says_of_each_claim_what_is_to_be_expected(classifier: Classifier, desk: RiskDesk) -> None:
    told = await desk.ask([asked(7), asked(8)], BEHALF)
    assert (told.reason, told.model) == (None, "gbm 3")
    assert [(each.probability, each.category, each.reasons) for each in told.claims] == [
        (0.07, "authorization", ("Such claims need one.",)),
        (0.08, "authorization", ("Such claims need one.",)),
    ]
    assert [len(each.claims) for each in classifier.questions] == [2], "one request for all"
    assert f"traceparent: {TRACE}" in classifier.heads[0]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (never_answers, "timeout"),
        (drips, "timeout"),
        (hangs_up, "unreachable"),
        (fails, "refused"),
        (is_not_there, "refused"),
        (says(b"<html>"), "not_understood"),
        (says(b"\xff\xfe"), "not_understood"),
        (says(b"null"), "not_understood"),
        (says(b'{"model": "gbm 3", "claims": []}'), "not_understood"),
        (says(b" " * 100_000), "not_understood"),
        (of_another_claim, "not_understood"),
        (more_than_certain, "not_understood"),
    ],
)
async def test_whatever_else_comes_is_a_reason_and_no_error(
    classifier: Classifier, desk: RiskDesk, behaviour: Behaviour, reason: str
) -> None:
    classifier.behaviour = behaviour
    assert await desk.ask([asked()], BEHALF) == Risk(reason)  # type: ignore[arg-type]  # one of its literals


async def test_nobody_there_is_a_reason_too() -> None:
    async with running() as classifier:
        desk = RiskDesk(classifier.url)
    assert (await desk.ask([asked()], BEHALF)).reason == "unreachable"
    assert (await RiskDesk(None).ask([asked()], BEHALF)).reason == "not_configured"
    await desk.close()


async def test_after_failures_in_a_row_nobody_is_asked_for_a_while(classifier: Classifier, desk: RiskDesk) -> None:
    classifier.behaviour = fails
    reasons = [(await desk.ask([asked()], BEHALF)).reason for _ in range(7)]
    assert reasons == ["refused"] * 5 + ["circuit_open"] * 2
    assert len(classifier.questions) == 5


async def test_a_check_tells_the_risk_of_each_claim(ingest: Ingest, classifier: Classifier) -> None:
    ingest.app.state.risk = RiskDesk(classifier.url)
    told = await check_raw(ingest, professional(line(units="7")), professional(line(units="0"), patient_control_number="PCN2"))
    assert told["risk"] == {"status": "available", "reason": None, "model": "gbm 3"}
    assert [each["risk"]["probability"] for each in told["claims"]] == [0.07, 0.0]
    (question,) = classifier.questions
    assert [each.claim_id for each in question.claims] == [UUID(each["claim_id"]) for each in told["claims"]]
    assert "STRUCT-UNITS" in [each.rule for each in question.claims[1].findings], "what the rules found is told too"
    await ingest.app.state.risk.close()


async def test_a_check_does_without_a_classifier_that_does_not_answer(ingest: Ingest, classifier: Classifier) -> None:
    classifier.behaviour = never_answers
    ingest.app.state.risk = RiskDesk(classifier.url)
    told = await check_raw(ingest, professional(line(units="")))
    assert told["risk"] == {"status": "unavailable", "reason": "timeout", "model": None}
    assert [(each["verdict"], each["risk"]) for each in told["claims"]] == [("error", None)]
    await ingest.app.state.risk.close()


async def test_more_claims_than_can_be_judged_in_time_are_checked_without(ingest: Ingest, classifier: Classifier) -> None:
    ingest.app.state.risk = RiskDesk(classifier.url)
    body = encode(one(*(claim(f"A{number}") for number in range(1001))))
    told = (await ingest.http.post("/v1/claims/check", content=body)).json()
    assert (told["risk"]["reason"], len(told["claims"]), classifier.questions) == ("too_many_claims", 1001, [])
    await ingest.app.state.risk.close()
