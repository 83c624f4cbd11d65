"""Composition root: `python -m services.appeals api` or `worker`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from libs.common.access.verifier import Verifier
from libs.common.clock import Clock
from libs.common.contracts import denial_classified, records_requested, remit_received
from libs.common.database import Database
from libs.common.messaging.consumer import Subscription
from libs.common.object_stores import open_store
from libs.common.process import consuming_service
from libs.common.retention.forgetting import Forgetter
from libs.common.sealing.rewriting import Rewritable, Rewriter, columns
from libs.common.settings import load, own_tokens
from libs.common.tenants.erasing import Eraser
from libs.common.watching import watch_jobs
from libs.common.worker import Job
from services.appeals.correspondence.clock import PromiseClock
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.sweep import BlobSweep
from services.appeals.evidence.collector import Collector
from services.appeals.filing.sending import Sender
from services.appeals.handlers import Remit, handle_denials, handle_remits, hold
from services.appeals.ingest import Ingest
from services.appeals.letters.builder import PacketBuilder
from services.appeals.letters.sweep import PacketSweep
from services.appeals.measures import at_deadlines
from services.appeals.records.attaching import handle_requests
from services.appeals.records.store import Asked
from services.appeals.retention import KINDS
from services.appeals.seals import PLACES, holdings
from services.appeals.settings import AppealsSettings
from services.appeals.store import Denial
from services.appeals.worklist.bulk import BulkRunner
from services.appeals.worklist.clock import CaseClock

if TYPE_CHECKING:
    from fastapi import FastAPI

SERVICE = "appeals"


def make_api(database: Database, clock: Clock, verifier: Verifier) -> "FastAPI":
    from services.appeals.api import make_app  # noqa: PLC0415 - a worker starts without what HTTP needs
    from services.appeals.documents.keeping import Desk  # noqa: PLC0415 - as above
    from services.appeals.letters.meanings import Meanings  # noqa: PLC0415 - as above

    settings = load(AppealsSettings)
    app = make_app(database, clock, verifier)
    own = own_tokens(SERVICE, settings)
    app.state.ingest = Ingest(str(settings.ingest_url) if settings.ingest_url else None, own)
    app.state.meanings = Meanings(str(settings.classifier_url) if settings.classifier_url else None, own)
    app.state.channels = frozenset(settings.channels())
    blobs, packets = Blobs(open_store(settings.documents_url), database), Blobs(open_store(settings.packets_url), database)
    app.state.documents, app.state.packets, app.state.holdings = Desk(blobs), packets, holdings(blobs, packets)
    return app


def jobs_of(database: Database, clock: Clock) -> Sequence[Job]:
    settings = load(AppealsSettings)
    blobs, packets = Blobs(open_store(settings.documents_url), database), Blobs(open_store(settings.packets_url), database)
    places: dict[str, Rewritable] = {"documents": blobs, "packets": packets}
    jobs: list[Job] = [
        Rewriter(database, places | columns(PLACES)).run,
        Eraser(database, clock, holdings(blobs, packets)).run,
        Forgetter(database, clock, KINDS).run,
        BlobSweep(database, clock, blobs).run,
        PacketSweep(database, clock, packets).run,
        PacketBuilder(database, clock, blobs, packets).run,
        Sender(database, clock, blobs, packets, settings.channels()).run,
        CaseClock(database, clock).run,
        PromiseClock(database, clock).run,
        BulkRunner(database, clock).run,
        *watch_jobs(at_deadlines(database, clock)),
    ]
    if settings.ingest_url:  # without one there is nobody to ask
        ingest = Ingest(str(settings.ingest_url), own_tokens(SERVICE, settings))
        jobs.append(Collector(database, clock, blobs, ingest).run)
    return jobs


if __name__ == "__main__":
    consuming_service(
        SERVICE,
        make_api,
        [
            Subscription(remit_received.TOPIC, remit_received.TYPE, Remit, handle_remits),
            Subscription(denial_classified.TOPIC, denial_classified.TYPE, Denial, handle_denials),
            Subscription(records_requested.TOPIC, records_requested.TYPE, Asked, handle_requests),
        ],
        jobs_of,
        hold,
        patient=True,  # nobody waits for a case to be opened; gathered, many cost little more than one
    )
