"""A real OpenID provider on this machine (oidc-provider-mock over Authlib), made stricter: it holds codes to their challenge."""

import base64
import hashlib
import html
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
from oidc_provider_mock import app as make_provider
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_AUTHORIZE, _TOKEN = "/oauth2/authorize", "/oauth2/token"


class Provider:
    """`issuer` is where it listens. Everybody in `people` signs in by a name and no password."""

    def __init__(self, issuer: str, redirect_uri: str) -> None:
        self.issuer = issuer
        self._http = httpx.Client(base_url=issuer)
        told = self._http.post("/oauth2/clients", json={"redirect_uris": [redirect_uri]}).raise_for_status().json()
        self.client_id, self.secret = str(told["client_id"]), str(told["client_secret"])

    def knows(self, subject: str, **claims: Any) -> None:
        """Make somebody known."""
        self._http.put(f"/users/{subject}", json=claims).raise_for_status()

    def confirm(self, address: str, subject: str) -> str:
        """Sign in as a person does on the provider's page; return where the browser is sent back to."""
        assert subject or self._http.get(address).is_success
        answer = self._http.post(address, data={"sub": subject} if subject else {"action": "deny"})
        assert answer.is_redirect, answer.text
        return str(answer.headers["location"])

    def end(self, address: str) -> str:
        """Sign out as a person does on the provider's page; return where the browser is sent back to."""
        page = self._http.get(address).raise_for_status().text
        back = html.unescape(page.partition('name="redirect_uri"')[2].partition('value="')[2].partition('"')[0])
        answer = self._http.post("/oauth2/end_session/confirm", data={"redirect_uri": back})
        assert answer.is_redirect, answer.text
        return str(answer.headers["location"])

    def close(self) -> None:
        self._http.close()


class _Strict:
    """In front of it: a code is exchanged only with the verifier of the challenge that it was asked for with (RFC 7636)."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._challenges: dict[str, str] = {}

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        if request.path == _TOKEN:
            body = request.get_data()
            environ["wsgi.input"] = BytesIO(body)
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            verifier = form.get("code_verifier", "")
            made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
            if self._challenges.pop(form.get("code", ""), None) != made:
                return Response('{"error": "invalid_grant"}', 400, content_type="application/json")(environ, start)
        answer = Response.from_app(self._inner, environ)
        if request.path == _AUTHORIZE and request.method == "POST":
            for code in parse_qs(urlsplit(answer.headers.get("location", "")).query).get("code", []):
                assert request.args["code_challenge_method"] == "S256"
                self._challenges[code] = request.args["code_challenge"]
        return answer(environ, start)


@contextmanager
def provider(redirect_uri: str) -> Iterator[Provider]:
    """Run a provider that knows Recours under this address to come back to."""
    # Tests look hours ahead, and the provider's clock is the machine's: what it says must still hold then.
    made = make_provider(require_client_registration=True, require_nonce=True, access_token_max_age=timedelta(days=1))
    server = make_server("localhost", 0, _Strict(made), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    running = Provider(f"http://localhost:{server.server_port}", redirect_uri)
    try:
        yield running
    finally:
        running.close()
        server.shutdown()
        thread.join(10)
        server.server_close()
