"""The provider where people sign in: OpenID Connect, authorization code with PKCE. One for a process."""

import asyncio
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
import msgspec
import structlog
from msgspec import Struct

from libs.common.access.keys import BadKeys, Key, read_keys
from libs.common.clock import Clock
from services.analytics.pages.id_tokens import Claims, Person, Refusal, UnknownKey, read
from services.analytics.pages.sessions import Flow, is_loopback

log = structlog.get_logger()

_TIMEOUT: Final = httpx.Timeout(5, connect=2)
_ANSWER_BYTES_MAX: Final = 512 * 1024
_FRESH_SECONDS: Final = 3_600.0
_AGAIN_SECONDS: Final = 30.0  # how soon keys are asked for anew because of one that is not known
_SCOPE: Final = "openid profile email"


class Metadata(Struct, frozen=True):
    """What the provider says of itself (OpenID Connect Discovery)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Client(Struct, frozen=True):
    """How Recours is known to the provider."""

    issuer: str
    client_id: str
    secret: str | None
    claims: Claims

    def __repr__(self) -> str:
        return f"Client({self.issuer!r}, {self.client_id!r})"


class Provider:
    """Errors of all methods: Refusal, with the reason that the sign-in page tells."""

    def __init__(self, client: Client, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = client
        self._clock = clock
        # A redirect is no answer of a provider: what is configured and what it says of itself is where it is.
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, transport=transport, follow_redirects=False)
        self._metadata: Metadata | None = None
        self._keys: Mapping[str, Key] = {}
        self._metadata_until = self._keys_until = self._keys_again = 0.0
        self._asking = asyncio.Lock()

    async def close(self) -> None:
        await self._http.aclose()

    @property
    def issuer(self) -> str:
        return self._client.issuer

    async def address(self, flow: Flow, redirect_uri: str, language: str) -> str:
        """Return where the browser goes to sign in."""
        told = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": redirect_uri,
            "scope": _SCOPE,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
            "ui_locales": language,
            **({"prompt": "none"} if flow.quiet else {}),
        }
        return _with((await self.metadata()).authorization_endpoint, told)

    async def way_out(self, redirect_uri: str, language: str) -> str | None:
        """Return where the browser goes to sign out of the provider, too (RP-Initiated Logout); None where that cannot be done.

        No ID token is sent along: it would stand, with its names, in the browser's history. The provider asks the person instead.
        """
        endpoint = (await self.metadata()).end_session_endpoint
        told = {"client_id": self._client.client_id, "post_logout_redirect_uri": redirect_uri, "ui_locales": language}
        return _with(endpoint, told) if endpoint else None

    async def person(self, code: str, flow: Flow, redirect_uri: str) -> Person:
        """Return who signed in, for the code that the browser came back with."""
        token = await self._exchange(code, flow, redirect_uri)
        try:
            return self._read(token, await self._known_keys(), flow)
        except UnknownKey:
            try:
                return self._read(token, await self._known_keys(anew=True), flow)
            except UnknownKey:
                raise Refusal("token_refused") from None

    def _read(self, token: object, keys: Mapping[str, Key], flow: Flow) -> Person:
        client = self._client
        return read(token, keys, client.issuer, client.client_id, flow.nonce, client.claims, self._clock.now())

    async def metadata(self) -> Metadata:
        async with self._asking:
            if self._metadata is None or time.monotonic() >= self._metadata_until:
                told = await self._get(self._client.issuer.rstrip("/") + "/.well-known/openid-configuration")
                self._metadata = self._checked(told)
                self._metadata_until = time.monotonic() + _FRESH_SECONDS
            return self._metadata

    def _checked(self, told: dict[str, Any]) -> Metadata:
        try:
            found = msgspec.convert(told, Metadata)
        except msgspec.ValidationError:
            raise self._misled("metadata") from None
        used = [found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.end_session_endpoint or found.issuer]
        local = is_loopback(self._client.issuer)
        if found.issuer != self._client.issuer or not all(_is_safe(each, local=local) for each in used):
            raise self._misled("issuer")
        return found

    async def _known_keys(self, *, anew: bool = False) -> Mapping[str, Key]:
        address = (await self.metadata()).jwks_uri
        async with self._asking:
            now = time.monotonic()
            if now >= self._keys_until or (anew and now >= self._keys_again):
                try:
                    self._keys = read_keys(msgspec.json.encode(await self._get(address)))
                except BadKeys:
                    raise self._misled("keys") from None
                self._keys_until, self._keys_again = now + _FRESH_SECONDS, now + _AGAIN_SECONDS
            return self._keys

    async def _exchange(self, code: str, flow: Flow, redirect_uri: str) -> object:
        """Exchange the code for an ID token, once: a provider ends what was made of a code that comes again."""
        client, found = self._client, await self.metadata()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": flow.verifier}
        auth = None
        if client.secret is None:
            form["client_id"] = client.client_id
        elif "client_secret_basic" in found.token_endpoint_auth_methods_supported:
            auth = httpx.BasicAuth(quote(client.client_id, safe=""), quote(client.secret, safe=""))  # RFC 6749, 2.3.1
        else:
            form |= {"client_id": client.client_id, "client_secret": client.secret}
        status, told = await self._ask(self._http.build_request("POST", found.token_endpoint, data=form), auth)
        if status != HTTPStatus.OK:
            log.warning("signin_code_refused", status=status)
            raise Refusal("code_refused")
        return told.get("id_token")

    async def _get(self, address: str) -> dict[str, Any]:
        status, told = await self._ask(self._http.build_request("GET", address), None)
        if status != HTTPStatus.OK:
            raise self._misled("status")
        return told

    async def _ask(self, request: httpx.Request, auth: httpx.Auth | None) -> tuple[int, dict[str, Any]]:
        request.headers["Accept"] = "application/json"
        held = bytearray()
        try:
            answer = await self._http.send(request, stream=True, auth=auth)
            try:
                async for piece in answer.aiter_bytes():
                    held += piece
                    if len(held) > _ANSWER_BYTES_MAX:
                        raise self._misled("too_large")
            finally:
                await answer.aclose()
        except httpx.HTTPError as error:
            raise self._misled(type(error).__name__) from None
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise self._misled("status")
        try:
            told = msgspec.json.decode(held)
        except (msgspec.DecodeError, UnicodeDecodeError):
            told = None
        return answer.status_code, dict(told) if isinstance(told, Mapping) else {}

    def _misled(self, why: str) -> Refusal:
        log.warning("signin_provider_unavailable", why=why)
        return Refusal("provider_away")


def _with(endpoint: str, told: Mapping[str, str]) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(told)}"


def _is_safe(address: str, *, local: bool) -> bool:
    """Say whether an address may be asked: in the clear only on this machine, for a provider that is on it."""
    return address.startswith("https://") or (local and address.startswith("http://") and is_loopback(address))
