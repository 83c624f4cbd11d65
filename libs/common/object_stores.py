"""Where bytes rest outside of the database: a folder, or an object store of any kind."""

from pathlib import Path

from obstore.store import LocalStore, ObjectStore, from_url


def open_store(told: str) -> ObjectStore:
    """Return the store at a URL, or the folder of this name."""
    return from_url(told) if "://" in told else LocalStore(Path(told).resolve(), mkdir=True)
