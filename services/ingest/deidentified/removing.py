"""A claim and a remit as rows without what says whose they are: HIPAA Safe Harbor, 45 CFR 164.514(b)(2). Pure.

Days are reduced to the year of the service; other days are told as their distance from it, and never with a year of their own: two
years and a distance between them can tell a day. What a sender wrote is kept where it has the form of a code, so that a name in the
wrong field goes nowhere.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.table_files import Kind
from libs.x12.claim import Claim, Person

What = Literal["claim-lines", "adjudications"]
Row = tuple[Any, ...]
COLUMNS: Final[Mapping[What, Mapping[str, Kind]]] = {
    "claim-lines": {
        "claim": "text",
        "line": "whole",
        "claim_type": "text",
        "frequency_code": "text",
        "facility_code": "text",
        "payer_id": "text",
        "payer_kind": "text",
        "payer_sequence": "text",
        "claim_filing_code": "text",
        "billing_provider": "text",
        "rendering_provider": "text",
        "patient_age": "text",
        "patient_sex": "text",
        "patient_state": "text",
        "patient_zip3": "text",
        "service_year": "whole",
        "service_days": "whole",
        "days_to_submission": "whole",
        "diagnoses": "text",
        "claim_charge_cents": "whole",
        "procedure_code": "text",
        "modifiers": "text",
        "units": "text",
        "revenue_code": "text",
        "place_of_service": "text",
        "charge_cents": "whole",
    },
    "adjudications": {
        "remit": "text",
        "claim": "text",
        "line": "whole",
        "claim_type": "text",
        "claim_status_code": "text",
        "payer_id": "text",
        "payer_kind": "text",
        "claim_filing_code": "text",
        "service_year": "whole",
        "days_to_payment": "whole",
        "procedure_code": "text",
        "modifiers": "text",
        "units": "text",
        "revenue_code": "text",
        "charge_cents": "whole",
        "paid_cents": "whole",
        "patient_responsibility_cents": "whole",
        "adjustments": "text",
        "rarcs": "text",
    },
}
AGE_MAX: Final = 90  # from here on all are one
_HIDDEN_ZIP3: Final = "000"
_ZIP: Final = re.compile(r"(\d{3})\d{2}(-?\d{4})?")
_STATES: Final = frozenset({
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME", "MD",
    "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD",
    "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "AS", "GU", "MP", "PR", "VI",
})  # fmt: skip
# A code of each kind has a digit where its list has one: a name in its place has none.
_FORMS: Final = {
    "procedure": re.compile(r"[A-Z]\d{4}|\d{4}[A-Z0-9]"),
    "modifier": re.compile(r"[A-Z0-9]{2}"),
    "diagnosis": re.compile(r"[A-Z]\d[0-9A-Z]{1,5}"),
    "number": re.compile(r"-?\d{1,5}(\.\d{1,3})?"),
    "revenue": re.compile(r"\d{3,4}"),
    "place": re.compile(r"\d{1,3}"),
    "payer": re.compile(r"[A-Z]{0,5}\d{3,10}[A-Z]{0,2}"),
    "short": re.compile(r"[A-Z0-9]{1,2}"),
    "sex": re.compile(r"[FMU]"),
    "carc": re.compile(r"[A-Z]?\d{1,3}"),
    "rarc": re.compile(r"[A-Z]{1,2}\d{1,4}"),
}


class Names:
    """Pseudonyms of one tenant: HMAC-SHA-256 under a key that follows from the service's secret and the tenant's name."""

    def __init__(self, secret: bytes, tenant_id: str) -> None:
        self._key = hmac.digest(secret, b"recours.deidentified\x1f" + tenant_id.encode(), "sha256")

    def of(self, kind: str, told: UUID | str) -> str:
        """Return what stands for something; the same for the same."""
        return hmac.new(self._key, f"{kind}\x1f{told}".encode(), hashlib.sha256).hexdigest()[:32]


class Removing:
    """What a tenant's rows are made with. `small_zip3`: areas of 20,000 people at most; None: not told, and all are hidden."""

    def __init__(self, names: Names, small_zip3: frozenset[str] | None) -> None:
        self._names = names
        self._small_zip3 = small_zip3

    def claim_rows(self, row_id: UUID, payer_kind: str | None, submitted_on: date, claim: Claim) -> Iterator[Row]:
        """Yield a row for each line of a claim, as COLUMNS has them."""
        patient = claim.patient_or_subscriber
        first, last = claim.service_span()
        rendering = claim.provider("82")
        head = (
            claim.claim_type,
            _code("short", claim.frequency_code),
            _code("place", claim.facility_code),
            _code("payer", claim.payer.payer_id),
            payer_kind,
            _code("short", claim.subscription.sequence),
            _code("short", claim.subscription.claim_filing_code),
            self._provider(claim.billing_provider.npi),
            self._provider(rendering.npi if rendering else ""),
            _age(patient.birth_on, first),
            _code("sex", patient.sex),
            *self._home(patient),
            None if first is None else first.year,
            _days(first, last),
            _days(first, submitted_on),
            _codes("diagnosis", (each.code.replace(".", "") for each in claim.diagnoses)),
            claim.charge_cents,
        )
        name = self._names.of("claim", row_id)
        for place, line in enumerate(claim.lines, start=1):
            yield (
                name,
                place,
                *head,
                _code("procedure", line.procedure_code),
                _codes("modifier", line.modifiers),
                _code("number", line.units),
                _code("revenue", line.revenue_code),
                _code("place", line.place_of_service),
                line.charge_cents,
            )

    def remit_rows(self, claim_row_id: UUID | None, remit: RemitReceivedV1, row_id: UUID) -> Iterator[Row]:
        """Yield a row for a remit as a whole (line 0), and one for each of its lines, as COLUMNS has them."""
        first = remit.service_from_on or min((each.service_on for each in remit.lines if each.service_on), default=None)
        head = (
            remit.claim_type,
            _code("short", remit.claim_status_code),
            _code("payer", remit.payer_id),
            remit.payer_kind,
            _code("short", remit.claim_filing_code),
            None if first is None else first.year,
            _days(first, remit.payment_on),
        )
        names = (self._names.of("remit", row_id), claim_row_id and self._names.of("claim", claim_row_id))
        whole = (None, None, None, None, remit.charge_cents, remit.paid_cents, remit.patient_responsibility_cents)
        yield (*names, 0, *head, *whole, *_reasons(remit, None))
        for line in remit.lines:
            yield (
                *names,
                line.line,
                *head,
                _code("procedure", line.procedure_code),
                _codes("modifier", line.modifiers),
                _code("number", line.units),
                _code("revenue", line.revenue_code),
                line.charge_cents,
                line.paid_cents,
                None,
                *_reasons(remit, line.line),
            )

    def _provider(self, npi: str) -> str | None:
        """Providers are no patients, but have addresses, smaller than a state."""
        return self._names.of("provider", npi) if npi else None

    def _home(self, patient: Person) -> tuple[str | None, str | None]:
        """Return a patient's state and the first three digits of the ZIP code, 000 for an area of few people."""
        address = patient.address
        if address is None or address.country not in ("", "US", "USA"):
            return None, None
        state = address.state if address.state in _STATES else None
        read = _ZIP.fullmatch(address.postal_code)
        if read is None:
            return state, None
        is_large = self._small_zip3 is not None and read[1] not in self._small_zip3
        return state, read[1] if is_large else _HIDDEN_ZIP3


def _reasons(remit: RemitReceivedV1, line: int | None) -> tuple[str, str]:
    """Return the adjustments of a line (CO-45=1200, by spaces; cents) and its remark codes."""
    told = [
        f"{each.group_code}-{each.carc}={each.amount_cents}"
        for each in remit.adjustments
        if each.line == line and _code("short", each.group_code) and _code("carc", each.carc)
    ]
    return " ".join(told), _codes("rarc", (each.rarc for each in remit.rarcs if each.line == line))


def _code(form: str, told: str | None) -> str | None:
    return told if told and _FORMS[form].fullmatch(told) else None


def _codes(form: str, told: Iterable[str]) -> str:
    return " ".join(each for each in told if _code(form, each))


def _days(first: date | None, last: date | None) -> int | None:
    return None if first is None or last is None else (last - first).days


def _age(birth_on: date | None, on: date | None) -> str | None:
    """Return whole years on the day of the service."""
    if birth_on is None or on is None or birth_on > on:
        return None
    years = on.year - birth_on.year - ((on.month, on.day) < (birth_on.month, birth_on.day))
    return f"{AGE_MAX}+" if years >= AGE_MAX else str(years)


def read_small_zip3(lines: Sequence[str]) -> frozenset[str]:
    """Read the ZIP codes' first three digits, a line each, of areas of 20,000 people at most. Errors: ValueError."""
    told = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    for number, each in enumerate(told, start=1):
        if not re.fullmatch(r"\d{3}", each):
            raise ValueError(f"entry {number} is not three digits")
    return frozenset(told)
