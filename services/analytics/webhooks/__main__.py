"""The process that queues and posts, beside analytics' worker, which starts it: `python -m services.analytics.webhooks`.

It gives way to the worker where both want the processor.
"""

import os
from typing import Final

from libs.common.beside import until_left_alone
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.process import start
from libs.common.worker import run, run_jobs
from services.analytics.settings import AnalyticsSettings
from services.analytics.webhooks.fanning import FanOut
from services.analytics.webhooks.sending import WebhookSender

_NICE: Final = 10


async def _work() -> None:
    settings = start("analytics", AnalyticsSettings)
    os.nice(_NICE)
    database = Database(settings.database_url.get_secret_value(), application_name="recours-analytics-webhooks")
    sender = WebhookSender(database, SystemClock(), loopback=settings.webhook_loopback)
    await run_jobs([until_left_alone, FanOut(database, SystemClock()).run, sender.run])
    await database.close()


if __name__ == "__main__":
    run(_work)
