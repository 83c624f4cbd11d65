"""Each service's OpenAPI document, from its application; no database is asked."""

from importlib import import_module
from typing import Any, Final

from deploy.local.layout import Ports
from libs.common.access.signing import AUDIENCE
from libs.common.access.verifier import Verifier
from libs.common.clock import SystemClock
from libs.common.database import Database

_NOWHERE: Final = "postgresql://nobody@localhost/nothing"  # the engine connects when a route first asks, and none does


def openapi(service: str) -> dict[str, Any]:
    """Return a service's OpenAPI 3.1 document."""
    app = import_module(f"services.{service}.api").make_app(Database(_NOWHERE), SystemClock(), Verifier({}, AUDIENCE))
    document: dict[str, Any] = app.openapi()
    served = [{"url": Ports().url(service), "description": "The local stack, with its default ports"}]
    return {"openapi": document["openapi"], "info": document["info"], "servers": served, **document}
