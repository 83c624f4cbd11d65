"""Composition root: `python -m services.classifier api` or `worker`."""

from functools import partial
from typing import TYPE_CHECKING

from libs.common.access.verifier import Verifier
from libs.common.clock import Clock
from libs.common.contracts import appeal_decided, appeal_filed, claim_acknowledged, claim_submitted, remit_matched, remit_received
from libs.common.database import Database
from libs.common.messaging.consumer import Subscription
from libs.common.process import consuming_service
from libs.common.retention.forgetting import Forgetter
from libs.common.retention.kinds import with_default
from libs.common.sealing.rewriting import Rewriter, columns
from libs.common.settings import load
from libs.common.tenants.erasing import Eraser
from libs.common.worker import Job
from services.classifier.front_door import AnsweredClaim, handle_answers, handle_submitted
from services.classifier.handlers import RemitToClassify, handle
from services.classifier.learners import LEARNERS
from services.classifier.models.running import ScoreKeeper, Trainer
from services.classifier.odds.book import Book
from services.classifier.odds.handlers import DecidedAppeal, FiledAppeal, handle_decided, handle_filed
from services.classifier.odds.making import OddsMaker
from services.classifier.replays.running import Replayer
from services.classifier.retention import KINDS, MODEL_SCORES
from services.classifier.risk.claims import SubmittedClaim
from services.classifier.risk.intake import MatchedRemit, handle_matched
from services.classifier.seals import HOLDINGS, PLACES
from services.classifier.settings import ClassifierSettings

if TYPE_CHECKING:
    from fastapi import FastAPI


def make_api(database: Database, clock: Clock, verifier: Verifier) -> "FastAPI":
    from services.classifier.api import make_app  # noqa: PLC0415 - a worker starts without what HTTP needs

    settings = load(ClassifierSettings)
    app = make_app(database, clock, verifier, ready_for=[settings.tenant])
    app.state.retention = with_default(app.state.retention, MODEL_SCORES, settings.scores_keep_days)
    return app


def jobs(database: Database, clock: Clock, odds: Book) -> list[Job]:
    """What a worker does beside its consumer."""
    kinds = with_default(KINDS, MODEL_SCORES, load(ClassifierSettings).scores_keep_days)
    return [
        Rewriter(database, columns(PLACES)).run,
        Eraser(database, clock, HOLDINGS).run,
        Replayer(database, clock, odds=odds).run,
        OddsMaker(database, clock, odds).run,
        Trainer(database, clock).run,
        ScoreKeeper(database, LEARNERS).run,
        Forgetter(database, clock, kinds).run,
    ]


if __name__ == "__main__":
    odds = Book()
    consuming_service(
        "classifier",
        make_api,
        [
            Subscription(remit_received.TOPIC, remit_received.TYPE, RemitToClassify, partial(handle, odds=odds)),
            Subscription(claim_acknowledged.TOPIC, claim_acknowledged.TYPE, AnsweredClaim, handle_answers),
            Subscription(claim_submitted.TOPIC, claim_submitted.TYPE, SubmittedClaim, handle_submitted),
            Subscription(appeal_filed.TOPIC, appeal_filed.TYPE, FiledAppeal, handle_filed),
            Subscription(appeal_decided.TOPIC, appeal_decided.TYPE, DecidedAppeal, handle_decided),
            Subscription(remit_matched.TOPIC, remit_matched.TYPE, MatchedRemit, handle_matched),
        ],
        partial(jobs, odds=odds),
    )
