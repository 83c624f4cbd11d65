"""A PostgreSQL of a benchmark's own, with one service's newest schema."""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local import provision
from deploy.local.layout import Ports, Secrets
from deploy.local.stack import Stack

_NAME = "bench"


@contextmanager
def own_database(service: str) -> Iterator[tuple[Stack, Mapping[str, str]]]:
    """Start it and yield it with the database's URLs by role (owner, api, worker); at the end nothing is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), Ports.free(), services=())
        stack.start()
        try:
            secrets = Secrets(Path(folder) / "secrets.json")
            asyncio.run(provision.make_roles(stack.admin_url, service, secrets))
            asyncio.run(provision.make_database(stack.admin_url, service, name=_NAME))
            roles = ("owner", "api", "worker")
            urls = {role: provision.role_url(stack.admin_url, service, role, secrets, _NAME) for role in roles}
            provision.migrate(service, urls["owner"])
            yield stack, urls
        finally:
            stack.discard()
