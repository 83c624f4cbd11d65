"""The door of every HTTP interface: who asks is known before anything is read, and each route asks for one scope.

A service's table says which (`METHOD /path` -> scope, or `public`). An application with a route that is not in it, or with a row
for no route, is not made at all.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from re import Pattern
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.routing import compile_path
from starlette.types import Scope

from libs.common.access.caller import Caller, Denied
from libs.common.access.scopes import PUBLIC, SCOPES
from libs.common.access.verifier import Verifier
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.http.problem import RETRY_SECONDS, Problem
from libs.common.http.rates import DESCRIBED, Rates, Room
from libs.common.tenants.standing import Standing
from libs.common.tenants.store import ERASURE

log = structlog.get_logger()

Scopes = Mapping[str, str]
REALM: Final = 'Bearer realm="recours"'
SCHEME: Final = "bearer"
# Common to all services: what stands in libs/common/http.
COMMON: Final[Scopes] = {
    "GET /livez": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /v1/ledger": "ledger:read",
    "GET /v1/dead-letters": "operations:read",
    "GET /v1/dead-letters/{dead_letter_id}": "operations:read",
    "POST /v1/dead-letters/{dead_letter_id}/replay": "operations:write",
    "GET /v1/outbox": "operations:read",
    "GET /v1/trail": "operations:read",
    "GET /v1/audit-log": "audit-log:read",
    "GET /v1/audit-log/chain": "audit-log:read",
    "GET /v1/audit-log/seals": "audit-log:read",
    "GET /v1/audit-log/head": "audit-log:read",
    "GET /v1/retention": "retention:read",
    "PUT /v1/retention/{kind}": "retention:write",
    "GET /v1/tenants": "tenants:admin",
    "GET /v1/tenants/{tenant_id}": "tenants:admin",
    "POST /v1/tenants/{tenant_id}": "tenants:admin",
    "PUT /v1/tenants/{tenant_id}": "tenants:admin",
    "GET /v1/tenants/{tenant_id}/export": "tenants:export",
    "POST /v1/tenants/{tenant_id}/erase": "tenants:admin",
}
_ADMIN: Final = "tenants:admin"  # open whatever became of the token's own tenant: nobody locks himself out
_AUDIT: Final = "audit-log:read"  # what is left of a tenant that is erased
# What those who run the system ask for: open also to a token of a tenant that is suspended.
_OPERATORS: Final = frozenset({"tenants:admin", "tenants:export", "operations:read", "operations:write"})
_DOCUMENTATION: Final = ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/static-offline-docs/{path:path}")


class Door:
    """One for an application."""

    def __init__(self, verifier: Verifier, needed: Scopes, routers: Iterable[APIRouter]) -> None:
        self.verifier = verifier
        self.without_token: Callable[[Scope], Awaitable[Caller | None]] | None = None  # how others come in, where any may
        self.rates: Rates | None = None
        self.room: Room | None = None
        # How many are served at once, and how many in an overload. One process that does short work answers no more with more.
        self.at_once = (8, 3)
        self.standing = Standing()
        self.leaving = False  # the process is about to end: who comes is served, and sent elsewhere with what comes next
        self._needed = {**needed, **COMMON}
        _check_table(self._needed, [route for router in routers for route in router.routes])
        public = [told.partition(" ")[2] for told, scope in self._needed.items() if scope == PUBLIC]
        self._public: list[Pattern[str]] = [compile_path(path)[0] for path in (*public, *_DOCUMENTATION)]

    async def enter(self, scope: Scope) -> Caller | None:
        """Return who asks; None where everybody may, or nobody can say: `authorize` tells that. Errors: Problem 401, 429, 503."""
        if self._is_public(scope):
            return None
        try:
            caller = await self._recognize(scope)
        except Transient as error:  # told inside of the application, which answers for a page with a page
            scope["state"]["away"] = error
            return None
        if self.rates is not None and caller is not None and not caller.is_service:  # a service asks on account of who was counted
            scope["state"]["rate_limit"] = self.rates.take(caller.tenant_id)
        return caller

    def _is_public(self, scope: Scope) -> bool:
        return any(public.match(scope["path"]) for public in self._public)

    def turns_away(self, scope: Scope) -> bool:
        """Say that there is no room, before anything is done for a request; as `room_for`, health and services come in."""
        if self.room is None or self.room.lets_in() or self._is_public(scope):
            return False
        told = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").partition(" ")[2]
        caller = self.verifier.remembered(told)
        return caller is None or not caller.is_service

    def room_for(self, caller: Caller | None) -> Room | None:
        """Return where a request takes room: health takes none, nor does a service, which asks on account of who has some there."""
        return None if caller is None or caller.is_service else self.room

    async def _recognize(self, scope: Scope) -> Caller | None:
        told = [value for name, value in scope["headers"] if name == b"authorization"]
        if not told:
            if self.without_token is None:
                raise unauthenticated()
            return await self.without_token(scope)
        kind, _, token = told[0].decode("latin-1").partition(" ")
        if len(told) > 1 or kind.lower() != "bearer":
            raise unauthenticated("malformed")
        return await self.read(token)

    async def read(self, token: str) -> Caller:
        """Return who a token speaks for. Errors: Problem 401, 503."""
        try:
            return await self.verifier.caller_of(token)
        except Denied as denied:
            log.info("token_refused", reason=denied.reason)
            raise unauthenticated(denied.reason) from None
        except Transient as error:
            log.warning("keys_away", reason=str(error))
            headers = {"Retry-After": str(RETRY_SECONDS)}
            detail = "Tokens cannot be checked at the moment; try again shortly."
            raise Problem(503, "unavailable", detail, headers=headers) from error

    async def authorize(self, request: Request) -> None:
        """Let a request to its route where its caller has the route's scope and its tenant is served.

        Errors: Problem 401, 403; Transient.
        """
        needed = self._needed[f"{request.method} {request.scope['route'].path}"]
        if needed == PUBLIC:
            return
        caller: Caller | None = request.state.caller
        if caller is None:
            raise request.scope["state"].get("away") or unauthenticated()
        await self._admit(caller, needed, request.app.state.database)

    async def _admit(self, caller: Caller, needed: str, database: Database) -> None:
        """Errors: Problem 403; Transient."""
        if needed not in caller.scopes:
            raise forbidden(needed)
        if needed == _ADMIN:
            return
        state = await self.standing.closed_as(database, caller.tenant_id)
        if state in ERASURE and needed != _AUDIT:
            raise Problem(403, "tenant-erased", "This tenant is erased, or being erased; nothing of it is kept or taken any more.")
        # A service goes on with what came in before.
        if state == "suspended" and needed not in _OPERATORS and not caller.is_service:
            raise Problem(403, "tenant-suspended", "This tenant is suspended; ask whoever runs the system.")

    async def until_shut(self, request: Request, every_seconds: float) -> None:
        """Return when whoever is being answered would not be let in any more, or nobody can say; for answers without an end.

        A token ends or is revoked, a person signs out or loses a role, a tenant is suspended or erased.
        """
        await until_not(partial(self._lets_in_again, request), every_seconds)

    async def _lets_in_again(self, request: Request) -> bool:
        """Errors: Transient."""
        needed = self._needed[f"{request.method} {request.scope['route'].path}"]
        try:
            caller = await self._recognize(request.scope)
            if caller is not None:
                await self._admit(caller, needed, request.app.state.database)
        except Problem:
            return False
        return caller is not None

    def describe(self, schema: dict[str, Any], refused: Mapping[int | str, Any]) -> None:
        """Write into an OpenAPI document how one is let in, and which scope each operation asks for."""
        told = "A JWT by one of the issuers that the service trusts; docs/access.md says how to get one, and what each scope opens."
        scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": told}
        schema["components"].setdefault("securitySchemes", {})[SCHEME] = scheme
        schema["components"]["headers"] = DESCRIBED
        left = {name: {"$ref": f"#/components/headers/{name}"} for name in DESCRIBED}
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                needed = self._needed[f"{method.upper()} {path}"]
                operation["security"] = [] if needed == PUBLIC else [{SCHEME: [needed]}]
                if needed != PUBLIC:
                    answers = {**operation["responses"], **{str(status): refused[status] for status in refused}}
                    operation["responses"] = {
                        status: told | {"headers": told.get("headers", {}) | left} if status[0] == "2" or status == "429" else told
                        for status, told in sorted(answers.items())
                    }


async def until_not(holds: Callable[[], Awaitable[bool]], every_seconds: float) -> None:
    """Return when something does not hold any more, asked again and again, or nobody can say (Transient)."""
    with contextlib.suppress(Transient):
        while True:
            await asyncio.sleep(every_seconds)
            if not await holds():
                return


def unauthenticated(reason: str | None = None) -> Problem:
    """Return what somebody is told whom no token lets in; `reason` where there was one."""
    if reason is None:
        detail = "This asks for a token: Authorization: Bearer TOKEN."
        return Problem(401, "not-authenticated", detail, headers={"WWW-Authenticate": REALM})
    headers = {"WWW-Authenticate": f'{REALM}, error="invalid_token", error_description="{reason}"'}
    return Problem(401, "not-authenticated", "The token is not accepted.", headers=headers, reason=reason)


def forbidden(needed: str) -> Problem:
    headers = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{needed}"'}
    return Problem(
        403, "scope-missing", f"This asks for the scope {needed}, which the token does not have.", headers=headers, scope=needed
    )


def _check_table(needed: Scopes, routes: Sequence[object]) -> None:
    """Errors: ValueError where the table and the routes are not of one another."""
    there = [f"{method} {route.path}" for route in routes if isinstance(route, APIRoute) for method in route.methods or ()]
    others = [route for route in routes if not isinstance(route, APIRoute)]
    missing, unneeded = sorted(set(there) - needed.keys()), sorted(needed.keys() - COMMON.keys() - set(there))
    unknown = sorted({scope for scope in needed.values() if scope != PUBLIC} - SCOPES.keys())
    if missing or unneeded or unknown or others:
        raise ValueError(f"scopes: missing for {missing}, for no route {unneeded}, unknown {unknown}, not to be guarded {others}")
