"""Steady load of known truth: 835 files and single claims come at their times, whatever is acknowledged by then.

Some clients post them, again and again until each is acknowledged; some are sent twice.
"""

import queue
import random
import threading
import time
from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Any, Self

import httpx
from msgspec import Struct

from libs.synthetic import Interchange, remittances
from services.ingest.claims.examples import PROFESSIONAL
from tests.support.access import bearer

_CLIENTS = 6
_CLAIMS_A_FILE = 25
_CLAIMS_BESIDE_A_FILE = 2  # so many are posted alone, as JSON, for each file
_SENT_TWICE = 0.2  # a client that got no answer cannot know; so the same comes again
_RETRY_SECONDS = 0.1
_PATIENCE_SECONDS = 10.0
_GIVEN_UP_SECONDS = 180.0


class _Sending(Struct, frozen=True):
    """What one client posts, so many times."""

    path: str
    what: dict[str, Any]
    times: int
    known_as: Interchange | str


class Load:
    """Posts for a year of its own while it is entered; `files` and `claims` (account numbers) are those that were acknowledged.

    `due` says when (on the monotonic clock) how many claims came in files, acknowledged by now or not; `refusals` why something
    had to be posted again.
    """

    def __init__(self, url: str, seed: int, year: int, files_a_second: float, *, keeps_connections: bool = True) -> None:
        self.year = year
        self._headers = {} if keeps_connections else {"Connection": "close"}
        self.files: list[Interchange] = []
        self.claims: list[str] = []
        self.due: list[tuple[float, int]] = []
        self.refusals: list[str] = []
        self._url = url
        self._draw = random.Random(f"{seed} load")
        self._source = remittances(seed, claims_per_file=_CLAIMS_A_FILE, first_on=date(year, 1, 1))
        self._waiting: queue.Queue[_Sending | None] = queue.Queue()
        self._end = threading.Event()
        self._feeders = [
            threading.Thread(target=self._feed, args=(self._files(), 1 / files_a_second), daemon=True),
            threading.Thread(target=self._feed, args=(self._claims(), 1 / files_a_second / _CLAIMS_BESIDE_A_FILE), daemon=True),
        ]
        self._clients = [threading.Thread(target=self._send, daemon=True) for _ in range(_CLIENTS)]
        self._failed: list[str] = []

    def __enter__(self) -> Self:
        for thread in (*self._feeders, *self._clients):
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def retries(self) -> int:
        return len(self.refusals)

    def end(self) -> None:
        """Stop making more; return when the last of what was made is acknowledged."""
        if not self._end.is_set():
            self._end.set()
            for thread in self._feeders:
                thread.join()
            for _ in range(_CLIENTS):
                self._waiting.put(None)
        for thread in self._clients:
            thread.join()
        assert not self._failed, self._failed

    def _feed(self, source: Iterator[_Sending], pause_seconds: float) -> None:
        at = time.monotonic()
        while not self._end.wait(max(0.0, at - time.monotonic())):
            sending = next(source)
            if isinstance(sending.known_as, Interchange):
                self.due.append((at, len(sending.known_as.answers())))
            self._waiting.put(sending)
            at += pause_seconds

    def _files(self) -> Iterator[_Sending]:
        for file in self._source:
            yield _Sending("/v1/interchanges", {"content": file.body}, self._times(), file)

    def _claims(self) -> Iterator[_Sending]:
        for number in count(1):
            account = f"CH{self.year}N{number}"
            yield _Sending("/v1/claims", {"json": PROFESSIONAL | {"patient_control_number": account}}, self._times(), account)

    def _times(self) -> int:
        return 2 if self._draw.random() < _SENT_TWICE else 1

    def _send(self) -> None:
        with httpx.Client(headers=bearer() | self._headers, timeout=_PATIENCE_SECONDS) as client:
            while (sending := self._waiting.get()) is not None:
                if all(self._post(client, sending) for _ in range(sending.times)):
                    if isinstance(sending.known_as, str):
                        self.claims.append(sending.known_as)
                    else:
                        self.files.append(sending.known_as)

    def _post(self, client: httpx.Client, sending: _Sending) -> bool:
        given_up_at = time.monotonic() + _GIVEN_UP_SECONDS
        while time.monotonic() < given_up_at:
            why = self._try(client, sending)
            if not why:
                return True
            if why.startswith("4") and not why.startswith("429"):
                self._failed.append(f"{sending.path} was refused: {why}")
                return False
            self.refusals.append(f"{sending.path}: {why}")
            time.sleep(_RETRY_SECONDS)
        self._failed.append(f"{sending.path} was not acknowledged within {_GIVEN_UP_SECONDS:g} s")
        return False

    def _try(self, client: httpx.Client, sending: _Sending) -> str:
        """Post once; say why it was not acknowledged, "" when it was."""
        try:
            answer = client.post(self._url + sending.path, **sending.what)
        except httpx.HTTPError as error:
            return repr(error)
        return "" if answer.is_success else f"{answer.status_code} {answer.text[:200]}"
