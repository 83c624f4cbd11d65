"""Root causes: what is planted is found, in its own words; what is explained already is not told again; noise is no finding."""

from datetime import date, timedelta
from random import Random

import numpy as np
import pytest

from services.analytics.causes import naming
from services.analytics.causes.findings import Finding, findings
from services.analytics.causes.naming import Named
from services.analytics.causes.onset import Onset, onset
from services.analytics.causes.outcomes import NOT_REFUSED, Words, number_of, reason_number
from services.analytics.causes.search import Limits
from services.analytics.causes.statistics import exact_p, false_discoveries, interval
from services.analytics.causes.table import Gathered, Table, number_of_day
from services.analytics.causes.words import sentence, sentence_fr

FIRST_ON = date(2026, 1, 1)
AUTHORIZATION, CODING = ("authorization", "197"), ("coding_bundling", "4")
Line = tuple[int, str, str, str, date, tuple[str, str]]  # claim, payer, provider, service, day, reason


def table_of(lines: list[Line], filters: dict[str, list[str]] | None = None) -> Table:
    subjects = {number_of(each): each for each in {_subject(line) for line in lines}}
    services = {number_of((service,)): service for service in {line[3] for line in lines}}
    reasons = {reason_number(reason): reason for reason in {NOT_REFUSED, *(line[5] for line in lines)}}
    rows = [
        (
            line[0],
            number_of(_subject(line)),
            number_of((line[3],)),
            reason_number(line[5]),
            number_of_day(line[4]),
            1_000 * bool(line[5][0]),
        )
        for line in lines
    ]
    gathered = Gathered(Words(subjects, services, reasons), filters or {})
    gathered.add_rows(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))
    return gathered.table()


def _subject(line: Line) -> tuple[str, ...]:
    return (line[1], "F1", line[2], "11", "professional", "", "", coder_of(line[2]))


def coder_of(provider: str) -> str:
    """Each codes for two providers."""
    return f"C{'01234567'.index(provider[1:]) // 2}"


def drawn(seed: int, planted: dict[str, float], since: int = 0, reason: tuple[str, str] = CODING) -> list[Line]:
    """Draw 6,000 claims of 100 days; lines that `planted` describes (`payer/provider/service`) are refused with its chance."""
    draw = Random(seed)
    lines: list[Line] = []
    for claim in range(6_000):
        payer, provider, day = draw.choice("PQRS"), f"D{draw.randrange(8)}", claim // 60
        for service in draw.sample(["G0283", "G0283:59", "A4550", "A4550:59", "E0601", "J1885:KX", "T1015"], 2):
            names = (f"{payer}//{service}", f"{payer}/{provider}/", f"//{service}", f"{payer}/{provider}/{service}", f"{payer}//")
            chance = max([planted.get(name, 0) for name in names]) if day >= since else 0
            why = reason if draw.random() < chance else (AUTHORIZATION if draw.random() < 0.03 else NOT_REFUSED)
            lines.append((claim, payer, provider, service, FIRST_ON + timedelta(days=day), why))
    return lines


def found_in(lines: list[Line], **limits: float) -> list[Finding]:
    return findings(table_of(lines), Limits(**limits))  # type: ignore[arg-type] # numbers of both kinds


def test_a_combination_is_found_in_its_own_words_with_its_beginning() -> None:
    lines = drawn(1, {"P//G0283:59": 0.6}, since=40)
    (found,) = found_in(lines)
    assert found.named == Named("coding_bundling", (("payer", "P"), ("procedure", "G0283"), ("modifier", "59")))
    assert found.began_on is not None
    assert abs((found.began_on - FIRST_ON).days - 40) <= 2
    assert found.ended_on is None
    about = [line[5] for line in lines if (line[1], line[3]) == ("P", "G0283:59") and line[4] >= found.began_on]
    assert (found.now.refused, found.now.lines) == (about.count(CODING), len(about))
    assert found.before.refused == 0
    assert found.claims == found.now.refused
    assert found.denied_cents == 1_000 * found.now.refused
    assert found.carcs == (("4", found.now.refused),)
    assert found.q < 0.001


def test_a_part_that_explains_its_whole_hides_it_and_a_whole_hides_its_parts() -> None:
    part = found_in(drawn(2, {"P/D3/": 0.5}))
    assert [each.named.conditions for each in part] == [(("payer", "P"), ("provider", "D3"))]
    whole = found_in(drawn(2, {"P//": 0.2}))
    assert [each.named.conditions for each in whole] == [(("payer", "P"),)]


def test_a_coder_of_several_providers_is_a_cause() -> None:
    draw = Random(9)
    lines: list[Line] = []
    for claim, payer, provider, service, day, reason in drawn(9, {}):
        is_theirs = coder_of(provider) == "C1" and draw.random() < 0.4
        lines.append((claim, payer, provider, service, day, CODING if is_theirs else reason))
    (found,) = found_in(lines)
    assert found.named == Named("coding_bundling", (("coder", "C1"),))
    assert "of service lines coded by C1 (coding and bundling)" in sentence(found, {})
    assert "des lignes de service codées par C1" in sentence_fr(found, {})


def test_two_causes_are_both_found() -> None:
    found = found_in(drawn(3, {"P//E0601": 0.4, "Q/D1/": 0.5}))
    assert {each.named.conditions for each in found} == {
        (("payer", "P"), ("procedure", "E0601")),
        (("payer", "Q"), ("provider", "D1")),
    }


def test_findings_of_some_categories_are_those_of_all_and_cost_is_what_they_are_told_by() -> None:
    lines = drawn(3, {"P//E0601": 0.5}) + [
        (10_000 + line[0], *line[1:]) for line in drawn(13, {"Q//A4550": 0.2}, reason=AUTHORIZATION)
    ]
    table = table_of(lines)
    every = findings(table, Limits())
    assert {each.named.category for each in every} == {"coding_bundling", "authorization"}
    assert [each.excess_cents for each in every] == sorted((each.excess_cents for each in every), reverse=True)
    for category in ("coding_bundling", "authorization"):
        only = findings(table, Limits(categories=frozenset({category}), findings_max=1))
        assert only == [each for each in every if each.named.category == category]


def test_other_lines_of_refused_claims_are_no_cause_of_their_own() -> None:
    lines = drawn(4, {"P//E0601": 0.5}, reason=AUTHORIZATION)
    hit = {line[0] for line in lines if line[1] == "P" and line[3] == "E0601" and line[5] == AUTHORIZATION}
    spread = [(*line[:5], AUTHORIZATION) if line[0] in hit else line for line in lines]
    (found,) = found_in(spread)
    assert found.named.conditions == (("payer", "P"), ("procedure", "E0601"))
    refused = [line for line in spread if line[0] in hit and line[5] == AUTHORIZATION]
    assert found.claims == len(hit) < len(refused)
    assert found.denied_cents == 1_000 * len(refused)  # what is refused beside them is at stake, too


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_finding(seed: int) -> None:
    assert found_in(drawn(10 + seed, {})) == []


def test_a_search_of_nothing_finds_nothing() -> None:
    assert findings(Gathered(Words({}, {}, {0: NOT_REFUSED}), {}).table(), Limits()) == []
    lines = drawn(5, {"P//E0601": 0.5})
    assert findings(table_of(lines, {"payer": ["NOBODY"]}), Limits()) == []
    assert findings(table_of(lines, {"payer": ["P"], "modifier": ["none"]}), Limits())[0].named.conditions == (
        ("procedure", "E0601"),
    )
    assert found_in([line for line in lines if line[5] == NOT_REFUSED]) == []


def test_a_finding_is_one_plain_sentence_in_both_languages() -> None:
    (found,) = found_in(drawn(1, {"P//G0283:59": 0.6}, since=40))
    english, french = sentence(found, {"P": "PAYER P"}), sentence_fr(found, {})
    assert english.startswith("Since February ")
    assert "PAYER P refuses " in english
    assert "of G0283 with modifier 59 (coding and bundling); before: 0%; " in english
    assert "P refuse " in french
    assert "avec le modificateur 59 (codage et regroupement) ; avant : 0 % ; " in french


def scanned(rates: list[float]) -> tuple[int | None, int | None]:
    draw = Random(7)
    day = np.repeat(np.arange(len(rates)), 20)
    told = onset(day, np.array([draw.random() < rates[each] for each in day], dtype=float), 0, len(rates) - 1)
    return told.began, told.ended


def near(told: tuple[int | None, int | None], wanted: tuple[int | None, int | None]) -> bool:
    """Say whether both ends are those that are wanted, to a day."""
    pairs = list(zip(told, wanted, strict=True))
    return all((one is None) == (other is None) and abs((one or 0) - (other or 0)) <= 1 for one, other in pairs)


def test_a_beginning_and_an_end_are_seen_and_a_steady_rate_has_neither() -> None:
    assert near(scanned([0.05] * 60 + [0.5] * 40), (60, None))
    assert near(scanned([0.5] * 30 + [0.05] * 70), (None, 30))
    assert near(scanned([0.05] * 40 + [0.5] * 20 + [0.05] * 40), (40, 60))
    assert scanned([0.3] * 100) == (None, None)
    assert scanned([0.3]) == (None, None)


def test_lines_that_are_refused_together_are_no_beginning() -> None:
    draw = Random(3)
    day = np.repeat(np.arange(100), 20)
    refused = np.repeat([draw.random() < 0.2 for _ in range(500)], 4).astype(float)  # claims of four lines each
    refused[40 * 20 : 41 * 20] = 1
    assert onset(day, refused, 0, 99) == Onset(40, 41)
    assert onset(day, refused, 0, 99, 1 / 4) == Onset(None, None)
    assert onset(day, np.array(day >= 60, dtype=float), 0, 99, 1 / 4) == Onset(60, None)


def test_the_statistics_are_the_known_ones() -> None:
    assert float(exact_p(8, 10, 2, 10)) == pytest.approx(0.011507, abs=1e-6)  # Fisher's table, one-sided
    low, high = interval(8, 10)
    assert [float(low), float(high)] == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert false_discoveries(np.array([0.01, 0.04, 0.03]), 4).tolist() == pytest.approx([0.04, 4 * 0.04 / 3, 4 * 0.04 / 3])


def test_an_id_says_what_it_is_about_and_nothing_else_is_one() -> None:
    named = Named("coding_bundling", (("payer", "P"), ("modifier", "59")))
    assert naming.read(naming.write(named)) == named
    for told in ("", "x", "é", "A" * 5_000, naming.write(named)[:-2], naming.write(named) + "=", naming.write(Named("", ()))):
        assert naming.read(told) is None
    assert naming.read(naming.write(Named("c", (("modifier", "59"), ("payer", "P"))))) is None
    assert naming.read(naming.write(Named("c", (("payer", "P"), ("payer", "Q"))))) is None
    assert naming.read(naming.write(Named("c", (("age", "P"),)))) is None
