"""What the command line reads of the services' answers; fields that it does not know are ignored."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Raw, Struct, field


class Document(Struct, frozen=True):
    document_id: UUID
    case_id: UUID
    kind: str
    exhibit: int | None
    file_name: str
    media_type: str
    page_count: int | None
    sha256: str
    size_bytes: int
    origin: str


class Documents(Struct, frozen=True):
    items: list[Raw]


class Progress(Struct, frozen=True):
    bytes_read: int
    bytes_total: int


class Transaction(Struct, frozen=True):
    claims: int
    claims_new: int
    claims_duplicate: int
    claims_conflicting: int
    claims_unreadable: int
    charge_cents: int
    paid_cents: int
    adjustment_cents: int
    balance_difference_cents: int | None


class Finding(Struct, frozen=True):
    code: str
    severity: str
    message: str
    byte_offset: int
    segment_index: int
    segment_id: str | None = None
    element: str | None = None


class InterchangeTotals(Struct, frozen=True):
    transactions: int
    claims: int
    claims_new: int
    claims_duplicate: int
    claims_conflicting: int
    claims_unreadable: int
    charge_cents: int
    paid_cents: int
    adjustment_cents: int


class Interchange(Struct, frozen=True):
    """`transactions` and `errors` are the first 1,000, `totals` are over all."""

    interchange_id: UUID
    status: str
    progress: Progress
    transactions: list[Transaction]
    error_count: int
    errors: list[Finding]
    totals: InterchangeTotals


class Denial(Struct, frozen=True):
    denial_id: UUID
    revision: int
    status: str
    patient_control_number: str
    payer_id: str
    payer_name: str
    payment_on: date
    denied_cents: int
    category: str
    action: str
    explanation: str


class Followup(Struct, frozen=True):
    followup_id: UUID
    kind: str
    subject_id: UUID
    patient_control_number: str
    payer_id: str
    payer_name: str
    due_on: date
    amount_cents: int
    reason: str
    suggested_step: str
    status: str
    owner: str | None


class DepositAnswer(Struct, frozen=True):
    line: int
    status: str
    field: str | None = None
    problem: str | None = None


class LedgerTotals(Struct, frozen=True):
    remits: int
    charge_cents: int
    paid_cents: int
    adjustment_cents: int
    adjustments_by_group: dict[str, int]
    unbalanced_cents: int


class LedgerDay(LedgerTotals, frozen=True):
    day: date


class Ledger(Struct, frozen=True):
    totals: LedgerTotals
    days: list[LedgerDay]


class DeadLetter(Struct, frozen=True):
    dead_letter_id: UUID
    topic: str
    partition: int
    offset: int
    reason: str
    buried_at: datetime
    replayed_at: datetime | None


class DeadLetterDetail(DeadLetter, frozen=True):
    key: str | None
    headers: dict[str, Any]
    value: str


class Page(Struct, frozen=True):
    """A page of a list; its items are kept as they came, for those who want all of them."""

    items: list[Raw]
    next_cursor: str | None


class RuleFinding(Struct, frozen=True):
    rule: str
    severity: str
    message: str
    why: str
    correct: str
    path: str
    loop: str
    element: str
    carc: str | None = None
    line: int | None = None


class ClaimRisk(Struct, frozen=True):
    probability: float
    category: str | None
    reasons: list[str]


class CheckedClaim(Struct, frozen=True):
    patient_control_number: str
    ordinal: int
    verdict: str
    findings: list[RuleFinding]
    segment_index: int | None = None
    byte_offset: int | None = None
    risk: ClaimRisk | None = None


class ReadingFinding(Struct, frozen=True):
    code: str
    severity: str
    message: str
    byte_offset: int
    segment_index: int


class Checked(Struct, frozen=True):
    claims: list[CheckedClaim]
    not_loaded: list[str]
    reading: list[ReadingFinding]


class Release(Struct, frozen=True):
    name: str
    quarter: str
    begins_on: date
    rows: int
    loaded_at: datetime


class LoadProgress(Struct, frozen=True):
    bytes_total: int
    bytes_read: int
    rows: int


class Load(Struct, frozen=True):
    """One file on its way to become a release."""

    name: str
    quarter: str
    status: str
    progress: LoadProgress
    message: str | None = None
    line: int | None = None


class Loaded(Struct, frozen=True):
    releases: list[Release]
    not_loaded: list[str]


class Conflict(Struct, frozen=True):
    rules: tuple[str, str]
    about: str
    wins: str
    because: str


class RulesChecked(Struct, frozen=True):
    rules: int
    conflicts: list[Conflict]


class RulesVersion(Struct, frozen=True):
    """One version; a list of versions leaves `rules` and `conflicts` out."""

    version: int
    note: str
    created_at: datetime
    rule_count: int
    published_at: datetime | None = None
    in_force_since: datetime | None = None
    rules: list[dict[str, Any]] = []
    conflicts: list[Conflict] = []


class Move(Struct, frozen=True):
    from_category: str
    from_action: str
    to_category: str
    to_action: str
    denials: int
    denied_cents: int
    recoverable_before_cents: int
    recoverable_after_cents: int


class Replay(Struct, frozen=True):
    """One replay; only when it is asked for alone with its moves."""

    replay_id: UUID
    version: int
    state: str
    total: int
    compared: int
    unjudged: int
    changed: int
    passed: int
    applied: int
    moves: list[Move] = []


class Confused(Struct, frozen=True):
    labelled: str
    judged: str
    denials: int
    denied_cents: int


class Disagreement(Struct, frozen=True):
    code: str
    labelled: int
    category_differs: int
    action_differs: int


class Evaluation(Struct, frozen=True):
    labelled: int
    category_right: int
    action_right: int
    both_right: int
    action_listed: int
    confusion: list[Confused]
    disagreements: list[Disagreement]


class KnownCode(Struct, frozen=True):
    code: str
    status: str


class Label(Struct, frozen=True):
    denial_id: UUID
    source: str
    category: str
    action: str
    note: str
    labelled_at: datetime


class Odds(Struct, frozen=True):
    probability: float
    low: float
    high: float
    outcomes: int
    basis: str
    enough: bool


class OddsRow(Struct, frozen=True):
    payer_id: str
    level: str
    category: str
    carc: str
    contested: int
    won: int
    odds: Odds


class Bin(Struct, frozen=True):
    outcomes: int
    said: float
    won: float


class Quality(Struct, frozen=True):
    name: str
    log_loss: float
    brier: float
    calibration_error: float
    auc: float
    bins: list[Bin]


class Lift(Struct, frozen=True):
    policy: str
    capacity: float
    cents_per_case: int


class ModelFigures(Struct, frozen=True):
    name: str
    held_out: int
    held_out_from: date
    log_loss: float
    table_log_loss: float
    calibration_error: float
    table_calibration_error: float
    auc: float
    table_auc: float
    cents_per_case_of_all: float
    cents_per_case_of_25_percent: float
    table_cents_per_case_of_25_percent: float


class OddsReport(Struct, frozen=True):
    version: str
    outcomes: int
    won: int
    first_on: date | None
    last_on: date | None
    held_out: int
    held_out_from: date | None
    chosen: str
    qualities: list[Quality]
    lift: list[Lift]
    model: ModelFigures | None


class Case(Struct, frozen=True):
    case_id: UUID
    state: str
    patient_control_number: str
    payer_id: str
    payer_name: str
    category: str
    action: str
    explanation: str
    denied_cents: int
    expected_cents: int
    due_on: date | None
    deadline_is: str
    level: str | None
    assignee: str | None
    team: str | None
    holder: str | None
    leased_until: datetime | None


class Payer(Struct, frozen=True):
    payer_id: str
    name: str
    payer_kind: str | None
    levels_version: int
    open_cases: int
    unknown_cases: int
    assumed_cases: int
    unsettled_cents: int


class PayerLevel(Struct, frozen=True):
    level: str
    place: int | None
    window: int | None
    unit: str
    counted_from: str
    filed_when: str
    firm: bool
    own: bool
    source: str


class PayerLevels(Struct, frozen=True):
    payer_id: str
    version: int
    path: str | None
    time_zone: str
    own_levels: list[dict[str, Any]]
    in_force: list[PayerLevel]
    reckoning: str | None = None


class Kpi(Struct, frozen=True):
    id: str
    name: str
    definition: str
    unit: str
    basis: str
    pitfalls: str
    reason: str | None


class Kpis(Struct, frozen=True):
    items: list[Kpi]


class Figure(Struct, frozen=True):
    value: float | None
    numerator: int
    denominator: int | None


class GroupedFigure(Figure, frozen=True):
    keys: dict[str, str]


class ComparedFigure(Figure, frozen=True):
    from_: date = field(name="from")
    to: date


class KpiAnswer(Struct, frozen=True):
    kpi: Kpi
    total: Figure | None
    groups: list[GroupedFigure]
    compared: ComparedFigure | None


class SumDifference(Struct, frozen=True):
    measure: str
    day: str
    known_on: str
    cell: list[str]
    expected: list[int]
    found: list[int]


class Recount(Struct, frozen=True):
    recount_id: UUID
    state: str
    parts: int
    parts_done: int
    facts: int
    facts_new: int
    sums: int
    differing: int
    report: list[SumDifference]
    outcomes: int = 0
