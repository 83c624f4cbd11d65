"""`recours listen`: a receiver on this machine that verifies what webhooks tell, and prints it.

Only what is signed, recent and new is printed: what somebody sends again is known by its `webhook-id`, and later by its time.
"""

import signal
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from libs.client import webhooks
from libs.client.errors import ClientError, ProblemAnswer
from libs.client.show import output, plain, print_json
from libs.client.transport import Service
from libs.common.standard_webhooks import read_secret, wrong_with

_HOST: Final = "127.0.0.1"
_BODY_BYTES_MAX: Final = 1024 * 1024
_KNOWN_MAX: Final = 10_000
_READ_SECONDS: Final = 10
_SHOWN_CHARACTERS: Final = 160
ALL: Final = (
    "claim.submitted", "claim.acknowledged", "remit.received", "remit.matched", "denial.classified", "appeal.filed",
    "appeal.decided", "case.closed", "followup.changed", "alert.opened", "alert.acknowledged", "alert.resolved", "report.made",
    "webhook.disabled",
)  # fmt: skip


class Told(Struct, frozen=True):
    """What is read of a post."""

    type: str
    timestamp: str
    sequence: int
    data: Raw


class Inbox:
    """Takes posts, whoever sends them; prints those that are ours."""

    def __init__(self, secret: bytes, *, as_lines: bool) -> None:
        self._secret = secret
        self._as_lines = as_lines
        self._known: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Return what is answered. Taken twice, a post is printed once."""
        wrong = wrong_with(self._secret, headers, body, datetime.now(UTC))
        if wrong is not None:
            output(errors=True).print(f"A post was refused: {wrong}.")
            return HTTPStatus.UNAUTHORIZED
        try:
            told = msgspec.json.decode(body, type=Told)
        except msgspec.DecodeError:
            return HTTPStatus.BAD_REQUEST
        with self._lock:
            name = headers["webhook-id"]
            if name not in self._known:
                self._known[name] = None
                if len(self._known) > _KNOWN_MAX:
                    self._known.popitem(last=False)
                self._show(name, told, body)
        return HTTPStatus.NO_CONTENT

    def _show(self, name: str, told: Told, body: bytes) -> None:
        if self._as_lines:
            print_json({"webhook-id": name, **msgspec.json.decode(body)})
            return
        data = plain(bytes(told.data).decode(errors="replace"))
        cut = data if len(data) <= _SHOWN_CHARACTERS else data[:_SHOWN_CHARACTERS] + "..."
        output().print(f"{told.timestamp[:19]} {told.sequence:>6} {plain(told.type)} {cut}", soft_wrap=True)


class Receiver(ThreadingHTTPServer):
    """Listens from the start, and serves when it knows what to believe. Errors: ClientError where the port is taken."""

    inbox: Inbox

    def __init__(self, port: int) -> None:
        try:
            super().__init__((_HOST, port), _Handler)
        except OSError as error:
            raise ClientError(f"Nothing can listen at port {port} of this machine: {error.strerror}.") from error
        self.url = f"http://{_HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    timeout = _READ_SECONDS
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        size = self.headers.get("content-length", "")
        if not size.isdecimal() or int(size) > _BODY_BYTES_MAX:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(size))
        self._answer(self.server.inbox.take({name.lower(): value for name, value in self.headers.items()}, body))

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def listen(types: Sequence[str] | None, known: tuple[UUID, str] | None, port: int, *, as_lines: bool) -> None:
    """Print what is told until interrupted; `known`: a webhook that leads here already, and its secret."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it ends the subscription, too
    with Service("analytics") as analytics, Receiver(port) as receiver:
        if known is not None:
            _serve(receiver, *known, as_lines=as_lines)
            return
        created = webhooks.subscribe(analytics, receiver.url, types or ALL).value
        try:
            _serve(receiver, created.webhook_id, created.secret, as_lines=as_lines)
        finally:
            _unsubscribe(analytics, created.webhook_id)


def _serve(receiver: Receiver, webhook_id: UUID, secret: str, *, as_lines: bool) -> None:
    receiver.inbox = Inbox(_secret(secret), as_lines=as_lines)
    output(errors=True).print(f"{webhook_id} tells {receiver.url}; Ctrl-C ends it.", soft_wrap=True)
    try:
        receiver.serve_forever()
    except KeyboardInterrupt:
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, signal.SIG_IGN)  # once is enough: what is subscribed is yet to be ended
        output(errors=True).print("Ended.")


def _secret(told: str) -> bytes:
    try:
        return read_secret(told)
    except ValueError as error:
        raise ClientError("The secret is not one: whsec_ and base64.") from error


def _unsubscribe(analytics: Service, webhook_id: UUID) -> None:
    try:
        analytics.delete(f"/v1/webhooks/{webhook_id}")
    except ProblemAnswer as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
