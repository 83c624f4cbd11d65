"""Clients that read: each service is asked over and over, and every answer that is none is noted."""

from functools import partial
from typing import Final

import httpx

from deploy.local.stack import Stack
from tests.support.access import bearer
from tests.support.beside import Beside

QUESTIONS: Final = {
    "ingest": "/v1/ledger",
    "classifier": "/v1/denials?limit=20",
    "appeals": "/v1/cases?limit=20",
    "analytics": "/v1/denial-rate?group_by=payer",
}
_PAUSE_SECONDS = 0.1
_PATIENCE_SECONDS = 30.0


class Asking(Beside):
    """Asks while it is entered, nothing twice; `failed` says what was not answered with 200, `asked` how much was asked."""

    def __init__(self, stack: Stack, *, keeps_connections: bool = True) -> None:
        self.failed: list[str] = []
        self.asked = 0
        self._headers = {} if keeps_connections else {"Connection": "close"}
        super().__init__(*(partial(self._ask, stack.url(service) + path) for service, path in QUESTIONS.items()))

    def _ask(self, url: str) -> None:
        with httpx.Client(headers=bearer() | self._headers, timeout=_PATIENCE_SECONDS) as client:
            while not self._end.wait(_PAUSE_SECONDS):
                self.asked += 1
                try:
                    answer = client.get(url)
                except httpx.HTTPError as error:
                    self.failed.append(f"{url}: {error!r}")
                    continue
                if answer.status_code != httpx.codes.OK:
                    self.failed.append(f"{url}: {answer.status_code} {answer.text[:200]}")
