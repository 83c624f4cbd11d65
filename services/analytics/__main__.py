"""Composition root: `python -m services.analytics api` or `worker`."""

from typing import TYPE_CHECKING

from libs.common.access.verifier import Verifier
from libs.common.beside import run_beside
from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.messaging.lag import places
from libs.common.process import consuming_service
from libs.common.retention.forgetting import Forgetter
from libs.common.sealing.rewriting import Rewriter, columns
from libs.common.settings import load, own_tokens
from libs.common.tenants.erasing import Eraser
from libs.common.worker import Job
from services.analytics.alerts.scan import AlertScan
from services.analytics.audits.labelling import Classifier, Labeller
from services.analytics.audits.running import Drawer
from services.analytics.audits.scheduling import Scheduler
from services.analytics.day_ends import DayEnds
from services.analytics.handlers import SUBSCRIPTIONS
from services.analytics.recounts.running import Recounter
from services.analytics.reports.making import ReportMaker
from services.analytics.retention import KINDS
from services.analytics.seals import HOLDINGS, PLACES
from services.analytics.settings import AnalyticsSettings
from services.analytics.webhooks.messages import keep_events

if TYPE_CHECKING:
    from fastapi import FastAPI

SERVICE = "analytics"


def make_api(database: Database, clock: Clock, verifier: Verifier) -> "FastAPI":
    from services.analytics.api import make_app  # noqa: PLC0415 - a worker starts without what HTTP needs
    from services.analytics.causes.ingest import Rules  # noqa: PLC0415 - as above
    from services.analytics.pages.neighbours import Neighbours  # noqa: PLC0415 - as above
    from services.analytics.pages.opening import open_gate  # noqa: PLC0415 - as above

    settings = load(AnalyticsSettings)
    own = own_tokens(SERVICE, settings)
    app = make_app(
        database,
        clock,
        verifier,
        settings.rework_cost_cents,
        webhook_loopback=settings.webhook_loopback,
        neighbours=Neighbours(settings.urls(), own),
        gate=open_gate(settings, clock, verifier.caller_of),
    )
    app.state.kafka, app.state.broker_access = settings.kafka, settings.broker_access()
    app.state.traces_url = str(settings.traces_url) if settings.traces_url else None
    app.state.rules = Rules(str(settings.ingest_url) if settings.ingest_url else None, own)
    return app


def jobs_of(database: Database, clock: Clock) -> list[Job]:
    settings = load(AnalyticsSettings)
    topics = sorted({each.topic for each in SUBSCRIPTIONS})
    jobs: list[Job] = [
        DayEnds(database, clock, lambda: places(settings.kafka, settings.broker_access(), SERVICE, topics)).run,
        Rewriter(database, columns(PLACES)).run,
        Eraser(database, clock, HOLDINGS).run,
        Forgetter(database, clock, KINDS).run,
        Recounter(database, clock, bootstrap=settings.kafka, access=settings.broker_access()).run,
        AlertScan(database, clock).run,
        lambda: run_beside("services.analytics.webhooks"),
        Drawer(database, clock).run,
        Scheduler(database, clock).run,
        ReportMaker(database, clock).run,
    ]
    if settings.classifier_url:  # without one there is nobody to tell
        classifier = Classifier(str(settings.classifier_url), own_tokens(SERVICE, settings))
        jobs.append(Labeller(database, classifier).run)
    return jobs


if __name__ == "__main__":
    consuming_service(
        SERVICE,
        make_api,
        SUBSCRIPTIONS,
        jobs_of,
        keep_events,
        patient=True,  # a figure may be half a second late; gathered, many events cost little more than one
    )
