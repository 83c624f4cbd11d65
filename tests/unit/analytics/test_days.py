"""The day of an instant is UTC's, which every day has a midnight of, wherever the instant was written down."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from services.analytics.events import answer_of

NO_MIDNIGHT = ZoneInfo("America/Sao_Paulo")  # on 4 November 2018, 0:00 to 0:59 was left out there


def day_of(at: datetime) -> date:
    told = SimpleNamespace(acknowledgement_id="1", received_at=at, status="accepted", claim_id=None)
    return answer_of(cast("Any", SimpleNamespace(data=told, sequence=1))).known_on


@pytest.mark.parametrize("minutes", range(-180, 181, 20))
def test_a_midnight_that_is_missing_somewhere_moves_no_day(minutes: int) -> None:
    at = datetime(2018, 11, 4, 3, 0, tzinfo=UTC) + timedelta(minutes=minutes)  # where the hour is left out
    assert day_of(at.astimezone(NO_MIDNIGHT)) == day_of(at) == date(2018, 11, 4)


def test_days_change_at_midnight_utc() -> None:
    last = datetime(2018, 11, 4, 23, 59, 59, tzinfo=UTC).astimezone(NO_MIDNIGHT)
    assert (day_of(last), day_of(last + timedelta(seconds=1))) == (date(2018, 11, 4), date(2018, 11, 5))
