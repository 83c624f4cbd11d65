"""One service over HTTP: requests, answers read into their shapes, and patience where a request may be repeated."""

import email.utils
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Generic, Self, TypeVar

import httpx
import msgspec
import stamina
from msgspec import Struct

from libs.client.errors import ClientError, ProblemAnswer, Unreachable, problem_of

T = TypeVar("T")

DEFAULT_PORTS: Final = {"ingest": 8001, "classifier": 8002, "appeals": 8003, "analytics": 8004}
SERVICES: Final = tuple(DEFAULT_PORTS)
TOKEN_FILE: Final = Path(".local") / "token"  # where `make up` writes it
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~+/=-]{1,8192}")
_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_BUSY: Final = frozenset({429, 502, 503, 504})
_ATTEMPTS: Final = 4
_PATIENCE_SECONDS: Final = 60
_RETRY_AFTER_MAX_SECONDS: Final = 30
_TIMEOUT: Final = httpx.Timeout(30, connect=5, read=120)


def address(service: str) -> str:
    """Return RECOURS_INGEST_URL and its like, or the local default."""
    told = os.environ.get(f"RECOURS_{service.upper()}_URL") or f"http://127.0.0.1:{DEFAULT_PORTS[service]}"
    if not told.startswith(("http://", "https://")):
        raise ClientError(f"RECOURS_{service.upper()}_URL must begin with http:// or https://.")
    return told.rstrip("/")


def own_token(url: str) -> str | None:
    """Return RECOURS_TOKEN, or what the file RECOURS_TOKEN_FILE holds; on this machine else the token of the stack of this folder.

    None where there is none. Errors: ClientError where it can be none.
    """
    told, named = os.environ.get("RECOURS_TOKEN"), os.environ.get("RECOURS_TOKEN_FILE")
    if not told:
        if not named and (not TOKEN_FILE.exists() or httpx.URL(url).host not in _HERE):
            return None
        told = Path(named or TOKEN_FILE).read_text(errors="replace")
    token = told.strip()
    if not _TOKEN.fullmatch(token):
        raise ClientError("What RECOURS_TOKEN or the token's file holds is no token.")
    return token


class Answer(Struct, Generic[T], frozen=True):
    """An answer as it came, and what this client reads of it."""

    status: int
    location: str | None
    raw: bytes
    value: T


class Body(Struct, frozen=True):
    """A request's body that can be sent again from its start."""

    chunks: Callable[[], Iterable[bytes]]
    size_bytes: int
    headers: Mapping[str, str]


NO_BODY: Final = Body(tuple, 0, {})


def json_body(told: object, headers: Mapping[str, str] | None = None) -> Body:
    """Return something as a body of JSON, with more headers where there are any."""
    raw = msgspec.json.encode(told)
    return Body(lambda: [raw], len(raw), {"Content-Type": "application/json", **(headers or {})})


def _sent(body: Body) -> dict[str, Any]:
    """Return what a request is given of a body, from the body's start."""
    return {"content": body.chunks(), "headers": {**body.headers, "Content-Length": str(body.size_bytes)}}


def seconds_to_wait(error: Exception) -> bool | float:
    """Decide on a failed request that may be repeated: False gives up, True backs off, a number waits as the service asked."""
    if isinstance(error, httpx.TransportError):
        return not isinstance(error, httpx.UnsupportedProtocol)
    if isinstance(error, ProblemAnswer) and error.status in _BUSY:
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= _RETRY_AFTER_MAX_SECONDS else False
    return False


def retry_after(value: str | None, now: float) -> float | None:
    """Read Retry-After, seconds or an HTTP date; None when there is none that can be read."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


class Service:
    """A service at its address. Every method's errors: Unreachable, ProblemAnswer."""

    def __init__(
        self, name: str, url: str | None = None, transport: httpx.BaseTransport | None = None, *, token: str | None = None
    ) -> None:
        self.name = name
        self.url = url or address(name)
        told = token or own_token(self.url)
        headers = {"Authorization": f"Bearer {told}"} if told else {}
        self._http = httpx.Client(base_url=self.url, timeout=_TIMEOUT, transport=transport, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def get(self, path: str, shape: type[T], query: Mapping[str, Any] | None = None) -> Answer[T]:
        """Ask, patiently. What is None in the query is left out; a list is said once for each of its values."""
        told = {name: value for name, value in (query or {}).items() if value is not None}
        asked = {name: list(map(str, value)) if isinstance(value, list) else str(value) for name, value in told.items()}
        return self._patiently(lambda: self._once("GET", path, shape, params=asked))

    def post_again(self, path: str, shape: type[T], body: Body) -> Answer[T]:
        """Post what the service knows by its content, so that repeating it is safe."""
        return self._patiently(lambda: self._once("POST", path, shape, **_sent(body)))

    def put(self, path: str, shape: type[T], body: Body) -> Answer[T]:
        """Put what takes the place of what is there, patiently."""
        return self._patiently(lambda: self._once("PUT", path, shape, **_sent(body)))

    def patch(self, path: str, shape: type[T], body: Body) -> Answer[T]:
        """Change what is given of what is there, patiently."""
        return self._patiently(lambda: self._once("PATCH", path, shape, **_sent(body)))

    def delete(self, path: str) -> None:
        """Take away what is there, patiently; a second time it is not there any more: ProblemAnswer 404."""
        self._patiently(lambda: self._request("DELETE", path))

    def post_once(self, path: str, shape: type[T]) -> Answer[T]:
        """Post what must not be repeated."""
        try:
            return self._once("POST", path, shape)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def post_or_nothing(self, path: str, shape: type[T], body: Body) -> Answer[T] | None:
        """Post what may be repeated (its headers hold an Idempotency-Key); None where the service has nothing to answer (204)."""
        answer = self._patiently(lambda: self._request("POST", path, **_sent(body)))
        if answer.status_code == httpx.codes.NO_CONTENT:
            return None
        return Answer(answer.status_code, None, answer.content, self.read(answer.content, shape))

    def get_bytes(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        """Ask for something that is no JSON, patiently."""
        told = {name: str(value) for name, value in (query or {}).items() if value is not None}
        return self._patiently(lambda: self._request("GET", path, params=told)).content

    def download(
        self, path: str, query: Mapping[str, Any], file: IO[bytes], held_bytes: Callable[[int], object] = lambda _: None
    ) -> int:
        """Write what has no size before it is made into a file, from its start; return how many bytes it was."""
        told = {name: str(value) for name, value in query.items() if value is not None}
        return self._patiently(lambda: self._download(path, told, file, held_bytes))

    def _download(self, path: str, query: Mapping[str, str], file: IO[bytes], held_bytes: Callable[[int], object]) -> int:
        file.truncate(0)
        held = file.seek(0)
        with self._http.stream("GET", path, params=query) as answer:
            if not answer.is_success:
                patience = retry_after(answer.headers.get("Retry-After"), time.time())
                raise problem_of(self.name, answer.status_code, answer.read(), patience)
            for piece in answer.iter_bytes():
                held += file.write(piece)
                held_bytes(held)
        return held

    def post_for_bytes(self, path: str, body: Body) -> bytes:
        """Post what may be repeated and is answered by something that is no JSON."""
        return self._patiently(lambda: self._request("POST", path, **_sent(body))).content

    def post_lines(self, path: str, shape: type[T], body: Body) -> list[T]:
        """Post what may be repeated and is answered line by line."""
        answer = self._patiently(lambda: self._request("POST", path, **_sent(body)))
        return [self.read(line, shape) for line in answer.content.splitlines()]

    def fetch(self, path: str, file: IO[bytes], size_bytes: int, etag: str, told: Callable[[int], object]) -> None:
        """Append to a file what it lacks of something that has so many bytes, going on by range where it breaks off."""
        self._patiently(lambda: self._fetch_rest(path, file, size_bytes, etag, told))

    def _fetch_rest(self, path: str, file: IO[bytes], size_bytes: int, etag: str, told: Callable[[int], object]) -> None:
        held = file.seek(0, os.SEEK_END)
        if held >= size_bytes:
            return
        headers = {"Range": f"bytes={held}-", "If-Range": etag} if held else {}
        with self._http.stream("GET", path, headers=headers) as answer:
            if not answer.is_success:
                patience = retry_after(answer.headers.get("Retry-After"), time.time())
                raise problem_of(self.name, answer.status_code, answer.read(), patience)
            if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                file.truncate(0)
                held = file.seek(0)
            for piece in answer.iter_bytes():
                held += file.write(piece)
                told(held)
        file.flush()

    def _patiently(self, work: Callable[[], T]) -> T:
        try:
            for attempt in stamina.retry_context(
                on=seconds_to_wait, attempts=_ATTEMPTS, timeout=_PATIENCE_SECONDS, wait_initial=0.2, wait_max=5, wait_jitter=0.2
            ):
                with attempt:
                    return work()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        raise AssertionError("stamina ends with an answer or an error")

    def _once(self, method: str, path: str, shape: type[T], **more: Any) -> Answer[T]:
        answer = self._request(method, path, **more)
        return Answer(answer.status_code, answer.headers.get("Location"), answer.content, self.read(answer.content, shape))

    def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self._http.request(method, path, **more)
        if not answer.is_success:
            patience = retry_after(answer.headers.get("Retry-After"), time.time())
            raise problem_of(self.name, answer.status_code, answer.content, patience)
        return answer

    def read(self, raw: bytes | msgspec.Raw, shape: type[T]) -> T:
        """Read JSON of this service into its shape."""
        try:
            return msgspec.json.decode(raw, type=shape)
        except msgspec.DecodeError as error:
            raise Unreachable(f"What answers at {self.url} is not {self.name}, or one of another version.") from error

    def _unreachable(self, error: httpx.HTTPError) -> Unreachable:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return Unreachable(f"{self.name} does not answer at {self.url}; is it running? (`make up` starts everything here.)")
        return Unreachable(f"The connection to {self.name} at {self.url} broke off ({type(error).__name__}).")
