"""The key figures as a page, written from their table."""

from typing import Final

from services.analytics.kpis.definitions import KPIS, Kpi, Side

_HEAD: Final = """# Key figures

Written by `make docs` from `services/analytics/kpis/definitions.py`; change that instead.

`GET /v1/kpis` lists them, `GET /v1/kpis/{id}?from&to&group_by&filter&compare_to&as_of` answers one, with its definition beside the
number; `recours kpis list` and `recours kpis show ID` do the same. A figure asked *as of* a day is made of what was known on that
evening (UTC), by the events' own times. The answer is final (`is_final`) once that day has ended here, and then it does not
change, although remittances keep coming and claims are linked with what they correct. A day has ended when all that stood in the
topics ten minutes after its midnight was taken in: usually at once; while the worker or the broker is away, later. What comes
after that, since a service was away or a dead letter is replayed, is known from the first day on that has not ended: it counts on
its own day of payment or submission, and in answers as of later days. Payment days are as the payer wrote them,
all others UTC days, which all have a midnight; no other time zone can be asked for. A figure by
category is measured against all claims: what was not denied has no category. Facility is the billing provider's NPI, provider the
rendering one's, a service group the section of the procedure's code list or of the revenue code; an empty text: no claim is known.
Coder is who coded the claim, where its JSON says it; an empty text: nobody told it.
Where no claim of ours is known, the answers of one account to one day of service count as one claim's, since payers split
claims and answer corrections under new numbers of their own: patients who share an account number (a filler such as `0`) are
then counted as one where payer, payment day and day of service are the same, and their denials as one initial denial. Denials,
dollars refused and lines are each counted all the same.
[Decision 6](adr/0006-facts-are-kept-by-account-and-sums-follow-from-them.md) says how sums are kept.

**Are they right?** `recours analytics verify` counts all sums, and the lines in which root causes are searched, anew from the
facts of one moment, looks whether what sums are grouped and filtered by still stands, and lists what differs (exit status 1); with
`--repair` it makes them right while events keep coming. `recours analytics rebuild` first reads the topics from their beginning,
outside the consumer group, for facts that are missing: use it when analytics' database was lost or put back from a backup. These
become known by their own times again, so that answers as of a day are what they were before the loss, but for what had come late.
Topics keep a week; what is older comes back from a backup alone. Both are
`POST /v1/recounts`, one at a time of a tenant, whose `Location` tells how far it is.

`GET /v1/denial-rate` is no key figure of this list: it is the state of now, each answer that stands with its denial that stands.
"""


def kpi_page() -> str:
    """Return docs/kpis.md."""
    rows = "\n".join(f"| [`{kpi.id}`](#{kpi.id}) | {kpi.name} | {kpi.name_fr} | {_unit(kpi)} |" for kpi in KPIS)
    table = f"| id | name | in French | unit |\n|---|---|---|---|\n{rows}\n"
    return "\n".join([_HEAD, table, *map(_section, KPIS)])


def _unit(kpi: Kpi) -> str:
    return f"{kpi.unit}; no number yet" if kpi.reason else kpi.unit


def _section(kpi: Kpi) -> str:
    lines = [
        f"## {kpi.id}",
        "",
        f"{kpi.name}. {kpi.definition}",
        "",
        f"- Unit: {kpi.unit}. Day: {kpi.basis}.",
        *([f"- Computed: {_side(kpi.numerator)}{_below(kpi.denominator)}."] if kpi.numerator else []),
        f"- Source: {kpi.source}.",
        f"- Pitfalls: {kpi.pitfalls}",
        *([f"- No number: {kpi.reason} It would need: {'; '.join(f'`{need}`' for need in kpi.needs)}."] if kpi.reason else []),
        "",
    ]
    return "\n".join(lines)


def _side(side: Side) -> str:
    return f"{side.of} of `{side.measure}`"


def _below(side: Side | None) -> str:
    return f" / {_side(side)}" if side else ""
