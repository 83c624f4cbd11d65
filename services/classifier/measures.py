"""What the classifier measures beside what every service does."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from libs.common.metrics import LONG_SECONDS, histogram

DELAY: Final = histogram(
    "recours.classification.delay",
    "s",
    "From a file's POST to the transaction that writes its `denial.classified` events: one observation a file in a batch.",
    {},
    LONG_SECONDS,
)


def observe_delays(received_at: Iterable[datetime], now: datetime) -> None:
    """Observe each moment once: claims of one file came together."""
    for each in set(received_at):
        DELAY.record(max(0.0, (now - each).total_seconds()))
