"""The way of a claim, put together from what services say of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import yaml

from deploy.local.layout import ROOT
from libs.client.tracing import READERS, steps
from libs.client.trail_shapes import TakenEvent, ToldEvent, Trail

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
REMIT, DENIAL = UUID(int=1), UUID(int=2)


def told(event_id: UUID, type_: str, millis: int, *, sent: bool | None = None) -> ToldEvent:
    return ToldEvent(event_id, f"recours.{type_}.v1", AT + timedelta(milliseconds=millis), None, "ab" * 16, sent)


def took(event_id: UUID, millis: int) -> TakenEvent:
    return TakenEvent(event_id, AT + timedelta(milliseconds=millis))


NOTHING = Trail([], [])


def test_what_was_told_and_taken_is_one_line_of_time_and_what_waits_stands_last() -> None:
    trails = {
        "ingest": Trail([told(REMIT, "remit.received", 0)], []),
        "classifier": Trail([told(DENIAL, "denial.classified", 40, sent=True)], [took(REMIT, 25)]),
        "appeals": Trail([], [took(DENIAL, 90)]),
        "analytics": Trail([], [took(REMIT, 30)]),
    }
    found = [(step.service, step.what, step.after_ms) for step in steps(trails, AT + timedelta(seconds=1))]
    assert found == [
        ("ingest", "told remit.received", None),
        ("classifier", "took remit.received", 25),
        ("analytics", "took remit.received", 30),
        ("classifier", "told denial.classified", None),
        ("appeals", "took denial.classified", 50),
        ("appeals", "has not taken remit.received yet", None),
        ("analytics", "has not taken denial.classified yet", None),
    ]


def test_what_the_relay_has_not_sent_waits_there_and_nowhere_else() -> None:
    trails = {"classifier": Trail([told(DENIAL, "denial.classified", 0, sent=False)], []), "appeals": NOTHING, "analytics": NOTHING}
    waiting = [(step.service, step.what) for step in steps(trails, AT) if step.at is None]
    assert waiting == [("classifier", "denial.classified waits to be sent")]


def test_of_what_was_told_long_ago_nobody_says_that_it_waits() -> None:
    trails = {"ingest": Trail([told(REMIT, "remit.received", 0)], []), "classifier": NOTHING, "appeals": NOTHING}
    assert [step.what for step in steps(trails, AT + timedelta(days=8))] == ["told remit.received"]


def test_a_clock_that_is_behind_makes_no_negative_time() -> None:
    trails = {"ingest": Trail([told(REMIT, "remit.received", 10)], []), "classifier": Trail([], [took(REMIT, 4)])}
    assert [step.after_ms for step in steps(trails, AT) if step.what.startswith("took")] == [0]


def test_who_reads_what_is_as_the_topics_have_it() -> None:
    topics = yaml.safe_load((ROOT / "deploy" / "topics.yaml").read_text())["topics"]
    assert {name: tuple(topic["groups"]) for name, topic in topics.items()} == dict(READERS)
