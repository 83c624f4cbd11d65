"""A payer's own rules, by day of service: filing, authorization, referral, who ordered, attachments, bundling, repeats, frequency,
and what it refuses although nothing is wrong with it.

Sources: what payers publish. Who ordered: Medicare asks for it of supplies, laboratory, imaging and home health (42 CFR 424.507);
bundling beyond NCCI: payers' own code editing, and dental payers' processing policies, of which NCCI knows nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from libs.x12.claim import REPLACEMENT, VOID, Claim, ClaimLine
from services.ingest.checks.finding import Finding
from services.ingest.checks.reference import NO_MODIFIER, EarlierLine, Only, PayerRule, Reference
from services.ingest.checks.rules import RULES

_NEAR_DAYS = 10
_REPEATED = frozenset({"76", "77", "91"})
_ORDERS = frozenset({"DN", "DK", "P3"})  # who referred, ordered, or is the primary care provider
_RENDERS = "82"
_ATTENDS = "71"  # answers for what a hospital gives
_ASKED: Final = {
    "prior_authorization": "PAYER-AUTHORIZATION",
    "referral": "PAYER-REFERRAL",
    "ordering_provider": "PAYER-ORDERING-PROVIDER",
    "attachment": "PAYER-ATTACHMENT",
}


class _Served(NamedTuple):
    """A line with its place and day."""

    place: int
    line: ClaimLine
    on: date


def check(claim: Claim, reference: Reference, earlier: Sequence[EarlierLine], on: date, now_on: date) -> Iterator[Finding]:
    """Yield what the claim's payer would refuse by its rules. `earlier` are lines of the same member's claims before this one.

    Replacements and voids are not held against timely filing, repeats and frequency: what they replace was.
    """
    rules = reference.payers.get(claim.payer.payer_id, ())
    first_time = claim.frequency_code not in (REPLACEMENT, VOID)
    if not rules or claim.frequency_code == VOID:
        return
    served = [_Served(place, line, line.service_from_on or on) for place, line in enumerate(claim.lines)]
    for rule in rules:
        if rule.kind == "timely_filing":
            if first_time:
                yield from _filing(claim, rule, on, now_on)
        elif rule.kind in _ASKED:
            yield from _asked(claim, rule, served)
        elif rule.kind == "refused":
            yield from _refused(claim, rule, served)
        elif rule.kind == "bundled":
            yield from _bundled(rule, served)
        elif first_time and rule.kind == "same_day":
            yield from _same_day(claim, rule, served, earlier)
        elif first_time and rule.kind == "frequency":
            yield from _frequency(rule, served, earlier)


def _filing(claim: Claim, rule: PayerRule, on: date, now_on: date) -> Iterator[Finding]:
    last = claim.service_to_on or on
    if rule.days is None or not rule.holds_on(last):
        return
    passed = (now_on - last).days
    if passed > rule.days:
        yield RULES["PAYER-FILING-LATE"].at(_date_path(claim), days=passed, allowed=rule.days)
    elif rule.days - passed <= _NEAR_DAYS:
        yield RULES["PAYER-FILING-NEAR"].at(_date_path(claim), left=rule.days - passed)


def _date_path(claim: Claim) -> str:
    """Return where a claim's last day of service stands."""
    last = claim.service_to_on
    for place, line in enumerate(claim.lines):
        if line.service_from_on == last:
            return f"lines[{place}].service_from_on"
    return "dates"


def _has_reference(qualifier: str) -> Callable[[Claim, ClaimLine], bool]:
    return lambda claim, line: bool(claim.reference(qualifier) or line.reference(qualifier))


def _has_orderer(claim: Claim, line: ClaimLine) -> bool:
    asked = _ORDERS | {_ATTENDS} if claim.claim_type == "institutional" else _ORDERS
    return any(each.npi and each.entity_code in asked for each in (*claim.providers, *line.providers))


_IS_TOLD: Final[dict[str, Callable[[Claim, ClaimLine], bool]]] = {
    "prior_authorization": _has_reference("G1"),
    "referral": _has_reference("9F"),
    "ordering_provider": _has_orderer,
    "attachment": lambda claim, line: bool(claim.attachments) or any(each.startswith("PWK") for each in line.segments),
}


def _asked(claim: Claim, rule: PayerRule, served: Sequence[_Served]) -> Iterator[Finding]:
    """Look for what the payer wants to be told with some procedures, or with some revenue codes: a stay has no procedure."""
    is_told = _IS_TOLD[rule.kind]
    where = {"attachment": "attachments", "ordering_provider": "providers"}.get(rule.kind)
    for place, line, on in served:
        if _is_about(claim, rule, line, on) and not is_told(claim, line):
            yield RULES[_ASKED[rule.kind]].at(where or f"lines[{place}].references", line.number)


def _refused(claim: Claim, rule: PayerRule, served: Sequence[_Served]) -> Iterator[Finding]:
    """Look for what the payer is known to refuse, whatever else the claim says: a cause of denials that nobody has mended yet."""
    for place, line, on in served:
        if _is_about(claim, rule, line, on):
            field = "procedure_code" if line.procedure_code else "revenue_code"
            yield RULES["PAYER-REFUSED"].at(f"lines[{place}].{field}", line.number)


def _is_about(claim: Claim, rule: PayerRule, line: ClaimLine, on: date) -> bool:
    """Say whether a rule is about a line: by its day, by its codes where the rule names some, and by what else it names."""
    has_codes = bool(rule.procedure_codes or rule.revenue_codes)
    return (
        rule.holds_on(on)
        and (not has_codes or rule.is_about(line.procedure_code, line.revenue_code))
        and (rule.only is None or _fits(rule.only, claim, line))
    )


def _fits(only: Only, claim: Claim, line: ClaimLine) -> bool:
    rendering = claim.provider(_RENDERS)
    npi = (rendering.npi if rendering else "") or claim.billing_provider.npi
    diagnosis = claim.diagnoses[0].code if claim.diagnoses else ""
    return (
        (not only.modifiers or not set(only.modifiers).isdisjoint(line.modifiers or (NO_MODIFIER,)))
        and (not only.rendering_npis or npi in only.rendering_npis)
        and (not only.billing_npis or claim.billing_provider.npi in only.billing_npis)
        and (not only.facility_codes or claim.facility_code in only.facility_codes)
        and (not only.claim_types or claim.claim_type in only.claim_types)
        and (not only.diagnosis_prefixes or diagnosis.startswith(only.diagnosis_prefixes))
    )


def _bundled(rule: PayerRule, served: Sequence[_Served]) -> Iterator[Finding]:
    """Look for procedures that the payer takes for parts of another one of the same day."""
    whole = {each.on: each.line for each in reversed(served) if rule.covers(each.line.procedure_code)}
    for place, line, on in served:
        other = whole.get(on)
        if (
            other is not None
            and other is not line
            and line.procedure_code in rule.components
            and rule.holds_on(on)
            and not set(rule.modifiers).intersection(line.modifiers)
        ):
            yield RULES["PAYER-BUNDLED"].at(f"lines[{place}].procedure_code", line.number, other=other.number)


def _same_day(claim: Claim, rule: PayerRule, served: Sequence[_Served], earlier: Sequence[EarlierLine]) -> Iterator[Finding]:
    before = {(each.procedure_code, each.service_on) for each in earlier}
    here: dict[tuple[str, date], int] = {}
    for place, line, on in served:
        key = (line.procedure_code, on)
        if not line.procedure_code or not rule.holds_on(on) or not rule.covers(line.procedure_code):
            continue
        is_meant = rule.only is None or _fits(rule.only, claim, line)
        if is_meant and not _REPEATED.intersection(line.modifiers) and (key in here or key in before):
            where = f"line {here[key]}" if key in here else "an earlier claim"
            yield RULES["PAYER-SAME-DAY"].at(f"lines[{place}].procedure_code", line.number, where=where)
        here.setdefault(key, line.number)


def _frequency(rule: PayerRule, served: Sequence[_Served], earlier: Sequence[EarlierLine]) -> Iterator[Finding]:
    """Count the days on which procedures of the rule were given, in the days up to each of this claim's."""
    if rule.days is None or rule.times is None:
        return
    given = {each.service_on for each in earlier if rule.covers(each.procedure_code)}
    given |= {each.on for each in served if rule.covers(each.line.procedure_code)}
    for place, line, on in served:
        if not rule.covers(line.procedure_code) or not rule.holds_on(on):
            continue
        since = on - timedelta(days=rule.days - 1)
        count = sum(since <= day <= on for day in given)
        if count > rule.times:
            path = f"lines[{place}].procedure_code"
            yield RULES["PAYER-FREQUENCY"].at(path, line.number, count=count, days=rule.days, times=rule.times)
