"""What the client repeats, how long it waits, and what it says when something goes wrong."""

import email.utils
from collections.abc import Callable, Iterator

import httpx
import pytest
import stamina
from msgspec import Struct

from libs.client.errors import ClientError, ProblemAnswer, Unreachable
from libs.client.transport import Body, Service, address, retry_after, seconds_to_wait


class Told(Struct, frozen=True):
    number: int


BUSY = httpx.Response(503, json={"type": "urn:recours:problem:busy", "detail": "Too many."}, headers={"Retry-After": "1"})
GOOD = httpx.Response(200, json={"number": 1, "more": 2})


@pytest.fixture(autouse=True)
def _without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


class Script:
    """Answers one request after the other, and keeps what was sent."""

    def __init__(self, *steps: httpx.Response | Exception) -> None:
        self.steps = list(steps)
        self.bodies: list[bytes] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.bodies.append(request.read())
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def service(script: Callable[[httpx.Request], httpx.Response]) -> Service:
    return Service("ingest", "http://ingest", httpx.MockTransport(script))


@pytest.mark.parametrize("trouble", [BUSY, httpx.Response(429), httpx.ConnectError("refused"), httpx.ReadError("reset")])
def test_a_question_is_asked_again(trouble: httpx.Response | Exception) -> None:
    script = Script(trouble, trouble, GOOD)
    answer = service(script).get("/v1/x", Told, {"from": None, "limit": 3})
    assert (answer.value, answer.raw) == (Told(1), GOOD.content)
    assert [str(request.url) for request in script.requests] == ["http://ingest/v1/x?limit=3"] * 3


def test_a_file_is_sent_again_from_its_start() -> None:
    script = Script(BUSY, httpx.WriteError("reset"), GOOD)
    body = Body(lambda: iter([b"ISA", b"IEA"]), 6, {"Content-Encoding": "gzip"})
    service(script).post_again("/v1/interchanges", Told, body)
    assert script.bodies == [b"ISAIEA"] * 3
    sent = script.requests[-1].headers
    assert (sent["Content-Length"], sent["Content-Encoding"]) == ("6", "gzip")
    assert "Transfer-Encoding" not in sent


@pytest.mark.parametrize("trouble", [BUSY, httpx.ConnectError("refused")])
def test_what_must_happen_once_is_not_repeated(trouble: httpx.Response | Exception) -> None:
    script = Script(trouble, GOOD)
    with pytest.raises(ClientError):
        service(script).post_once("/v1/x", Told)
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 500])
def test_an_answer_that_will_not_change_is_not_asked_for_again(status: int) -> None:
    script = Script(httpx.Response(status), GOOD)
    with pytest.raises(ProblemAnswer):
        service(script).get("/v1/x", Told)
    assert len(script.requests) == 1


def test_patience_has_an_end() -> None:
    script = Script(*[httpx.ConnectError("refused")] * 9)
    with pytest.raises(Unreachable, match=r"^ingest does not answer at http://ingest; is it running") as raised:
        service(script).get("/v1/x", Told)
    assert len(script.requests) == 4
    assert "\n" not in str(raised.value)


def test_a_problem_is_one_sentence_with_its_fields() -> None:
    fields = [{"pointer": "/query/category", "problem": "is not valid"}, {"pointer": "/query/to", "problem": "is missing"}]
    document = {"type": "urn:recours:problem:invalid-request", "status": 422, "detail": "Some are wrong.", "errors": fields}
    with pytest.raises(ProblemAnswer) as raised:
        service(Script(httpx.Response(422, json=document))).get("/v1/x", Told)
    told = "ingest answered 422 (invalid-request): Some are wrong: query category is not valid; query to is missing."
    assert str(raised.value) == told
    assert (raised.value.status, raised.value.type) == (422, "urn:recours:problem:invalid-request")


def test_an_error_that_is_no_problem_document_is_told_by_its_status() -> None:
    with pytest.raises(ProblemAnswer, match=r"^ingest answered 418 "):
        service(Script(httpx.Response(418, html="<h1>no</h1>"))).get("/v1/x", Told)


@pytest.mark.parametrize("answer", [httpx.Response(200, html="<p>"), httpx.Response(200, json={}), httpx.Response(200, json=[1])])
def test_an_answer_of_somebody_else_is_told(answer: httpx.Response) -> None:
    with pytest.raises(Unreachable, match="is not ingest"):
        service(Script(answer)).get("/v1/x", Told)


def busy(seconds: float | None, status: int = 503) -> ProblemAnswer:
    return ProblemAnswer("ingest", status, "about:blank", "", None if seconds is None else float(seconds))


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (busy(7), 7.0),
        (busy(7, 429), 7.0),
        (busy(None), True),
        (busy(3600), False),
        (busy(7, 404), False),
        (httpx.ReadTimeout(""), True),
        (httpx.UnsupportedProtocol(""), False),
        (ValueError(), False),
    ],
)
def test_the_wait_is_what_the_service_asks_within_reason(error: Exception, wait: bool | float) -> None:
    decided = seconds_to_wait(error)
    assert (decided, type(decided)) == (wait, type(wait))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("5", 5), (email.utils.formatdate(1030, usegmt=True), 30), (email.utils.formatdate(900), 0), ("soon", None)],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, 1000) == seconds


def test_addresses_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address("analytics") == "http://127.0.0.1:8004"
    monkeypatch.setenv("RECOURS_ANALYTICS_URL", "https://example.test/a/")
    assert address("analytics") == "https://example.test/a"
    monkeypatch.setenv("RECOURS_ANALYTICS_URL", "example.test")
    with pytest.raises(ClientError, match="RECOURS_ANALYTICS_URL must begin with"):
        address("analytics")
