"""Another tenant of a running stack: the tenant of an API process is a setting, so it has API processes of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.local import access
from deploy.local.layout import ROOT, SERVICES, Ports
from deploy.local.stack import Stack
from tests.support import eventually, is_ready
from tests.support.system import System


@contextmanager
def another_tenant(stack: Stack, tenant: str, logs: Path, **told: str) -> Iterator[System]:
    """Start the four APIs for a tenant and stop them at the end; the workers are the stack's own."""
    ports = Ports.free()
    with ExitStack() as running:
        for service in SERVICES:
            environment = {
                **os.environ,
                "RECOURS_DATABASE_URL": stack.database_url(service, "api"),
                "RECOURS_KAFKA": stack.bootstrap,
                "RECOURS_PORT": ports.url(service).rpartition(":")[2],
                "RECOURS_TENANT": tenant,
                **access.environment(stack.folder, service),
                "RECOURS_JWKS": os.environ["RECOURS_JWKS"],
                "RECOURS_PSEUDONYM_KEY": "a key for tests alone",
                **told,
            }
            log = running.enter_context((logs / f"{service}.log").open("wb"))
            command = [sys.executable, "-m", f"services.{service}", "api"]
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            running.callback(process.wait)
            running.callback(process.terminate)
        eventually(lambda: all(is_ready(ports.url(service)) for service in SERVICES))
        system = System(stack, ports, tenant)
        running.callback(system.close)
        yield system
