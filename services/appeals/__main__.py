"""Composition root: `python -m services.appeals api` or `worker`."""

from typing import TYPE_CHECKING

from libs.common.booking import BOOKING
from libs.common.clock import Clock
from libs.common.contracts import denial_classified
from libs.common.database import Database
from libs.common.messaging.consumer import Subscription
from libs.common.process import consuming_service
from services.appeals.handlers import handle_denials
from services.appeals.store import Denial

if TYPE_CHECKING:
    from fastapi import FastAPI


def make_api(database: Database, clock: Clock, tenant: str) -> "FastAPI":
    from services.appeals.api import make_app  # noqa: PLC0415 - a worker starts without what HTTP needs

    return make_app(database, clock, tenant)


if __name__ == "__main__":
    consuming_service(
        "appeals",
        make_api,
        [BOOKING, Subscription(denial_classified.TOPIC, denial_classified.TYPE, Denial, handle_denials)],
    )
