"""How a consuming service's two processes are put together, alike for all of them."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from libs.common import logs, metrics, telemetry
from libs.common.access.verifier import Verifier
from libs.common.audit.jobs import audit_jobs
from libs.common.clock import Clock, SystemClock
from libs.common.database import Database
from libs.common.health import Check, broker_answers
from libs.common.health import serve as serve_health
from libs.common.messaging.consumer import Consumer, Hold, Subscription
from libs.common.messaging.relay import Relay
from libs.common.sealing.master import require_master
from libs.common.settings import CommonSettings, S, load, verifier_of
from libs.common.watching import at_group, at_ledger, at_outbox, watch_jobs
from libs.common.worker import Job, run, run_jobs, upkeep

if TYPE_CHECKING:
    from fastapi import FastAPI

MakeApp = Callable[[Database, Clock, Verifier], "FastAPI"]


def consuming_service(
    service: str,
    make_app: MakeApp,
    subscriptions: Sequence[Subscription],
    jobs_of: Callable[[Database, Clock], Sequence[Job]] = lambda _, __: (),
    hold: Hold | None = None,
    patient: bool = False,
) -> None:
    """Run `api` (HTTP) or `worker` (consumer, relay, upkeep and its own jobs in one process), as the command line says."""
    role = role_of(service)
    settings = start(service, role, CommonSettings)
    require_master()
    database = open_database(service, role, settings)
    if role == "api":
        from libs.common.http.serve import serve  # noqa: PLC0415 - a worker starts without what HTTP needs

        serve(make_app(database, SystemClock(), verifier_of(settings)), settings)
        return

    async def work() -> None:
        consumer = Consumer(
            service,
            subscriptions,
            database,
            bootstrap=settings.kafka,
            access=settings.broker_access(),
            clock=SystemClock(),
            instance=settings.instance,
            hold=hold,
            patient=patient,
        )
        relay = Relay(database, bootstrap=settings.kafka, access=settings.broker_access(), source=f"recours/{service}")
        jobs = [consumer.run, relay.run, database.listener.run, lambda: upkeep(database), *jobs_of(database, SystemClock())]
        jobs += audit_jobs(service, settings, database)
        jobs += watch_jobs(at_outbox(database), at_ledger(database), at_group(service, settings.kafka, settings.broker_access()))
        await run_jobs(jobs + health_job(settings, database, consumer=consumer.check, relay=relay.check))
        await database.close()

    run(work)


def health_job(settings: CommonSettings, database: Database, **checks: Check) -> list[Job]:
    """Return the job that answers for the worker's health and metrics, where the settings give it a port."""
    port = settings.health_port
    if port is None:
        return []
    everything = {"database": database.ping, "kafka": lambda: broker_answers(settings.kafka), **checks}
    return [lambda: serve_health(settings.host, port, everything)]


def open_database(service: str, role: str, settings: CommonSettings) -> Database:
    """Return the database as a process of a service uses it: all but the API look up what they are told of, by an index."""
    url = settings.database_url.get_secret_value()
    return Database(url, application_name=f"recours-{service}-{role}", by_index=role != "api")


def role_of(service: str) -> str:
    if len(sys.argv) != 2 or sys.argv[1] not in ("api", "worker"):  # noqa: PLR2004 - the program and its role
        sys.exit(f"usage: python -m services.{service} api|worker")
    return sys.argv[1]


def start(service: str, role: str, kind: type[S]) -> S:
    """Read the environment and set up logs, traces and metrics."""
    settings = load(kind)
    logs.set_up(service, settings.log_level)
    telemetry.set_up(service)
    try:
        metrics.set_up(service, role)
    except ValueError as error:
        sys.exit(str(error))
    return settings
