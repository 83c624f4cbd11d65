"""Composition root: `python -m services.classifier api` or `worker`."""

import sys

from libs.common import logs, telemetry
from libs.common.clock import SystemClock
from libs.common.contracts import remit_received
from libs.common.database import Database
from libs.common.http.serve import serve
from libs.common.messaging.consumer import Consumer, Subscription
from libs.common.messaging.relay import Relay
from libs.common.settings import CommonSettings
from libs.common.worker import run, run_jobs, upkeep
from services.classifier.api import make_app
from services.classifier.handlers import RemitToClassify, handle

SERVICE = "classifier"
