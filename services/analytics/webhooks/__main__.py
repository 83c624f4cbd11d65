"""The process that queues and posts, beside analytics' worker, which starts it: `python -m services.analytics.webhooks`.

It gives way to the worker where both want the processor.
"""

import os
from typing import Final

from libs.common.beside import until_left_alone
from libs.common.clock import SystemClock
from libs.common.health import serve as serve_health
from libs.common.process import open_database, start
from libs.common.sealing.master import require_master
from libs.common.watching import watch_jobs
from libs.common.worker import Job, run, run_jobs
from services.analytics.measures import at_webhooks
from services.analytics.settings import AnalyticsSettings
from services.analytics.webhooks.fanning import FanOut
from services.analytics.webhooks.sending import WebhookSender

_NICE: Final = 10


async def _work() -> None:
    settings = start("analytics", "webhooks", AnalyticsSettings)
    require_master()
    os.nice(_NICE)
    database = open_database("analytics", "webhooks", settings)
    sender = WebhookSender(database, SystemClock(), loopback=settings.webhook_loopback)
    jobs: list[Job] = [until_left_alone, FanOut(database, SystemClock()).run, sender.run, database.listener.run]
    jobs += watch_jobs(at_webhooks(database))
    port = settings.webhooks_health_port
    if port is not None:
        jobs.append(lambda: serve_health(settings.host, port, {"database": database.ping}))
    await run_jobs(jobs)
    await database.close()


if __name__ == "__main__":
    run(_work)
