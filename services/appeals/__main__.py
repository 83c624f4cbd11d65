"""Composition root: `python -m services.appeals api` or `worker`."""

from libs.common.booking import BOOKING
from libs.common.contracts import denial_classified
from libs.common.messaging.consumer import Subscription
from libs.common.process import consuming_service
from services.appeals.api import make_app
from services.appeals.handlers import handle_denials
from services.appeals.store import Denial

if __name__ == "__main__":
    consuming_service(
        "appeals",
        make_app,
        [BOOKING, Subscription(denial_classified.TOPIC, denial_classified.TYPE, Denial, handle_denials)],
    )
