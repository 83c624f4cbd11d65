"""Where bytes rest outside of the database: a folder, or an object store of any kind."""

import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from obstore.store import LocalStore, ObjectStore, from_url

_UNFINISHED: Final = re.compile(r".+#[0-9]+")  # how a LocalStore names a file that is still being written, and lists none of them


def open_store(told: str) -> ObjectStore:
    """Return the store at a URL, or the folder of this name."""
    return from_url(told) if "://" in told else LocalStore(Path(told).resolve(), mkdir=True)


def discard_unfinished(store: ObjectStore, before: datetime) -> int:
    """Remove the files of a folder that a process began before a moment and did not live to finish; return how many.

    An object store of another kind shows none: it forgets them by a rule of its own (docs/appeals.md).
    """
    if not isinstance(store, LocalStore) or store.prefix is None:
        return 0
    count = 0
    for path in store.prefix.rglob("*#*"):
        with suppress(FileNotFoundError):  # it was finished meanwhile
            if _UNFINISHED.fullmatch(path.name) and path.stat().st_mtime < before.timestamp():
                path.unlink()
                count += 1
    return count
