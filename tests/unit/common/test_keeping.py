"""What is kept outlives what may still ask for it."""

from deploy.local.provision import wanted_topics
from libs.common.worker import INBOX_KEEP_DAYS, OUTBOX_KEEP_DAYS

DAY_MS = 24 * 3600 * 1000


def test_the_inbox_outlives_a_record_that_was_replayed_on_its_last_day() -> None:
    for name, told in wanted_topics().items():
        if name.endswith(".dlq"):
            continue  # nobody of ours reads it
        config = told["config"]
        readable_days = (int(config["retention.ms"]) + int(config["segment.ms"])) / DAY_MS
        assert OUTBOX_KEEP_DAYS + readable_days < INBOX_KEEP_DAYS, name


def test_what_waited_long_in_an_outbox_is_kept_from_its_arrival_on() -> None:
    assert {told["config"]["message.timestamp.type"] for name, told in wanted_topics().items() if not name.endswith(".dlq")} == {
        "LogAppendTime"
    }
