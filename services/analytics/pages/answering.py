"""How pages answer when something is not there, not allowed now, or away: with a page, and not with a problem document."""

from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, cast
from uuid import UUID

from fastapi.responses import HTMLResponse, Response

from libs.common.errors import Transient
from libs.common.http.problem import Problem
from services.analytics.pages import rendering
from services.analytics.pages.visit import Visit

Page = Callable[..., Awaitable[Response]]
_NOWHERE: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST)  # an id or a cursor of nothing


def readable(made: Page) -> Page:
    """Answer with a page, and not with a problem document, when the database is away or nothing of the address is there."""

    @wraps(made)
    async def answer(*args: Any, **told: Any) -> Response:
        visit = cast("Visit", told["visit"])
        try:
            return await made(*args, **told)
        except Problem as problem:
            if problem.status not in _NOWHERE:
                raise
            return missing(visit)
        except Transient:
            return broken(visit)

    return answer


def missing(visit: Visit) -> HTMLResponse:
    return rendering.page("message.html", visit, HTTPStatus.NOT_FOUND, current="", title="not_found", detail="not_found_long")


def broken(visit: Visit) -> HTMLResponse:
    shown = {"title": "broken", "detail": "broken_long"}
    return rendering.page("message.html", visit, HTTPStatus.SERVICE_UNAVAILABLE, current="", **shown)


def status_of(visit: Visit) -> int:
    return HTTPStatus.UNPROCESSABLE_ENTITY if visit.wrong else HTTPStatus.OK


def is_id(told: str) -> bool:
    try:
        return str(UUID(told)) == told
    except ValueError:
        return False
