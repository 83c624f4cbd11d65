"""HTTP under the application: what a connection may send before anybody answers it, and for how long it may be silent.

The server's own protocol keeps headers of any size and waits for them for ever; these are its limits.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from libs.common import measures
from libs.common.http.access import Door
from libs.common.http.edge import HEADERS
from libs.common.http.problem import Problem
from libs.common.http.problems import MEDIA_TYPE, answer
from libs.common.http.rates import busy

HEAD_BYTES_MAX: Final = 32 * 1024  # request line and headers
HEADERS_MAX: Final = 100
HEAD_SECONDS: Final = 15.0
LINGER_SECONDS: Final = 10.0  # for the rest of a body whose request is answered; who still sends then is hung up on

_NO_HTTP: Final = Problem(400, "bad-request", "What was sent is no HTTP.")
_TOO_LARGE: Final = Problem(
    431, "head-too-large", f"The request line and headers may have {HEAD_BYTES_MAX} bytes and {HEADERS_MAX} headers at most."
)
_TOO_SLOW: Final = Problem(408, "too-slow", "The request's headers came too slowly.")
_BUSY: Final = answer(busy())
_BUSY.raw_headers.extend(HEADERS)
_TURNED_AWAY: Final = {"http.request.method": "_OTHER", "http.route": "unknown", "http.response.status_code": "503"}


class BoundedHttp(HttpToolsProtocol):
    """One connection. What is refused here is answered with a problem, and the connection is closed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._door: Door | None = getattr(getattr(self.config.app, "state", None), "door", None)
        self._in_head = True  # a new connection owes a request
        self._in_body = self._begun = False
        self._head_bytes = 0
        self._refusal = _NO_HTTP
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the server's own does
        super().connection_made(transport)
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        owed, self._begun = self._in_head, False
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._begun:  # somewhere in what came: what stands before it may be the end of a large body
            self._head_bytes = min(len(data), HEAD_BYTES_MAX)
        elif owed:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._begun = True
        self._head_bytes = 0
        if self._patience is None:
            self._be_patient()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > HEADERS_MAX:
            self._refusal = _TOO_LARGE
            raise ValueError("too many headers")  # the parser stops, and asks for what to answer

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD_BYTES_MAX:
            self._refusal = _TOO_LARGE
            raise ValueError("too large a head")
        self._stop_waiting()
        self._in_head, self._in_body = False, True
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Start to answer a request; who finds no room where there is an overload is told so without the application."""
        if self._door is not None and self._door.turns_away(cycle.scope):
            measures.HTTP_DURATION.record(0.0, _TURNED_AWAY)
            app = _BUSY
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()
        if self.cycle.response_complete:  # the end of a body that was answered before: only now is the connection idle
            self._stop_waiting()
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and not self.transport.is_closing():
            self._stop_waiting()
            self._patience = self.loop.call_later(LINGER_SECONDS, self.timeout_keep_alive_handler)

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused. The server's own answer is no problem document."""
        del msg
        self._refuse(self._refusal)

    def _refuse(self, problem: Problem) -> None:
        if self.cycle is None or self.cycle.response_complete:  # else an answer is on its way, and this would stand inside it
            made = answer(problem)
            body = bytes(made.body)
            headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode()), *HEADERS]
            lines = b"".join(name + b": " + value + b"\r\n" for name, value in [*headers, (b"connection", b"close")])
            self.transport.write(STATUS_LINE[problem.status] + lines + b"\r\n" + body)
        self.transport.close()

    def _be_patient(self) -> None:
        self._patience = self.loop.call_later(HEAD_SECONDS, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._be_patient()  # the request before this one is still being answered
        elif self._head_bytes:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()
