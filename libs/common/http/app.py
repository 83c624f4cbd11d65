"""The application factory: what every service's HTTP interface does alike."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Literal

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, Field

from libs.common.access.verifier import Verifier
from libs.common.audit.routes import COMMON, Routes
from libs.common.health import Check, find_trouble
from libs.common.http import audit_log, problems, tenants
from libs.common.http import retention as retention_routes
from libs.common.http.access import Door, Scopes
from libs.common.http.audited import AuditedRequests, action_of
from libs.common.http.edge import Edge
from libs.common.http.problem import RETRY_SECONDS
from libs.common.http.problems import ProblemDocument
from libs.common.retention.kinds import AUDIT_LOG, Kind

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_TAGS: Final = {
    "ledger": "What the service has booked of every remittance; equal in all four services.",
    "dead letters": "Records that the service could never process.",
    "outbox": "Events on their way to the broker.",
    "audit log": "Who changed what and who was shown whose data, chained so that no entry changes or goes unnoticed.",
    "retention": "How long what is kept, and what is taken away after that.",
    "tenants": "For whoever runs the system: which tenants are served.",
    "health": "For whoever starts and watches the process.",
}


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = Field(description="`ok`, or the kind of failure, by what was checked")


# FastAPI would make a span of each request by itself, with the path and the query as they were sent: who looks for a patient writes
# names there. Ours (edge.py) says the route.
_NO_SPANS_OF_ITS_OWN: Final[dict[str, Any]] = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}


def create_app(
    title: str,
    description: str,
    *,
    verifier: Verifier,
    scopes: Scopes,
    checks: Mapping[str, Check],
    routers: Sequence[APIRouter],
    tags: Mapping[str, str],
    lifespan: Lifespan | None = None,
    json_max_bytes: Mapping[str, int] | None = None,
    audited: Routes,
    retention: Sequence[Kind] = (),
) -> FastAPI:
    """Make an application: its door, health, problems, limits, traces, and OpenAPI 3.1 with problem documents.

    `scopes` says what each of its routes asks for, `tags` describes its own. `json_max_bytes` names paths whose JSON may be larger
    than elsewhere. `audited` says what each route means to the audit log, `retention` what is taken away after a time.
    """
    app = FastAPIOffline(  # /docs shows its page without fetching anything from anywhere
        redoc_url=None,
        telemetry=_NO_SPANS_OF_ITS_OWN,
        redirect_slashes=False,  # an id that was left out is not asked for by leading to the list
        title=f"Recours {title}",
        description=description,
        version="1",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=[{"name": name, "description": told} for name, told in {**tags, **_TAGS}.items()],
        generate_unique_id_function=action_of,
        lifespan=lifespan,
    )
    problems.install(app)
    app.state.retention = (AUDIT_LOG, *retention)
    every = [*routers, audit_log.router, tenants.router, retention_routes.router, _health({**checks, "keys": verifier.check})]
    door = app.state.door = Door(verifier, scopes, every)
    for router in every:
        app.include_router(router, dependencies=[Depends(door.authorize)])
    app.openapi = lambda: _openapi(app, door)  # type: ignore[method-assign]  # FastAPI's documented way
    app.add_middleware(AuditedRequests, routes={**COMMON, **audited})
    within = app.build_middleware_stack
    # Around all of it, and not as a middleware: those stand within what answers for our bugs, and its answer has headers too.
    app.build_middleware_stack = lambda: Edge(within(), door, json_max_bytes or {})  # type: ignore[method-assign]  # as above
    return app


def _openapi(app: FastAPI, door: Door) -> dict[str, Any]:
    if not app.openapi_schema:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            license_info=app.license_info,
            tags=app.openapi_tags,
            routes=app.routes,
        )
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        described = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        components.update(described.pop("$defs"))
        components["ProblemDocument"] = described
        for path in schema["paths"].values():
            for operation in path.values():
                refused = operation["responses"].get("422")
                if refused is not None:  # FastAPI announces its own shape there; we answer with a problem
                    operation["responses"]["422"] = problems.responses(422)[422]
        for unused in ("HTTPValidationError", "ValidationError"):
            components.pop(unused, None)
        door.describe(schema, problems.responses(401, 403, 429))
        app.openapi_schema = schema
    return app.openapi_schema


_NOT_READY: Final[dict[str, Any]] = {
    "model": Readiness,
    "description": "A part that it needs is away",
    "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
}


def _health(checks: Mapping[str, Check]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez", summary="Is the process alive")
    async def livez() -> Alive:
        """Ask this to decide on a restart; it looks at nothing but the process."""
        return Alive()

    @router.get("/readyz", summary="Can it do its work", response_model=Readiness, responses={503: _NOT_READY})
    async def readyz(request: Request) -> Response:
        """Ask this to decide on sending requests; it names the check that fails. A process that is about to end is not ready."""
        found = {"process": "leaving"} if request.app.state.door.leaving else await find_trouble(checks)
        ready = set(found.values()) <= {"ok"}
        headers = {} if ready else {"Retry-After": str(RETRY_SECONDS)}
        return JSONResponse({"status": "ok" if ready else "unavailable", "checks": found}, 200 if ready else 503, headers=headers)

    return router
