"""The outermost ring: safe headers on every answer, and limits on what a request may be; over real connections where it matters."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel
from structlog.testing import capture_logs

from libs.common import logs
from libs.common.access.scopes import PUBLIC
from libs.common.http import protocol, receiving
from libs.common.http.app import create_app
from libs.common.http.edge import HEADERS
from libs.common.http.json_bodies import JSON_BODY_MAX_BYTES, check_json
from libs.common.http.problem import Problem
from libs.common.http.protocol import HEAD_BYTES_MAX, BoundedHttp
from tests.support.access import VERIFIER
from tests.support.serving import served_by_thread

OPEN = dict.fromkeys(("POST /json", "POST /stream", "POST /deaf", "GET /bug"), PUBLIC)


class Body(BaseModel):
    name: str


def an_app() -> FastAPI:
    router = APIRouter()

    @router.post("/json")
    async def take(body: Body) -> dict[str, int]:
        return {"length": len(body.name)}

    @router.post("/stream")
    async def stream(request: Request) -> dict[str, int]:
        return {"length": sum([len(piece) async for piece in request.stream()])}

    @router.post("/deaf")
    async def deaf() -> dict[str, str]:
        return {"heard": "nothing"}

    @router.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError

    return create_app("test", "A service.", verifier=VERIFIER, scopes=OPEN, checks={}, routers=[router], tags={}, audited={})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve over real connections, as `serve` does, with little patience."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "HEAD_SECONDS", 0.3)
        patch.setattr(protocol, "LINGER_SECONDS", 0.3)
        patch.setattr(receiving, "IDLE_SECONDS", 0.3)
        patch.setattr(receiving, "PATIENCE_SECONDS", 0.2)
        with served_by_thread(an_app(), http=BoundedHttp, ws="none") as port:
            yield port


def talk(port: int, *pieces: bytes) -> bytes:
    """Send pieces over one connection and return everything that came until the other side hung up."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        for piece in pieces:
            try:
                line.sendall(piece)
            except OSError:
                break
        heard = b""
        try:
            while piece := line.recv(65536):
                heard += piece
        except ConnectionResetError:
            pass
        return heard


def problem_of(heard: bytes) -> tuple[int, str]:
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert all(name + b": " + value in head for name, value in HEADERS)
    return int(head.split(b" ")[1]), json.loads(body)["type"].removeprefix("urn:recours:problem:")


async def ask(method: str, path: str, scheme: str = "http", **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://service") as http:
        return await http.request(method, path, **options)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/livez", 200), ("GET", "/nothing", 401), ("DELETE", "/json", 405), ("POST", "/json", 422), ("GET", "/bug", 500),
     ("GET", "/livez?a=%00", 400)],
)  # fmt: skip
async def test_every_answer_has_the_safe_headers_whatever_became_of_the_request(method: str, path: str, status: int) -> None:
    answer = await ask(method, path)
    assert answer.status_code == status
    assert {name: answer.headers[name.decode()] for name, _ in HEADERS} == {name: value.decode() for name, value in HEADERS}
    assert "strict-transport-security" not in answer.headers


async def test_what_is_logged_of_a_request_bears_the_trace_that_its_answer_names() -> None:
    with capture_logs(processors=logs.fields("test")) as lines:
        answers = [await ask("GET", "/bug"), await ask("GET", "/bug", headers={"traceparent": f"00-{'7' * 32}-{'8' * 16}-01"})]
    assert [line["trace_id"] for line in lines] == [answer.headers["traceparent"].split("-")[1] for answer in answers]
    assert lines[1]["trace_id"] == "7" * 32


async def test_browsers_are_held_to_tls_where_the_request_came_by_it() -> None:
    assert (await ask("GET", "/livez", "https")).headers["strict-transport-security"].startswith("max-age=")


async def test_the_documentation_page_may_run_its_own_script_and_no_other() -> None:
    policy = (await ask("GET", "/docs")).headers["content-security-policy"]
    scripts = next(each for each in policy.split("; ") if each.startswith("script-src"))
    assert scripts.count("'sha256-") == 1
    assert "unsafe" not in scripts
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" * 500_000, "nested too deeply"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "nested too deeply"),
        (b"[" + b"0," * 200_000 + b"0]", "too many values"),
        (b"[" + b"9" * 50_000 + b"]", "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'"\\ud800"', "lone surrogates"),
        (b'"\\u0000"', "NUL"),
        (b'"\xff"', "not JSON in UTF-8"),
    ],
)
def test_json_that_is_made_to_harm_is_refused_before_anybody_works_with_it(body: bytes, reason: str) -> None:
    with pytest.raises(Problem, match="bad-json") as refused:
        check_json(body)
    assert reason in refused.value.detail


async def test_json_comes_as_it_is_or_not_at_all() -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await ask("POST", "/json", content=b"\x1f\x8b", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:recours:problem:unsupported-encoding")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/octet-stream", ""])
async def test_a_body_that_is_read_at_once_is_limited_whatever_it_says_to_be(kind: str) -> None:
    answer = await ask("POST", "/json", content=b" " * (JSON_BODY_MAX_BYTES + 1), headers={"Content-Type": kind} if kind else {})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:recours:problem:too-large")


async def test_a_route_that_measures_for_itself_may_take_more() -> None:
    assert (await ask("POST", "/stream", content=b" " * (JSON_BODY_MAX_BYTES + 1))).json() == {"length": JSON_BODY_MAX_BYTES + 1}


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * HEAD_BYTES_MAX + b" HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n" + b"a: b\r\n" * 101 + b"\r\n",
        b"GET / HTTP/1.1\r\nhost: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n",
    ],
    ids=["a long path", "many headers", "a long header"],
)
def test_a_head_that_is_too_large_is_refused(head: bytes, port: int) -> None:
    assert problem_of(talk(port, head)) == (431, "head-too-large")


def test_a_header_without_end_is_not_kept(port: int) -> None:
    heard = talk(port, b"GET / HTTP/1.1\r\nhost: ", *[b"a" * 65536] * 200)
    assert not heard or problem_of(heard) == (431, "head-too-large")  # who still sends may be hung up on before it reads


def test_what_is_no_http_is_told_as_a_problem(port: int) -> None:
    assert problem_of(talk(port, b"\x16\x03\x01 hello\r\n\r\n")) == (400, "bad-request")


def test_a_connection_that_asks_nothing_is_ended(port: int) -> None:
    assert talk(port) == b""


def test_headers_that_come_too_slowly_are_not_waited_for(port: int) -> None:
    assert problem_of(talk(port, b"GET / HTTP/1.1\r\nhost: a\r\n")) == (408, "too-slow")


@pytest.mark.parametrize("kind", [b"application/json", b"text/plain"])
@pytest.mark.parametrize("path", [b"/json", b"/stream"])
def test_a_body_that_stops_coming_is_not_waited_for(path: bytes, kind: bytes, port: int) -> None:
    head = b"POST " + path + b" HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\ncontent-type: " + kind + b"\r\n\r\n"
    assert problem_of(talk(port, head, b"a")) == (408, "too-slow")


def test_a_body_that_trickles_is_not_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(b"POST /stream HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n")
        line.settimeout(0.05)
        heard = b""
        while not heard:
            line.sendall(b"a")
            try:
                heard = line.recv(65536)
            except TimeoutError:
                continue
    assert problem_of(heard) == (408, "too-slow")


def test_who_goes_on_sending_after_the_answer_is_hung_up_on(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(b"POST /deaf HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n")
        line.settimeout(0.05)
        heard, ended = b"", False
        while not ended:
            try:
                line.sendall(b"a")
                piece = line.recv(65536)
                heard, ended = heard + piece, not piece
            except TimeoutError:
                continue
            except OSError:
                ended = True
    assert heard.startswith(b"HTTP/1.1 200 ")


def test_an_honest_client_keeps_its_connection(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        for size in (0, 10, 200_000, 1):
            assert http.post("/stream", content=b"a" * size).json() == {"length": size}
        assert http.post("/json", json={"name": "a"}).json() == {"length": 1}
