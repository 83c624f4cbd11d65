"""Composition root: `python -m services.ingest api` or `worker`."""

import time

from libs.common.audit.jobs import audit_jobs
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.messaging.relay import Relay
from libs.common.process import health_job, open_database, role_of, start
from libs.common.retention.forgetting import Forgetter
from libs.common.sealing.master import require_master
from libs.common.sealing.rewriting import Rewriter, columns
from libs.common.settings import own_tokens, verifier_of
from libs.common.tenants.erasing import Eraser
from libs.common.watching import at_ledger, at_outbox, watch_jobs
from libs.common.worker import Job, run, run_jobs, upkeep
from services.ingest.followups.scan import FollowupScan
from services.ingest.measures import at_files
from services.ingest.reading import IntakeReader
from services.ingest.reference.loading import ReferenceLoader
from services.ingest.retention import KINDS
from services.ingest.sandbox.payer import SandboxPayer
from services.ingest.seals import HOLDINGS, PLACES
from services.ingest.settings import IngestSettings

SERVICE = "ingest"


async def work(database: Database, settings: IngestSettings) -> None:
    """Read files, relay events, follow up what waits, and tend the spine, in one process."""
    sandbox = settings.sandbox()
    reader = IntakeReader(database, SystemClock(), settings.pseudonym_key.get_secret_value().encode(), sandbox)
    relay = Relay(database, bootstrap=settings.kafka, access=settings.broker_access(), source=f"recours/{SERVICE}")
    loader = ReferenceLoader(database, SystemClock())
    scan = FollowupScan(database, SystemClock())
    rewriter = Rewriter(database, columns(PLACES))
    eraser = Eraser(database, SystemClock(), HOLDINGS)
    jobs: list[Job] = [reader.run, relay.run, database.listener.run, loader.run, scan.run, rewriter.run, eraser.run]
    jobs.append(lambda: upkeep(database))
    jobs.append(Forgetter(database, SystemClock(), KINDS).run)
    jobs += audit_jobs(SERVICE, settings, database)
    jobs += watch_jobs(at_outbox(database), at_ledger(database), at_files(database))
    if sandbox.tenants:
        jobs.append(SandboxPayer(database, SystemClock(), sandbox.tenants).run)
    await run_jobs(jobs + health_job(settings, database, relay=relay.check))
    await database.close()


def answer(database: Database, settings: IngestSettings) -> None:
    """Serve the API."""
    from libs.common.http.serve import serve  # noqa: PLC0415 - a worker starts without what HTTP needs
    from services.ingest.api import make_app  # noqa: PLC0415 - as above
    from services.ingest.checks.risk import RiskDesk  # noqa: PLC0415 - as above
    from services.ingest.waiting import Waiting  # noqa: PLC0415 - as above

    app = make_app(database, SystemClock(), verifier_of(settings))
    app.state.pseudonym_key = settings.pseudonym_key.get_secret_value().encode()
    app.state.sandbox = settings.sandbox()
    app.state.small_zip3 = settings.small_zip3()
    app.state.waiting = Waiting(settings.waiting_bytes, time.monotonic)
    classifier_url = str(settings.classifier_url) if settings.classifier_url else None
    app.state.risk = RiskDesk(classifier_url, own_tokens(SERVICE, settings))
    serve(app, settings)


def main() -> None:
    role = role_of(SERVICE)
    settings = start(SERVICE, role, IngestSettings)
    require_master()
    database = open_database(SERVICE, role, settings)
    if role == "api":
        answer(database, settings)
    else:
        run(lambda: work(database, settings))


if __name__ == "__main__":
    main()
