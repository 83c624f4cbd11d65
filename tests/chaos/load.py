"""Steady load of known truth: some clients post files, and again, until each is acknowledged; some files are sent twice."""

import queue
import random
import threading
import time
from collections.abc import Iterator
from datetime import date
from typing import Self

import httpx

from libs.synthetic import Interchange, remittances
from tests.support.access import bearer

_CLIENTS = 3
_CLAIMS_A_FILE = 25
_SENT_TWICE = 0.2  # a client that got no answer cannot know; so the same file comes again
_RETRY_SECONDS = 0.1


class Load:
    """Posts files of a year of its own while it is entered; `files` are those that were acknowledged."""

    def __init__(self, url: str, seed: int, year: int, files_a_second: float) -> None:
        self.year = year
        self.files: list[Interchange] = []
        self.retries = 0
        self._url = url + "/v1/interchanges"
        self._draw = random.Random(f"{seed} load")
        self._source = remittances(seed, claims_per_file=_CLAIMS_A_FILE, first_on=date(year, 1, 1))
        self._pause_seconds = 1 / files_a_second
        self._waiting: queue.Queue[tuple[Interchange, int]] = queue.Queue(maxsize=_CLIENTS)
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._feed), *(threading.Thread(target=self._send) for _ in range(_CLIENTS))]
        self._failed: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop making files; return when the last of those that were made is acknowledged."""
        self._end.set()
        for thread in self._threads:
            thread.join()
        assert not self._failed, self._failed

    def _feed(self) -> None:
        for file in self._files():
            self._waiting.put((file, 2 if self._draw.random() < _SENT_TWICE else 1))
            if self._end.wait(self._pause_seconds):
                break
        for _ in range(_CLIENTS):
            self._waiting.put((file, 0))

    def _files(self) -> Iterator[Interchange]:
        yield from self._source

    def _send(self) -> None:
        with httpx.Client(headers=bearer(), timeout=30) as client:
            while True:
                file, times = self._waiting.get()
                if not times:
                    return
                for _ in range(times):
                    self._post(client, file)
                self.files.append(file)

    def _post(self, client: httpx.Client, file: Interchange) -> None:
        while True:
            try:
                answer = client.post(self._url, content=file.body)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code in (200, 202):
                return
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                self._failed.append(f"{file.name} was refused with {answer.status_code}")
                return
            self.retries += 1
            time.sleep(_RETRY_SECONDS)
