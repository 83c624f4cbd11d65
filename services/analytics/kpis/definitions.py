"""The key figures, each with its definition: one table that is computed from, answered, and printed in docs/kpis.md.

A figure is a sum, or one by another. Where what it needs is told by no event, it says so (`reason`, `needs`) and has no number.
Sources: HFMA Claim Integrity Task Force and HFMA MAP Keys for names and purposes; "own" where the formula is ours.
"""

from typing import Final, Literal

from msgspec import Struct

Unit = Literal["share", "cents", "days", "count"]


class Side(Struct, frozen=True):
    """Of a measure its count, or its amount (cents or days)."""

    measure: str
    of: Literal["count", "amount"]


class Kpi(Struct, frozen=True):
    """One key figure. `basis`: the day that decides whether something falls into the period."""

    id: str
    name: str
    name_fr: str
    definition: str
    unit: Unit
    basis: str
    source: str
    pitfalls: str
    numerator: Side | None = None
    denominator: Side | None = None
    reason: str | None = None
    needs: tuple[str, ...] = ()
    kind: Literal["period", "stock", "cost", "revenue"] = "period"


def _count(measure: str) -> Side:
    return Side(measure, "count")


def _amount(measure: str) -> Side:
    return Side(measure, "amount")


_FIRST_ANSWER: Final = "first payment day of the claim's first payer"
_DENIAL_DAY: Final = "payment day of the denied remittance"
_ONE_CLAIM: Final = (
    "Splits, corrections and resubmissions of one claim are one claim. Contractual adjustments, patients' shares, reversals,"
    " predeterminations and answers of later payers are no initial denials; paid nothing is not denied. A later"
    " overturn takes nothing"
    " away."
)

KPIS: Final = (
    Kpi(
        "initial-denial-rate",
        "Initial denial rate, by claims",
        "Taux de refus initial, par demandes",
        "Claims of which the first payer's first answer refuses something / claims with a first answer.",
        "share",
        _FIRST_ANSWER,
        "HFMA MAP Key AR-5 and Claim Integrity Task Force; formula own: same claims above and below the line",
        _ONE_CLAIM,
        _count("initially_denied"),
        _count("first_adjudicated"),
    ),
    Kpi(
        "initial-denial-rate-dollars",
        "Initial denial rate, by dollars",
        "Taux de refus initial, en dollars",
        "Gross charges of initially denied claims / gross charges of claims with a first answer.",
        "share",
        _FIRST_ANSWER,
        "HFMA Claim Integrity Task Force, with claims answered instead of the three months' mean of claims submitted",
        f"Gross charges of the whole claim, also where one line is refused: see initially-refused-share. {_ONE_CLAIM}",
        _amount("initially_denied"),
        _amount("first_adjudicated"),
    ),
    Kpi(
        "initial-denial-rate-lines",
        "Initial denial rate, by service lines",
        "Taux de refus initial, par lignes",
        "Service lines with a refused adjustment in first answers / service lines of first answers.",
        "share",
        _FIRST_ANSWER,
        "HFMA Claim Integrity Task Force calls lines the better practice; formula own",
        f"A claim refused as a whole counts all its lines; one answered without lines counts as one. {_ONE_CLAIM}",
        _count("initially_denied_lines"),
        _count("first_lines"),
    ),
    Kpi(
        "initially-refused-share",
        "Share of charges refused at first",
        "Part des montants refusée d'abord",
        "Cents refused in first answers / gross charges of claims with a first answer.",
        "share",
        _FIRST_ANSWER,
        "own",
        _ONE_CLAIM,
        _amount("initially_refused"),
        _amount("first_adjudicated"),
    ),
    Kpi(
        "first-pass-rate",
        "First-pass resolution rate",
        "Taux de règlement au premier passage",
        "Claims whose first answer refuses nothing and was not taken back / claims with a first answer.",
        "share",
        _FIRST_ANSWER,
        "own, after the field's use",
        "A take-back months later lowers the rate of the month of the first answer: ask as of a day for what was known then.",
        _count("resolved_first"),
        _count("first_adjudicated"),
    ),
    Kpi(
        "clean-claim-rate",
        "Clean-claim rate",
        "Taux de demandes sans défaut",
        "Claims in which no check found an error when they came in and which no front door rejected / claims submitted.",
        "share",
        "day of the first submission",
        "HFMA MAP Key CL-1; formula own: our checks stand for the claims tool's edits",
        "A claim corrected before its first submission counts as clean: nobody tells of the touch. Corrections count"
        " with their claim.",
        _count("clean"),
        _count("submitted"),
    ),
    Kpi(
        "rejection-rate",
        "Front-door rejection rate",
        "Taux de rejet à l'entrée",
        "Claims that a front door (999, 277CA) rejected at least once / claims that one accepted or rejected.",
        "share",
        "day of the first submission",
        "own, after the field's use",
        "Rejections are no denials. Claims without an answer count on neither side; a rejected claim stays one after"
        " its correction.",
        _count("rejected"),
        _count("answered"),
    ),
    Kpi(
        "preventable-share",
        "Preventable share of denials",
        "Part évitable des refus",
        "Denials that could have been avoided before sending / denials of which it is known whether they could.",
        "share",
        _DENIAL_DAY,
        "field's use (potentially avoidable categories); formula own",
        "By remittance, not by claim. Denials of unknown preventability count on neither side.",
        _count("preventable"),
        _count("preventable_known"),
    ),
    Kpi(
        "preventable-share-dollars",
        "Preventable share of denied dollars",
        "Part évitable des montants refusés",
        "Cents refused by avoidable denials / cents refused by denials of which it is known.",
        "share",
        _DENIAL_DAY,
        "own",
        "Denials of unknown preventability count on neither side.",
        _amount("preventable"),
        _amount("preventable_known"),
    ),
    Kpi(
        "denied-dollars",
        "Denied dollars",
        "Montants refusés",
        "Cents refused by all denials, also those that were taken back later.",
        "cents",
        _DENIAL_DAY,
        "own",
        "A corrected claim that is refused again is refused twice: two remittances, two sums.",
        _amount("denied"),
    ),
    Kpi(
        "denied-dollars-open",
        "Denied dollars neither recovered nor taken back",
        "Montants refusés ni récupérés ni annulés",
        "Cents refused by denials that stand, less what their outcomes recovered.",
        "cents",
        _DENIAL_DAY,
        "own",
        "Includes what was given up: denied-dollars-written-off says how much of it.",
        _amount("unrecovered"),
    ),
    Kpi(
        "denied-dollars-recovered",
        "Denied dollars recovered",
        "Montants refusés récupérés",
        "Cents that outcomes of contested denials brought, asked for or not.",
        "cents",
        "day of the decision",
        "own",
        "Each recovered cent is in one outcome; a payment that is taken back takes the cents back too.",
        _amount("recovered"),
    ),
    Kpi(
        "denied-dollars-written-off",
        "Denied dollars written off",
        "Montants refusés passés en perte",
        "Cents of denials that stand and were given up (written off), less what their outcomes brought.",
        "cents",
        "day of the write-off",
        "HFMA MAP Key AR-6 (purpose); formula own",
        "An active denial that nobody works is not written off yet, nor one whose deadline has passed: somebody writes it off."
        " Taken up again, or paid all the same, it no longer counts, on the day on which it was given up.",
        _amount("written_off"),
    ),
    Kpi(
        "denial-write-off-rate",
        "Denial write-offs, share of net revenue",
        "Pertes sur refus, part du revenu net",
        "Cents written off as denials / net patient service revenue of the same months, as the tenant told it"
        " (PUT /v1/finance/net-revenue/{month}).",
        "share",
        "day of the write-off; whole months",
        "HFMA MAP Key AR-6; formula own",
        "No value for a period that is not whole months, or with a month whose revenue was not told. Every payer's write-offs are"
        " measured against all revenue. What is written off is what was refused, at charges where the payer refused charges: net"
        " write-offs are less.",
        _amount("written_off"),
        kind="revenue",
    ),
    Kpi(
        "overturn-rate",
        "Overturn rate of closed appeals",
        "Taux d'annulation des recours clos",
        "Appeals that ended overturned in full or in part / appeals that ended: decided by the payer, or closed by ourselves"
        " without a decision (withdrawn, mostly for want of an answer); group by level.",
        "share",
        "payment day of the denial: a cohort",
        "HFMA Claim Integrity Task Force (metric); formula own: closed cases only",
        "Open appeals count on neither side, so recent months are small and may lean to what is decided quickly; so do appeals"
        " whose refusal the payer took back and has not decided anew. A denial appealed at two levels is two appeals; one that was"
        " withdrawn and filed again is one.",
        _count("overturned"),
        _count("closed"),
    ),
    Kpi(
        "overturn-rate-dollars",
        "Recovered share of disputed dollars",
        "Part récupérée des montants contestés",
        "Cents recovered by appeals that ended overturned / cents disputed by appeals that ended, decided or withdrawn; group by"
        " level.",
        "share",
        "payment day of the denial: a cohort",
        "own",
        "As overturn-rate.",
        _amount("overturned"),
        _amount("closed"),
    ),
    Kpi(
        "days-to-appeal",
        "Days from denial to first appeal",
        "Jours du refus au premier recours",
        "Sum of days from the denial's payment day to its first appeal / denials appealed.",
        "days",
        "day of the filing",
        "HFMA Claim Integrity Task Force (metric); formula own",
        "Calendar days from the payment day, not from receipt. Corrections sent again are no appeals.",
        _amount("appealed"),
        _count("appealed"),
    ),
    Kpi(
        "days-to-decision",
        "Days from appeal to decision",
        "Jours du recours à la décision",
        "Sum of days from filing to decision / appeals decided.",
        "days",
        "day of the decision",
        "own",
        "Appeals still open are not in it: while a payer stalls, the mean looks good.",
        _amount("decided"),
        _count("decided"),
    ),
    Kpi(
        "days-to-cash",
        "Days from denial to cash",
        "Jours du refus à l'encaissement",
        "Sum of days from the denial's payment day to the payment that recovered it / such outcomes.",
        "days",
        "payment day of the recovery",
        "HFMA Claim Integrity Task Force (time to resolution); formula own",
        "Only outcomes read from a remittance that brought money; calendar days.",
        _amount("cashed"),
        _count("cashed"),
    ),
    Kpi(
        "timely-filing-losses",
        "Timely-filing losses",
        "Pertes pour dépôt tardif",
        "Cents of standing denials of the category timely filing that nothing recovered.",
        "cents",
        _DENIAL_DAY,
        "own",
        "Proof of timely filing may still bring some of it.",
        _amount("timely_filing_lost"),
    ),
    Kpi(
        "cost-to-rework",
        "Cost to rework",
        "Coût de retraitement",
        "Denials worked (something was sent to the payer) x the configured cost of one.",
        "cents",
        "day of the first filing",
        "own: configured instead of logged minutes x rate + fees",
        "The cost is what the tenant told (PUT /v1/finance/rework-cost), else the setting RECOURS_REWORK_COST_CENTS;"
        " quoted means of the field run from $44 to $118 a denial.",
        _count("worked"),
        kind="cost",
    ),
    Kpi(
        "ar-days",
        "Days in unanswered receivables, gross",
        "Jours de créances sans réponse, brut",
        "Gross charges of claims submitted and not answered on the evening of `to` / average daily gross charges of the"
        " 90 days to it.",
        "days",
        "a state: the evening of `to`",
        "HFMA MAP Key (net days in A/R); formula own and gross: no event tells of net revenue",
        "Not net days in A/R: what is answered and unpaid, patients' balances and secondary balances are not in it. The mean is of"
        " 90 days also where claims have come for fewer: of a tenant that has been live for 30 it is a third, and the days are"
        " three times too many.",
        _amount("outstanding"),
        _amount("submitted"),
        kind="stock",
    ),
    Kpi(
        "ar-aging",
        "Unanswered receivables older than 90 days",
        "Créances sans réponse de plus de 90 jours",
        "Gross charges of claims unanswered for more than 90 days / of all unanswered ones, on the evening of `to`; group by age.",
        "share",
        "a state: the evening of `to`",
        "HFMA MAP Key (aged A/R); formula own",
        "Age from the first submission that we know of; charges brought in from before have the day on which they came.",
        _amount("outstanding"),
        _amount("outstanding"),
        kind="stock",
    ),
    Kpi(
        "underpayments",
        "Underpayments",
        "Sous-paiements",
        "Cents that payers allowed below the agreed fee schedule, of answers that stand.",
        "cents",
        "payment day of the answer",
        "own",
        "Needs a fee schedule in ingest, which lists the claims (GET /v1/followups?kind=underpaid). One that the payer made good"
        " since no longer counts; one that a person put aside does.",
        _amount("underpaid"),
    ),
    Kpi(
        "payer-response-days",
        "Payer response time",
        "Délai de réponse du payeur",
        "Sum of days from the first submission to the first answer's payment day / such claims.",
        "days",
        _FIRST_ANSWER,
        "own",
        "Only claims whose submission is known and not later than the answer: what is brought in from the past is not.",
        _amount("responded"),
        _count("responded"),
    ),
    Kpi(
        "appeals-in-time",
        "Appeals filed within their deadline",
        "Recours déposés dans le délai",
        "Appeals filed on or before their last day / appeals filed whose last day is known.",
        "share",
        "day of the filing",
        "own",
        "Appeals without a known deadline count on neither side; denials never appealed are not seen here.",
        _count("filed_in_time"),
        _count("filed_with_deadline"),
    ),
    Kpi(
        "prevention-catch-rate",
        "Prevention: catch rate",
        "Prévention : taux de détection",
        "Initially denied claims in which a check had found an error or a warning when they came in / initially denied claims whose"
        " submission is known.",
        "share",
        _FIRST_ANSWER,
        "own",
        "Only claims that were sent all the same: what was mended before leaves no trace. Whether the finding names the"
        " same cause is"
        " not asked.",
        _count("caught"),
        _count("catchable"),
    ),
    Kpi(
        "prevention-saved-dollars",
        "Prevention: saved dollars",
        "Prévention : montants sauvés",
        "Cents paid by first answers that refuse nothing, of claims in which a check found an error when they came in and whose"
        " newest correction before that answer has none.",
        "cents",
        _FIRST_ANSWER,
        "own",
        "A lower bound on one side: what was mended before it was first sent leaves no trace. An upper one on the other: a finding"
        " that the payer would not have refused saves nothing, and nobody knows.",
        _amount("saved"),
    ),
)  # fmt: skip
BY_ID: Final = {kpi.id: kpi for kpi in KPIS}
