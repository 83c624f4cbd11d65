"""What checks are told of the world: code sets, NCCI edits, payer rules, earlier claims. Values only; loading.py brings them.

Everything is asked for a batch of claims at once, so what is not here was not asked or is not loaded; `loaded` tells which.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Final
from uuid import UUID

from msgspec import Struct, field

ICD10CM: Final = "icd10cm"
HCPCS: Final = "hcpcs"
# Stands before the modifiers among the codes of HCPCS (-LT); alone it says that the release tells of modifiers.
MODIFIER: Final = "-"
TAXONOMY: Final = "nucc-taxonomy"
PTP_PRACTITIONER: Final = "ncci-ptp-practitioner"
PTP_HOSPITAL: Final = "ncci-ptp-hospital"
MUE_PRACTITIONER: Final = "ncci-mue-practitioner"
MUE_HOSPITAL: Final = "ncci-mue-hospital"
CODE_SETS: Final = (ICD10CM, HCPCS, TAXONOMY)
PTP_SETS: Final = (PTP_PRACTITIONER, PTP_HOSPITAL)
MUE_SETS: Final = (MUE_PRACTITIONER, MUE_HOSPITAL)
FEE_SCHEDULE: Final = "fee-schedule"  # what payers agreed to allow: no check needs it
SETS: Final = (*CODE_SETS, *PTP_SETS, *MUE_SETS)


class Release(Struct, frozen=True, gc=False):
    """One loaded release of a set; it holds from the first day of its quarter until the next one's."""

    release_id: int
    begins_on: date


class CodeEntry(Struct, frozen=True, gc=False):
    """One code of a release: whether it may be billed (a header may not), and between which days."""

    billable: bool = True
    valid_from: date | None = None
    valid_to: date | None = None


class PtpEdit(Struct, frozen=True, gc=False):
    """One pair of NCCI: column 2 is not paid beside column 1. `indicator` 0 never, 1 unless a modifier says so, 9 not any more."""

    begins_on: date
    ends_on: date | None
    indicator: str


class MueLimit(Struct, frozen=True, gc=False):
    """How many units of a procedure are likely at most. `indicator` 1 a line, 2 and 3 a day."""

    units: int
    indicator: str


class EarlierLine(Struct, frozen=True, gc=False):
    """A line of a claim of the same member that was submitted before."""

    claim_id: UUID
    service_on: date
    procedure_code: str
    modifiers: tuple[str, ...]
    provider_npi: str
    charge_cents: int
    revenue_code: str = ""


NO_MODIFIER: Final = "none"


class Only(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which lines a rule is about, beside its codes: those that have one of each that is named. Empty: whichever.

    `modifiers` may hold NO_MODIFIER; `rendering_npis`: who did it, or who bills where nobody else is named; `facility_codes`: the
    claim's place of service, or the first digits of its type of bill; `diagnosis_prefixes`: how its first diagnosis begins.
    """

    modifiers: tuple[str, ...] = ()
    rendering_npis: tuple[str, ...] = ()
    billing_npis: tuple[str, ...] = ()
    facility_codes: tuple[str, ...] = ()
    claim_types: tuple[str, ...] = ()
    diagnosis_prefixes: tuple[str, ...] = ()


class PayerRule(Struct, frozen=True, kw_only=True, dict=True, omit_defaults=True):
    """One rule of a payer, for services from `effective_from` to `effective_to` (both included; None is open).

    `kind` says which of the other fields count: timely_filing days; member_id patterns; prior_authorization, referral,
    ordering_provider, attachment and refused procedure_codes, revenue_codes and only; same_day procedure_codes and only; frequency
    procedure_codes, times, days; bundled procedure_codes, component_codes and the modifiers that tell them apart. A code that ends
    in * stands for all that begin so.
    """

    kind: str
    effective_from: date
    effective_to: date | None = None
    procedure_codes: tuple[str, ...] = ()
    revenue_codes: tuple[str, ...] = ()
    component_codes: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    days: int | None = None
    times: int | None = None
    only: Only | None = None

    def holds_on(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)

    @cached_property
    def _named(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Return the codes that are named whole, and how those begin that are not."""
        return (
            frozenset(code for code in self.procedure_codes if not code.endswith("*")),
            tuple(code[:-1] for code in self.procedure_codes if code.endswith("*")),
        )

    def covers(self, procedure_code: str) -> bool:
        """Say whether the rule is about a procedure."""
        whole, beginnings = self._named
        return procedure_code in whole or procedure_code.startswith(beginnings)

    def is_about(self, procedure_code: str, revenue_code: str) -> bool:
        """Say whether the rule is about a line, by its procedure or by its revenue code."""
        return (bool(procedure_code) and self.covers(procedure_code)) or revenue_code in self._revenue

    @cached_property
    def _revenue(self) -> frozenset[str]:
        return frozenset(self.revenue_codes)

    @cached_property
    def components(self) -> frozenset[str]:
        return frozenset(self.component_codes)


class Reference(Struct, frozen=True):
    """What a batch of claims is checked against. `releases` are in the order of their days."""

    releases: Mapping[str, Sequence[Release]] = field(default_factory=dict)
    codes: Mapping[tuple[int, str], CodeEntry] = field(default_factory=dict)
    ptp: Mapping[tuple[int, str, str], Sequence[PtpEdit]] = field(default_factory=dict)
    mue: Mapping[tuple[int, str], MueLimit] = field(default_factory=dict)
    payers: Mapping[str, Sequence[PayerRule]] = field(default_factory=dict)
    known_payers: frozenset[str] = frozenset()  # all payers that have rules; empty: none has, and nobody is unknown

    def release_on(self, name: str, day: date) -> int | None:
        """Return the release of a set that holds on a day; None where none is loaded that old."""
        releases = self.releases.get(name)
        if not releases:
            return None
        at = bisect_right(releases, day, key=lambda release: release.begins_on)
        return releases[at - 1].release_id if at else None

    @property
    def not_loaded(self) -> tuple[str, ...]:
        """Return the sets of which nothing is loaded: what needs them is not checked."""
        return tuple(name for name in SETS if not self.releases.get(name))
