"""Composition root: `python -m services.analytics api` or `worker`."""

from libs.common.contracts import denial_classified, remit_received
from libs.common.messaging.consumer import Subscription
from libs.common.process import consuming_service
from services.analytics.api import make_app
from services.analytics.handlers import Remit, handle_denials, handle_remits
from services.analytics.store import Denial

if __name__ == "__main__":
    consuming_service(
        "analytics",
        make_app,
        [
            Subscription(remit_received.TOPIC, remit_received.TYPE, Remit, handle_remits),
            Subscription(denial_classified.TOPIC, denial_classified.TYPE, Denial, handle_denials),
        ],
    )
