"""What the pages show of the sums: key figures with their course, money and where it went, parts by what they are about."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common import ledger, periods
from libs.common.database import driver
from services.analytics import answers, queries
from services.analytics.codes.pareto import Pareto, pareto
from services.analytics.facts.measures import MEASURES, Grain
from services.analytics.kpis import whole
from services.analytics.kpis.definitions import BY_ID, KPIS, Kpi
from services.analytics.kpis.figures import Figure, earlier, figures, tells_apart
from services.analytics.pages.formats import bucket_of, buckets
from services.analytics.pages.shapes import PAYER_FIGURES, Money, Part, PayerRow, Row, Verdict
from services.analytics.pages.visit import Visit
from services.analytics.queries import Asked

_LOWER_IS_BETTER: Final = frozenset(
    {
        "initial-denial-rate", "initial-denial-rate-dollars", "initial-denial-rate-lines", "initially-refused-share",
        "rejection-rate",
        "preventable-share", "preventable-share-dollars", "denied-dollars", "denied-dollars-open", "days-to-appeal",
        "days-to-decision", "days-to-cash", "timely-filing-losses", "cost-to-rework", "ar-days", "ar-aging", "payer-response-days",
        "denied-dollars-written-off", "denial-write-off-rate", "underpayments",
    }
)  # fmt: skip
_HIGHER_IS_BETTER: Final = frozenset(
    {
        "first-pass-rate", "clean-claim-rate", "denied-dollars-recovered", "overturn-rate", "overturn-rate-dollars",
        "appeals-in-time", "prevention-catch-rate", "prevention-saved-dollars",
    }
)  # fmt: skip
_NOT_SUMMED: Final = ("stock", "revenue")  # not from the sums of a period alone


def asked_of(visit: Visit, tenant: str, **more: tuple[str, ...]) -> Asked:
    return Asked(tenant, visit.first, visit.last, None, more.get("group_by", ()), dict(visit.filters))


async def rows(
    tx: AsyncConnection, visit: Visit, asked: Asked, rework_cost_cents: int | None, wanted: Sequence[str] = ()
) -> list[Row]:
    """Return key figures by their ids, or all of them, without groups. All sums of a period are read at once."""
    asked = replace(asked, group_by=())
    rework_cost_cents = await answers.cost_of(tx, asked.tenant_id, rework_cost_cents)
    chosen = [answers.with_cost(kpi, rework_cost_cents) for kpi in ([BY_ID[each] for each in wanted] or KPIS)]
    measures = [each for kpi, _ in chosen if _is_summed(kpi) and not unknown_by(kpi, visit) for each in answers.measures(kpi)]
    first, last = earlier(visit.first, visit.last, "previous")
    before = replace(asked, first=first, last=last)
    now = await queries.sums_of(tx, replace(asked, group_by=(bucket_of(visit.first, visit.last),)), measures)
    then = await queries.sums_of(tx, before, measures)
    found = []
    for kpi, factor in chosen:
        if kpi.reason is not None or unknown_by(kpi, visit):
            found.append(Row(kpi, unknown_by=unknown_by(kpi, visit)))
        elif kpi.kind in _NOT_SUMMED:
            state, _ = await answers.answer(tx, kpi, asked, factor, visit.today)
            state_before, _ = await answers.answer(tx, kpi, before, factor, visit.today)
            found.append(_row(kpi, state, state_before, (), visit))
        else:
            told = answers.sides(kpi, now)
            whole, whole_before = answers.whole_of(kpi, told, factor), answers.whole_of(kpi, answers.sides(kpi, then), factor)
            found.append(_row(kpi, whole, whole_before, _course(kpi, told, factor, visit), visit))
    return found


def unknown_by(kpi: Kpi, visit: Visit) -> tuple[str, ...]:
    """Return the filters that are on and that a key figure does not know: it has no number then, as over HTTP."""
    return tuple(name for name in visit.filtered_by if name not in answers.dimensions(kpi))


def whole_by(kpi: Kpi, visit: Visit) -> tuple[str, ...]:
    """Return the filters that are on and that narrow a key figure's numerator alone."""
    if kpi.kind == "revenue":
        return visit.filtered_by
    below = kpi.denominator
    return () if below is None else tuple(name for name in visit.filtered_by if not tells_apart(below, name))


def _is_summed(kpi: Kpi) -> bool:
    """Say whether a key figure has a number that comes from the sums of a period."""
    return kpi.reason is None and kpi.kind not in _NOT_SUMMED


def _course(kpi: Kpi, told: answers.Sides, factor: int, visit: Visit) -> tuple[float | None, ...]:
    word = bucket_of(visit.first, visit.last)
    by_day = {each.keys[0]: each.value for each in figures(kpi, (word,), told.above, told.below, factor)}
    absent = 0 if kpi.denominator is None else None
    return tuple(by_day.get(day.isoformat(), absent) for day in buckets(visit.first, visit.last, word))


def _row(kpi: Kpi, now: Figure, then: Figure, course: tuple[float | None, ...], visit: Visit) -> Row:
    change = None if now.value is None or then.value is None else now.value - then.value
    verdict = verdict_of(kpi.id, change)
    return Row(kpi, now.value, now.numerator, now.denominator, change, verdict, course, whole_by=whole_by(kpi, visit))


def verdict_of(kpi_id: str, change: float | None) -> Verdict:
    """Say whether a change is good; of some key figures nobody can."""
    if change is None or kpi_id not in _LOWER_IS_BETTER | _HIGHER_IS_BETTER:
        return "plain"
    if not change:
        return "same"
    return "better" if (change < 0) == (kpi_id in _LOWER_IS_BETTER) else "worse"


async def money(tx: AsyncConnection, visit: Visit, tenant: str) -> Money | None:
    """Return where the money of the days went, from the ledger and the denials that stand. The ledger knows no filters: through
    one there is none.
    """
    if visit.filtered_by:
        return None
    booked = (await ledger.read(tx, tenant, visit.first, visit.last)).totals
    sums = await queries.sums_of(tx, Asked(tenant, visit.first, visit.last), ("standing_denied", "recovered"))
    denied, recovered = whole(sums["standing_denied"])[1], whole(sums["recovered"])[1]
    return Money(
        booked.remits,
        booked.charge_cents,
        booked.paid_cents,
        booked.adjustment_cents - denied,
        denied,
        booked.unbalanced_cents,
        recovered,
    )


async def parts(tx: AsyncConnection, asked: Asked, measure: str, names: Mapping[str, str] | None = None) -> list[Part]:
    """Return the parts of a sum by the one group that is asked for, the largest first."""
    found = await queries.sums(tx, asked, measure)
    made = [Part(key, (names or {}).get(key, key), count, cents) for (key,), (count, cents) in found.items()]
    return sorted(made, key=lambda each: (-each.cents, -each.count, each.key))


async def last_day(tx: AsyncConnection, tenant: str) -> date | None:
    """Return the last day on which something was answered, and that can be asked about; None: nothing ever was."""
    query = "SELECT max(day) FROM rollups WHERE tenant_id = $1 AND grain = $2 AND measure = $3 AND day <= $4 AND count <> 0"
    found: date | None = await (await driver(tx)).fetchval(query, tenant, Grain.NARROW, MEASURES["standing"][0], periods.LAST)
    return found


async def ages(tx: AsyncConnection, visit: Visit, tenant: str) -> list[Part] | None:
    """Return what is unanswered on the last evening, by age; None where a filter is on that it does not know."""
    kpi = BY_ID["ar-aging"]
    if unknown_by(kpi, visit):
        return None
    found = await answers.figures_of(tx, kpi, asked_of(visit, tenant, group_by=("age",)), 1, visit.today)
    return [Part(each.keys[0], each.keys[0], 0, each.numerator) for each in found]


async def of_payers(tx: AsyncConnection, visit: Visit, tenant: str, names: Mapping[str, str]) -> list[PayerRow]:
    """Return how payers did, the one that denied most first."""
    asked = asked_of(visit, tenant, group_by=("payer",))
    chosen = [kpi for name in PAYER_FIGURES if not unknown_by(kpi := BY_ID[name], visit)]
    summed = await queries.sums_of(tx, asked, [each for kpi in chosen for each in answers.measures(kpi)])
    found: dict[str, dict[str, Figure]] = {}
    for kpi in chosen:
        both = answers.sides(kpi, summed)
        for each in figures(kpi, asked.group_by, both.above, both.below):
            found.setdefault(each.keys[0], {})[kpi.id] = each
    made = [PayerRow(key, names.get(key, key), told) for key, told in found.items()]
    return sorted(made, key=lambda each: (-each.cents("denied-dollars"), each.label))


async def funnel(tx: AsyncConnection, visit: Visit, tenant: str) -> list[Part]:
    """Return how many denials came, were answered to, ended, and were won; each step by its own day."""
    asked = asked_of(visit, tenant)
    sums = await queries.sums_of(tx, asked, ("denied", "worked", "closed", "overturned"))
    return [Part(name, name, *whole(groups)) for name, groups in sums.items()]


async def levels(tx: AsyncConnection, visit: Visit, tenant: str) -> list[tuple[str, int, int, int]]:
    """Return ended appeals by level: (level, ended, won, cents that it brought)."""
    asked = asked_of(visit, tenant, group_by=("level",))
    sums = await queries.sums_of(tx, asked, ("closed", "overturned"))
    return [(key[0], count, *sums["overturned"].get(key, (0, 0))) for key, (count, _) in sorted(sums["closed"].items())]


async def crossed(tx: AsyncConnection, visit: Visit, tenant: str, name: str, names: Mapping[str, str]) -> list[Part]:
    """Return denied sums by one dimension, through the filters of all others."""
    filters = {each: told for each, told in visit.filters.items() if each != name}
    asked = Asked(tenant, visit.first, visit.last, None, (name,), filters)
    return await parts(tx, asked, _denied_by(name, *filters), names if name == "payer" else None)


def _denied_by(*dimensions: str) -> str:
    """Return the measure of what is denied: by codes, or through them, what was refused by these alone."""
    return "coded" if "code" in dimensions else "denied"


async def codes(tx: AsyncConnection, visit: Visit, tenant: str, limit: int) -> Pareto:
    """Return the codes that cost most."""
    return pareto(await queries.sums(tx, asked_of(visit, tenant, group_by=("code",)), "coded"), limit)


async def denied(tx: AsyncConnection, visit: Visit, tenant: str) -> tuple[Part, list[Part]]:
    """Return the denied sum through all filters, and its parts by time."""
    word = bucket_of(visit.first, visit.last)
    by_day = await queries.sums(tx, asked_of(visit, tenant, group_by=(word,)), _denied_by(*visit.filters))
    spread = []
    for day in buckets(visit.first, visit.last, word):
        count, cents = by_day.get((day.isoformat(),), (0, 0))
        spread.append(Part(day.isoformat(), day.isoformat(), count, cents))
    total = Part("", "", sum(count for count, _ in by_day.values()), sum(cents for _, cents in by_day.values()))
    return total, spread
