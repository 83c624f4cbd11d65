"""Work that goes on in threads beside a test, for as long as it is entered."""

import threading
from collections.abc import Callable
from typing import Self


class Beside:
    """Does each work in a thread of its own while it is entered. A work ends once `_end` is set; all have when it is left."""

    def __init__(self, *works: Callable[[], None]) -> None:
        self._end = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in works]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
