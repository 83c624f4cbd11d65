"""What every worker does for the audit log: chain and seal, anchor, and cut off what was kept long enough."""

import sys
from datetime import timedelta
from typing import Final

from libs.common.audit.anchors import open_anchors
from libs.common.audit.sealing import BATCH, CUT_MAX, AuditAnchorer, AuditCutter, AuditSealer
from libs.common.audit.seals import Signer
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.settings import CommonSettings
from libs.common.worker import Job, work_off

_SEAL_SECONDS: Final = 1.0
_CUT_SECONDS: Final = 3600.0


def audit_jobs(service: str, settings: CommonSettings, database: Database) -> list[Job]:
    clock, secret = SystemClock(), settings.audit_signing_key
    signer = Signer(secret.get_secret_value()) if secret is not None else None
    sealer = AuditSealer(service, database, clock, signer)
    anchorer = AuditAnchorer(service, database, open_anchors(settings.audit_anchors_url), signer)
    cutter = AuditCutter(sealer, database, clock, timedelta(days=settings.audit_keep_days))
    often, all_at_once = settings.audit_anchor_seconds, sys.maxsize
    return [
        lambda: work_off(sealer.seal, idle_seconds=_SEAL_SECONDS, waiting="audit_sealer_waits", full=BATCH),
        lambda: work_off(anchorer.anchor, idle_seconds=often, waiting="audit_anchorer_waits", full=all_at_once),
        lambda: work_off(cutter.cut, idle_seconds=_CUT_SECONDS, waiting="audit_cutter_waits", full=CUT_MAX),
    ]
