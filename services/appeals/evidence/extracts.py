"""One-page PDFs of what ingest holds: the acknowledgement as proof of timely filing, and the payer's decision.

The same facts make the same bytes: an extract that was made before is known again by its hash. What sets and reads pages is
imported when one is made: a worker that makes none need not hold it.
"""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

from libs.common.money import dollars

_TEMPLATE: Final = files(__package__).joinpath("extract.typ").read_bytes()
_MADE_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)  # of every extract: equal facts make equal bytes
_COUNTS: Final = ("accepted", "received")
_STATUSES_SHOWN, _LINES_SHOWN = 12, 40
Row = list[str]


def acknowledgement(claim: Mapping[str, Any]) -> bytes | None:
    """Return the proof that a claim arrived; None where nobody has said so. `claim`: ingest's answer about it."""
    told = [each for each in claim["acknowledgements"] if each["verdict"] in _COUNTS]
    if not told:
        return None
    facts = [
        ["Patient account number / Numéro de compte", claim["patient_control_number"]],
        ["Payer / Payeur", f"{claim['payer_name']} {claim['payer_id']}".strip()],
        ["Claim / Demande", f"{claim['claim_type']}, frequency {claim['frequency_code']}"],
        ["Dates of service / Dates de service", _span(claim["service_from_on"], claim["service_to_on"])],
        ["Charge / Montant facturé", dollars(claim["charge_cents"])],
        ["Sent / Envoyée", _moment(claim["submitted_at"])],
        ["Payer claim control number / Numéro du payeur", claim["payer_claim_control_number"] or "-"],
        ["Claim id", claim["claim_id"]],
    ]
    rows = [
        [
            each["acknowledged_on"],
            each["source"],
            each["verdict"],
            each["payer_claim_control_number"] or "-",
            ", ".join(f"{status['category']} {status['code']}" for status in each["statuses"][:_STATUSES_SHOWN]) or "-",
            each["interchange_id"],
        ]
        for each in told
    ]
    head = ["Date", "By / Par", "Answer / Réponse", "Payer's number", "Status", "File / Fichier"]
    note = (
        "These answers were received electronically from the payer's or clearinghouse's front door and are kept as they came. / "
        "Ces réponses ont été reçues par voie électronique et sont conservées telles quelles."
    )
    return _render("Proof of timely filing", "Preuve de dépôt dans les délais", facts, head, rows, note)


def remittance(remit: Mapping[str, Any], payment: Mapping[str, Any]) -> bytes:
    """Return the payer's decision on one claim. `remit` and `payment`: ingest's answers about the remit and its remittance."""
    facts = [
        ["Patient account number / Numéro de compte", remit["patient_control_number"]],
        ["Payer / Payeur", f"{payment['payer_name']} {payment['payer_id']}".strip()],
        ["Payer claim control number / Numéro du payeur", remit["payer_claim_control_number"] or "-"],
        ["Payment / Paiement", f"{payment['method']} {payment['trace_number']}, {remit['payment_on']}".strip()],
        ["Claim status / État (CLP02)", remit["claim_status_code"]],
        ["Dates of service / Dates de service", _span(remit["service_from_on"], remit["service_to_on"])],
        ["Charge / Montant facturé", dollars(remit["charge_cents"])],
        ["Paid / Payé", dollars(remit["paid_cents"])],
        ["Remarks / Remarques", ", ".join(remit["rarcs"]) or "-"],
    ]
    lines = {line["line"]: line for line in remit["lines"]}
    rows = []
    for item in remit["adjustments"]:
        line = lines.get(item["line"], {})
        rows.append(
            [
                str(item["line"] or "-"),
                " ".join(filter(None, [line.get("procedure_code", ""), *line.get("modifiers", [])])) or "-",
                item["group_code"],
                item["carc"],
                dollars(item["amount_cents"]),
                ", ".join(line.get("rarcs", [])) or "-",
            ]
        )
    head = ["Line / Ligne", "Procedure / Acte", "Group / Groupe", "CARC", "Amount / Montant", "RARC"]
    note = (
        "Adjustments as the payer wrote them in the remittance (835). / "
        "Ajustements tels que le payeur les a écrits dans l'avis de paiement (835)."
    )
    return _render("Remittance extract", "Extrait de l'avis de paiement", facts, head, rows, note)


def pages_of(pdf: bytes) -> int:
    from pypdf import PdfReader  # noqa: PLC0415 - see above

    return len(PdfReader(io.BytesIO(pdf)).pages)


def _render(title: str, title_fr: str, facts: list[Row], head: Row, rows: list[Row], note: str) -> bytes:
    told = {
        "title": title,
        "title_fr": title_fr,
        "facts": facts,
        "head": head,
        "rows": rows[:_LINES_SHOWN],
        "more": max(0, len(rows) - _LINES_SHOWN),
        "note": note,
    }
    import typst  # noqa: PLC0415 - see above

    made = typst.compile(
        _TEMPLATE, format="pdf", sys_inputs={"told": json.dumps(told)}, ignore_system_fonts=True, timestamp=_MADE_AT
    )  # fmt: skip
    if not isinstance(made, bytes):
        raise TypeError("one document was asked for")
    return made


def _span(first: str | None, last: str | None) -> str:
    return " - ".join(dict.fromkeys(filter(None, (first, last)))) or "-"


def _moment(told: str) -> str:
    return f"{datetime.fromisoformat(told):%Y-%m-%d %H:%M} UTC"
