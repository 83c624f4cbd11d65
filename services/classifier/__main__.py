"""Composition root: `python -m services.classifier api` or `worker`."""

from libs.common.contracts import remit_received
from libs.common.messaging.consumer import Subscription
from libs.common.process import consuming_service
from services.classifier.api import make_app
from services.classifier.handlers import RemitToClassify, handle

if __name__ == "__main__":
    consuming_service(
        "classifier",
        make_app,
        [Subscription(remit_received.TOPIC, remit_received.TYPE, RemitToClassify, handle)],
    )
