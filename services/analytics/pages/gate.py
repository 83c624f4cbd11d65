"""How people come in: who may, under which name browsers know this host, and the cookies that say that they are in."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

import msgspec
from fastapi import Request, Response

from libs.common.access.caller import Caller
from services.analytics.pages.oidc import Provider
from services.analytics.pages.sealing import Sealer, T
from services.analytics.pages.sessions import FLOW_LASTS, LASTS, Flow, Session, origin_of

Kind = Literal["session", "flow", "visitor"]
Check = Callable[[str], Awaitable[Caller]]
_STATE_SHOWN: Final = 12  # characters of a flow's state in the name of its cookie
_LASTS: Final[Mapping[Kind, float]] = {"session": LASTS.total_seconds(), "flow": FLOW_LASTS.total_seconds(), "visitor": 3_600}


class Gate:
    """One for a process. With a provider people sign in there; without one, by a token that `check` knows (Errors: Denied)."""

    def __init__(self, secret: bytes, check: Check, public_url: str | None = None, provider: Provider | None = None) -> None:
        self.sealer = Sealer(secret)
        self.check = check
        self.provider = provider
        self._public_url = public_url

    async def close(self) -> None:
        if self.provider is not None:
            await self.provider.close()

    def origin(self, request: Request) -> str | None:
        """Return as what the browser knows this host; None where nobody may come in under that name."""
        return origin_of(self._public_url, request.headers.get("host"))

    @property
    def is_secure(self) -> bool:
        return bool(self._public_url and self._public_url.startswith("https://"))

    def _name(self, kind: Kind) -> str:
        """Cookies of this prefix are taken by browsers from this very host alone, over TLS alone."""
        return f"__Host-recours_{kind}" if self.is_secure else f"recours_{kind}"

    def told(self, request: Request, kind: Kind) -> str | None:
        return request.cookies.get(self._name(kind))

    def opened(self, request: Request, kind: Kind, shape: type[T]) -> T | None:
        return self.sealer.open(kind, self.told(request, kind), shape)

    def give(self, answer: Response, kind: Kind, what: msgspec.Struct | str) -> None:
        told = what if isinstance(what, str) else self.sealer.seal(kind, what)
        self._set(answer, self._name(kind), told, int(_LASTS[kind]))

    def take(self, answer: Response, kind: Kind) -> None:
        self._set(answer, self._name(kind), "", 0)

    def flow(self, request: Request, state: str) -> Flow | None:
        """Return the sign-in of this state that this browser began. Each has a cookie of its own: a browser has many windows."""
        flow = self.sealer.open("flow", request.cookies.get(self._flow(state)), Flow)
        return flow if flow is not None and hmac.compare_digest(state.encode(), flow.state.encode()) else None

    def send(self, answer: Response, flow: Flow) -> None:
        self._set(answer, self._flow(flow.state), self.sealer.seal("flow", flow), int(_LASTS["flow"]))

    def end(self, answer: Response, flow: Flow) -> None:
        self._set(answer, self._flow(flow.state), "", 0)

    def _flow(self, state: str) -> str:
        return f"{self._name('flow')}_{state[:_STATE_SHOWN]}"

    def _set(self, answer: Response, name: str, told: str, lasts: int) -> None:
        answer.set_cookie(name, told, max_age=lasts, path="/", httponly=True, samesite="lax", secure=self.is_secure)

    def mark(self, session: Session) -> str:
        """Return what a form of this session carries."""
        return self.sealer.mark("form", session.session_id)
