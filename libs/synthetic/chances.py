"""Claims with the chance that each is denied: what a model of risk is held against, as nothing is better than the chance itself.

The chance follows from what the claim says alone: payer, procedures, authorization, provider, days to filing, findings. The payer's
answer is drawn from it. A planted shift changes a payer's mind from a day on. Nothing here is a real claim, and drawing one costs
a few microseconds, so that a million can be made.
"""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

_PAYERS: Final = (
    ("1999999984", "commercial", 0.0), ("1999999976", "medicare", -0.5), ("1999999968", "medicaid", 0.8),
    ("1999999950", "medicare_advantage", 0.3), ("1999999943", "commercial", -0.2), ("1999999935", "commercial", 0.1),
)  # fmt: skip
_PAYER_WEIGHTS: Final = (30, 25, 15, 12, 12, 6)
_PROCEDURES: Final = tuple(f"{letter}{number:04d}" for letter in "AEGJT" for number in range(1001, 1013))
_DIAGNOSES: Final = ("E11", "I10", "J44", "M17", "M54", "F41", "N39", "R07", "Z00", "G47")
_PROVIDERS: Final = tuple(f"12000{number:05d}" for number in range(40))
_MODIFIERS: Final = ((), (), ("GP",), ("KX",), ("RR",))
_BASE: Final = -2.75
_LINES_WEIGHTS: Final = (45, 32, 15, 8)
_FILING_DAYS: Final = 30
_ANSWER_DAYS: Final = (8, 28)
_SHIFT: Final = 2.2  # log odds
_RULES: Final = (
    ("PAYER-AUTHORIZATION", "error", 1.6),
    ("NCCI-PTP-COLUMN-2", "warning", 0.9),
    ("CODE-DIAGNOSIS-UNSPECIFIC", "info", 0.0),
)
_RULE_SHARES: Final = (0.03, 0.05, 0.06)
_SEND_AGAIN_SHARE: Final = 0.2  # of the denied claims

Category = Literal["authorization", "coding_bundling", "timely_filing", "medical_necessity", "missing_information"]


class ChancedLine(Struct, frozen=True, gc=False):
    procedure_code: str
    modifiers: tuple[str, ...]
    charge_cents: int


class ChancedClaim(Struct, frozen=True, gc=False):
    """One claim, the chance that it is denied, and the answer that was drawn. `account` is shared by what is sent again."""

    account: int
    payer_id: str
    payer_kind: str
    provider_npi: str
    facility_code: str
    diagnoses: tuple[str, ...]
    authorization: bool
    frequency_code: str
    lines: tuple[ChancedLine, ...]
    findings: tuple[tuple[str, str], ...]  # rule, severity
    served_on: date
    submitted_on: date
    chance: float
    answered_on: date
    denied: bool
    category: Category | None
    line: int | None  # the denied one, from 1; None: the whole claim

    @property
    def charge_cents(self) -> int:
        return sum(line.charge_cents for line in self.lines)


class _Minds:
    """What each payer thinks of each thing, drawn once."""

    def __init__(self, seed: int) -> None:
        draw = Random(f"{seed} minds")
        self.payer = {payer_id: lean for payer_id, _, lean in _PAYERS}
        self.procedure = {(payer_id, code): max(-1.2, draw.gauss(-0.2, 0.9)) for payer_id, _, _ in _PAYERS for code in _PROCEDURES}
        self.wants = {(payer_id, code): draw.random() < 0.25 for payer_id, _, _ in _PAYERS for code in _PROCEDURES}  # noqa: PLR2004
        self.provider = {npi: draw.gauss(0, 0.3) for npi in _PROVIDERS}
        self.necessity = {(code, diagnosis): draw.random() < 0.05 for code in _PROCEDURES for diagnosis in _DIAGNOSES}  # noqa: PLR2004


def chanced_claims(
    seed: int, claims: int, first_on: date = date(2025, 1, 1), days: int = 360, shift_on: date | None = None
) -> Iterator[ChancedClaim]:
    """Yield claims in the order of their submission, evenly over some days.

    From `shift_on` on the first payer refuses what it liked and likes what it refused.
    """
    draw, minds = Random(f"{seed} chances"), _Minds(seed)
    again: list[ChancedClaim] = []
    for number in range(claims):
        submitted_on = first_on + timedelta(days=number * days // claims)
        if again and again[0].answered_on < submitted_on:
            yield _sent_again(again.pop(0), submitted_on, minds, draw, shift_on)
            continue
        claim = _claim(number, submitted_on, minds, draw, shift_on)
        if claim.denied and draw.random() < _SEND_AGAIN_SHARE:
            again.append(claim)
        yield claim


def _claim(number: int, submitted_on: date, minds: _Minds, draw: Random, shift_on: date | None) -> ChancedClaim:
    payer_id, payer_kind, _ = draw.choices(_PAYERS, _PAYER_WEIGHTS)[0]
    codes = draw.sample(_PROCEDURES, 1 + draw.choices(range(4), _LINES_WEIGHTS)[0])
    lag_days = int(draw.expovariate(1 / 14)) + 1
    findings = tuple(
        (rule, severity) for (rule, severity, _), share in zip(_RULES, _RULE_SHARES, strict=True) if draw.random() < share
    )
    return _answered(
        ChancedClaim(
            account=number,
            payer_id=payer_id,
            payer_kind=payer_kind,
            provider_npi=draw.choice(_PROVIDERS),
            facility_code=draw.choice(("11", "22", "12")),
            diagnoses=tuple(draw.sample(_DIAGNOSES, 1 + (draw.random() < 0.4))),  # noqa: PLR2004
            authorization=draw.random() < 0.6,  # noqa: PLR2004
            frequency_code="1",
            lines=tuple(ChancedLine(code, draw.choice(_MODIFIERS), 2_000 + int(draw.expovariate(1 / 20_000))) for code in codes),
            findings=findings,
            served_on=submitted_on - timedelta(days=lag_days),
            submitted_on=submitted_on,
            chance=0.0,
            answered_on=submitted_on,
            denied=False,
            category=None,
            line=None,
        ),
        minds,
        draw,
        shift_on,
    )


def _sent_again(claim: ChancedClaim, submitted_on: date, minds: _Minds, draw: Random, shift_on: date | None) -> ChancedClaim:
    changed = replace(claim, frequency_code="7", authorization=True, submitted_on=submitted_on)
    return _answered(changed, minds, draw, shift_on)


def _answered(claim: ChancedClaim, minds: _Minds, draw: Random, shift_on: date | None) -> ChancedClaim:
    """Say what the chance is, and draw the answer."""
    shifted = shift_on is not None and claim.submitted_on >= shift_on and claim.payer_id == _PAYERS[0][0]
    causes = _causes(claim, minds, shifted)
    score = _BASE + minds.payer[claim.payer_id] + sum(weight for _, weight, _ in causes)
    chance = 1 / (1 + math.exp(-score))
    denied = draw.random() < chance
    answered_on = claim.submitted_on + timedelta(days=draw.randint(*_ANSWER_DAYS))
    category, line = None, None
    if denied:
        weights = [max(weight, 0.02) for _, weight, _ in causes]
        category, _, line = draw.choices(causes, weights)[0]
    return replace(claim, chance=chance, denied=denied, answered_on=answered_on, category=category, line=line)


def _causes(claim: ChancedClaim, minds: _Minds, shifted: bool) -> list[tuple[Category, float, int | None]]:
    """Return what adds to the score: as what category it would be denied, by how much, and which line (None: all)."""
    told = []
    for place, line in enumerate(claim.lines, start=1):
        weight = minds.procedure[claim.payer_id, line.procedure_code]
        told.append((-weight + _SHIFT / 4 if shifted else weight, place, line.procedure_code))
    weight, place, _ = max(told)
    causes: list[tuple[Category, float, int | None]] = [("coding_bundling", weight, place)]
    unauthorized = [
        place
        for _, place, code in told
        if not claim.authorization and minds.wants[claim.payer_id, code] != (shifted and place == 1)
    ]
    if unauthorized:
        causes.append(("authorization", 1.7, unauthorized[0]))
    unneeded = [place for _, place, code in told if minds.necessity[code, claim.diagnoses[0]]]
    if unneeded:
        causes.append(("medical_necessity", 1.4, unneeded[0]))
    late_days = (claim.submitted_on - claim.served_on).days - _FILING_DAYS
    if late_days > 0:
        causes.append(("timely_filing", min(2.0, 0.06 * late_days), None))
    weights = {rule: weight for rule, _, weight in _RULES}
    causes.append(("missing_information", sum(weights[rule] for rule, _ in claim.findings), None))
    causes.append(("missing_information", minds.provider[claim.provider_npi], None))
    return causes
