"""What pages are made of, without a page: words, numbers, addresses, drawings, a claim's line of time."""

from datetime import date
from typing import Any, get_args

import pytest

from services.analytics.causes import prevention
from services.analytics.causes.outcomes import DIMENSIONS
from services.analytics.kpis.definitions import KPIS
from services.analytics.pages import appeals, charts, system, timeline
from services.analytics.pages.charts import Node
from services.analytics.pages.formats import LANGUAGES, Formats, bucket_of, buckets
from services.analytics.pages.reading import verdict_of
from services.analytics.pages.visit import language_of, read
from services.analytics.pages.words import LISTS, WORDS, told

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_every_key_figure_is_told_in_french_too(kpi: Any) -> None:
    french, english = told("fr", kpi), told("en", kpi)
    assert french.keys() >= english.keys()
    assert all(french[key] != english[key] for key in ("name", "definition", "pitfalls", "basis"))


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    assert WORDS["en"].keys() == WORDS["fr"].keys()
    assert [key for key in WORDS["en"] if WORDS["en"][key].count("{}") != WORDS["fr"][key].count("{}")] == []
    assert {name: table.keys() for name, table in LISTS["en"].items()} == {
        name: table.keys() for name, table in LISTS["fr"].items()
    }


@pytest.mark.parametrize(
    ("language", "value", "unit", "written"),
    [
        ("en", 0.12345, "share", "12.3%"),
        ("fr", 0.12345, "share", "12,3\u00a0%"),
        ("en", -123_456_789, "cents", "-$1,234,568"),
        ("fr", -123_456_789, "cents", "-1\u00a0234\u00a0568\u00a0$"),
        ("en", 1, "days", "1.0\u00a0day"),
        ("fr", 1.5, "days", "1,5\u00a0jour"),
        ("fr", 2.0, "days", "2,0\u00a0jours"),
        ("en", None, "days", "\u2013"),
    ],
)
def test_figures_are_written_as_a_language_does(language: Any, value: float | None, unit: str, written: str) -> None:
    assert Formats(language).figure(value, unit) == written


def test_a_change_of_a_share_is_in_points_and_good_or_bad_by_what_it_is_of() -> None:
    assert Formats("en").change(-0.012, "share") == "1.2\u00a0points"
    assert verdict_of("initial-denial-rate", -0.012) == "better"
    assert verdict_of("first-pass-rate", -0.012) == "worse"
    assert verdict_of("underpayments", 5) == "worse"
    assert verdict_of("ar-nothing", 5) == "plain"


def test_an_address_is_read_and_written_back_alike() -> None:
    query = [("from", "2026-01-01"), ("to", "2026-01-31"), ("payer", "P&1"), ("payer", "P2"), ("category", "")]
    visit = read("/denials", query, "en", TODAY)
    assert visit.link() == "/denials?from=2026-01-01&to=2026-01-31&payer=P%261&payer=P2&category="
    assert visit.toggled("payer", "P2") == "/denials?from=2026-01-01&to=2026-01-31&payer=P%261&category="
    assert visit.toggled("facility", "F") == visit.link() + "&facility=F"
    assert visit.wrong == ()


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ([("from", "2026-02-30")], ("bad_day",)),
        ([("from", "2026-02-02"), ("to", "2026-02-01")], ("bad_order",)),
        ([("from", "1826-01-01"), ("to", "2026-01-01")], ("too_long",)),
        ([("from", "0001-01-01"), ("to", "9999-12-31")], ("out_of_time",)),
        ([("from", "1799-12-31")], ("out_of_time",)),
        ([("to", "3000-01-01")], ("out_of_time",)),
        ([("payer", "x" * 201)], ("bad_filter",)),
        ([("payer", str(number)) for number in range(51)], ("bad_filter",)),
    ],
)
def test_what_an_address_gets_wrong_is_named_and_the_usual_days_are_shown(query: Any, wrong: tuple[str, ...]) -> None:
    visit = read("/", query, "en", TODAY)
    assert visit.wrong == wrong
    assert (visit.first, visit.last) == (date(2026, 1, 1), TODAY)


def test_days_at_the_ends_of_the_calendar_are_no_bug() -> None:
    assert read("/", [("from", "9999-12-31")], "en", TODAY).wrong == ("out_of_time",)
    assert (read("/", [("from", "2999-12-31")], "en", TODAY).days, read("/", [("to", "1800-01-02")], "en", TODAY).days) == (1, 2)


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "language"),
    [
        ("fr", "en", "en", "fr"),
        ("xx", "fr", "en", "fr"),
        (None, None, "de-DE,fr-CA;q=0.8,en;q=0.5", "fr"),
        (None, None, None, "en"),
    ],
)
def test_the_language_is_what_was_asked_for_kept_or_preferred(
    asked: str | None, kept: str | None, accepted: str | None, language: str
) -> None:
    assert language_of(asked, kept, accepted) == language


def test_a_period_is_cut_so_that_every_bucket_is_there() -> None:
    first, last = date(2026, 1, 1), date(2026, 3, 31)
    assert bucket_of(first, last) == "week"
    weeks = buckets(first, last, "week")
    assert (weeks[0], weeks[-1], len(weeks)) == (date(2025, 12, 29), date(2026, 3, 30), 14)
    assert buckets(date(2025, 12, 31), date(2026, 1, 1), "month") == [date(2025, 12, 1), date(2026, 1, 1)]


@pytest.mark.parametrize(("highest", "top"), [(0.0, 1.0), (0.123, 0.15), (7.0, 8.0), (1e9, 1e9)])
def test_an_axis_ends_on_a_round_number_at_or_above_the_highest(highest: float, top: float) -> None:
    found, ticks = charts.scale(highest)
    assert found == pytest.approx(top)
    assert ticks[-1] == 0
    assert ticks[0] == pytest.approx(found)


def test_a_flow_leaves_out_what_is_empty_and_names_are_escaped() -> None:
    source = Node("Charged", "charged", 100, "$1")
    drawn = charts.flow(source, [Node("<b>", "paid", 99, "$1"), Node("Denied", "denied", 0, "$0")], "paid", [])
    assert "&lt;b&gt;" in drawn
    assert "Denied" not in drawn
    assert charts.flow(Node("Charged", "charged", -5, ""), [], "paid", []) == ""


def test_bands_fill_their_space_and_none_is_too_small_for_its_words() -> None:
    nodes = [Node(str(cents), "paid", cents, "") for cents in (1_000_000, 1, 5_000)]
    placed = charts.bands(nodes, 0, 260)
    assert min(each.size for each in placed) == pytest.approx(34)
    assert placed[-1].top + placed[-1].size == pytest.approx(260)


def test_a_line_is_broken_where_there_is_no_value() -> None:
    drawn = charts.line([1.0, 2.0, None, 3.0], 4.0)
    assert drawn.count('class="stroke"') == 2
    assert charts.line([None, None], 1.0).count("<path") == 0


def test_steps_stand_in_time_whoever_told_them_and_an_absent_service_is_missing() -> None:
    denial: dict[str, Any] = {
        "status": "retracted",
        "classified_at": "2026-02-03T09:00:00Z",
        "category": "other",
        "denied_cents": 5,
    }
    denial |= {"remit_id": "r", "revision": 2}
    remit = {
        "remit_id": "r",
        "interchange_id": "i",
        "received_at": "2026-02-03T08:00:00Z",
        "payment_on": "2026-02-09",
        "paid_cents": 7,
    }
    found = timeline.steps(None, [remit], [denial], [], {"i": "trace"})
    assert [(each.word, each.trace) for each in found] == [("answered", "trace"), ("judged_retracted", None)]
    assert all(f"step_{each.word}" in WORDS["en"] for each in found)


def test_a_day_alone_stands_behind_what_led_to_it() -> None:
    claim = {
        "service_from_on": "2026-02-02",
        "charge_cents": 9,
        "history": [{"at": "2026-02-02T08:00:00Z", "why": "submitted", "state": "submitted", "cause_id": None}],
    }
    denial: dict[str, Any] = {"status": "active", "classified_at": "2026-02-03T09:00:00Z", "category": "other", "denied_cents": 5}
    denial |= {"remit_id": None, "revision": 1}
    told = {"action": "appeal", "filed_at": "2026-02-04T22:00:00Z", "outcome": "overturned", "decided_on": "2026-02-04"}
    found = timeline.steps(claim, [], [denial], [{"remit_id": None, "appeals": [told]}], {})
    assert [each.word for each in found] == ["served", "claim_submitted", "judged", "filed", "decided"]


def test_a_step_has_the_trace_of_what_it_follows_from_and_no_other() -> None:
    remits = [
        {"remit_id": name, "interchange_id": f"in {name}", "received_at": f"2026-02-0{day}T08:00:00Z"}
        | {"payment_on": "2026-02-09", "paid_cents": 7}
        for name, day in (("first", 1), ("second", 5))
    ]
    denial: dict[str, Any] = {"status": "active", "classified_at": "2026-02-01T09:00:00Z", "category": "other", "denied_cents": 5}
    denial |= {"remit_id": "first", "revision": 1}
    steps = [(1, "denial_classified", "open", 2), (2, "The notes are here.", "filed", 3)]
    case = {
        "remit_id": "first",
        "history": [{"version": v, "why": why, "state": state, "at": f"2026-02-0{on}T10:00:00Z"} for v, why, state, on in steps],
        "appeals": [{"outcome": "overturned", "decided_on": "2026-02-09", "deciding_remit_id": "second"}],
    }
    found = timeline.steps(None, remits, [denial], [case], {"in first": "1", "in second": "2"})
    assert [(each.word, each.trace) for each in found] == [
        ("answered", "1"),
        ("judged", "1"),
        ("case_state", "1"),
        ("case_state", None),
        ("answered", "2"),
        ("decided", "2"),
    ]


def test_ledgers_agree_only_when_all_have_said_the_same() -> None:
    same = {"totals": dict.fromkeys(system.TOTALS, 1)}
    ledgers = dict.fromkeys(system.SERVICES, same)

    def found(**told: Any) -> str:
        return system.agreement(system.rows({}, ledgers | told, {}, {}, {}))

    assert found() == "agree"
    assert found(ingest={"totals": dict.fromkeys(system.TOTALS, 2)}) == "differ"
    assert found(ingest=None) == "unknown"


def test_cases_are_due_by_day_and_what_has_passed_says_so() -> None:
    found = appeals.due([{"due_on": "2026-04-30"}, {"due_on": "2026-03-30"}, {"due_on": "2026-04-14"}], TODAY)
    assert [(each.left, each.urgency) for each in found] == [(-1, "past"), (14, "soon"), (30, "later")]


def test_whatever_a_cause_is_about_has_a_word_and_so_has_why_no_rule_says_it() -> None:
    for language in LANGUAGES:
        assert set(DIMENSIONS) - {"payer"} <= set(WORDS[language])
        assert set(prevention.WORDS) == set(LISTS[language]["no_rule"])
        assert set(get_args(prevention.Kind)) == set(LISTS[language]["rule_kind"])
