"""The worker ends days by what the broker says: a figure as of yesterday is final, and one of today is not."""

from datetime import UTC, datetime, timedelta

from tests.e2e.test_order import file
from tests.support import eventually
from tests.support.system import System


def test_a_figure_as_of_yesterday_is_final_once_the_worker_has_caught_up(system: System) -> None:
    today = (datetime.now(UTC) - timedelta(minutes=10)).date()
    system.take_in(file("refusal", "88", today - timedelta(days=3)))

    def is_final(days_ago: int) -> bool:
        as_of = (today - timedelta(days=days_ago)).isoformat()
        return bool(system.get("analytics", "/v1/kpis/initial-denial-rate", as_of=as_of)["is_final"])

    eventually(lambda: is_final(1), seconds=90)
    assert not is_final(0)
