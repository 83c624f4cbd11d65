"""Items of a file become rows and events, a batch at a time: what is new is booked once, what was here before is counted.

Pure: it is told what the database already holds and says what to write.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from libs.common.contracts.envelope import MAX_EVENT_BYTES, encode
from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.ids import claim_key, uuid7
from libs.x12 import (
    BatchRead,
    Claim,
    Finding,
    GroupAnswer,
    Item,
    PaymentRead,
    RecordsRequest,
    Remit,
    SetAnswer,
    StatusRead,
    TransactionClosed,
    TransactionOpened,
)
from libs.x12.model import Severity
from services.ingest.claims.candidates import AnswerCandidate, ClaimCandidate, Intake
from services.ingest.claims.life import Source, of_status
from services.ingest.claims.requests import RequestCandidate
from services.ingest.identity import Ordinals, content_digest, ledger_day, remit_id, remittance_id
from services.ingest.received import Received
from services.ingest.translation import to_event

MESSAGES = {
    "remit_conflict": "The same payment was sent before with other content for this claim; the first stays.",
    "remittance_conflict": "The same payment was sent before with another amount; the first stays.",
    "claim_too_large": "The claim is larger than 512 KiB as an event; it was not booked.",
    "long_patient_control_number": "The patient control number is longer than payers echo.",
    "internal_error": "Reading the file met an error of ours; it was logged and the file is kept.",
}
Kind = tuple[UUID, str, str, str]  # a payment, account number, payer's number and status: what equal claims have in common
Place = tuple[UUID, int]  # a file, and the ordinal of a transaction in it

_NOTES_A_BATCH = 5000
_ACKNOWLEDGEMENT = "005010X214"
_PCN_MAX = 38  # CLP01 may have as many characters
_CONTROL_NUMBER_MAX = 50  # the standard knows nine


@dataclass
class Candidate:
    """One claim of the file, named and said, before it is known whether it is new."""

    remit: Remit
    remit_id: UUID
    row_id: UUID  # and that of its event
    digest: bytes
    ordinal: int
    transaction_ordinal: int
    event: RemitReceivedV1
    payload: bytes
    payment: PaymentRead

    def name_at(self, tenant_id: str, place: int) -> UUID:
        """Return the name that this claim would have at another place among its equals, in a file of another order."""
        return remit_id(tenant_id, self.payment, self.event.remittance_id, self.remit, place)

    def answering(self, claim_id: UUID | None) -> bytes:
        """Return what will be sent, with the claim that this answers: the last field, and absent so far."""
        return self.payload if claim_id is None else b'%s,"claim_id":"%s"}' % (self.payload[:-1], str(claim_id).encode())

    def move(self, tenant_id: str, place: int) -> None:
        """Give this claim another place among its equals, and so another name."""
        self.remit_id = self.name_at(tenant_id, place)
        self.event = replace(self.event, remit_id=self.remit_id)
        self.payload = encode(self.event)

    def kind(self) -> Kind:
        """Return what this claim has in common with its equals."""
        remit = self.remit
        return self.event.remittance_id, remit.patient_control_number, remit.payer_claim_control_number, remit.claim_status_code


@dataclass(frozen=True)
class Stored:
    """What the database holds under a remit id."""

    digest: bytes
    interchange_id: UUID
    transaction_ordinal: int
    claim_ordinal: int


@dataclass
class Tally:
    """How the claims of one transaction fared."""

    new: int = 0
    duplicate: int = 0
    conflicting: int = 0
    refused: int = 0


@dataclass
class Progress:
    """What is known of the file so far; lives as long as its reading. Of transactions, only those not yet written are kept.

    `held` is the end of the lease on the file, and the proof that it is still ours: whoever takes the file over changes it. A file
    that is read in the one transaction that locks it has no lease.
    """

    received: Received
    held: datetime | None = None
    pseudonym_key: bytes = b""
    opened: TransactionOpened | None = None
    payment: PaymentRead | None = None
    remittance_id: UUID | None = None
    ordinals: Ordinals = field(default_factory=Ordinals)
    tallies: dict[int, Tally] = field(default_factory=dict)
    remittances: dict[int, UUID] = field(default_factory=dict)
    versions: dict[int, str] = field(default_factory=dict)
    claims: int = 0
    findings: int = 0
    errors: int = 0
    unbalanced: bool = False
    payments: int = 0
    head: BatchRead | None = None
    claims_billed: int = 0
    answers: int = 0  # to claims and to sets, and what payers ask about claims
    sets_answered: int = 0  # of the transaction that is open
    bytes_written: int = 0  # of the file, up to the last batch that was written

    def forget(self, transaction_ordinal: int) -> None:
        """Keep nothing of a transaction that is written: a file may hold a million of them."""
        for kept in (self.tallies, self.remittances, self.versions):
            kept.pop(transaction_ordinal, None)


@dataclass
class Batch:
    """What one transaction of the database will write."""

    payments: list[tuple[UUID, PaymentRead]] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    closed: list[TransactionClosed] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    intake: Intake = field(default_factory=Intake)

    def is_full(self, claims: int) -> bool:
        if len(self.intake) >= claims:
            return True
        return len(self.candidates) >= claims or len(self.findings) + len(self.payments) + len(self.closed) >= _NOTES_A_BATCH

    def clear(self) -> None:
        for part in (self.payments, self.candidates, self.closed, self.findings):
            part.clear()
        self.intake.clear()


@dataclass
class Part:
    """What one file brings to a transaction."""

    progress: Progress
    batch: Batch = field(default_factory=Batch)

    @property
    def received(self) -> Received:
        return self.progress.received

    def end(self, tallies: Mapping[Place, Tally], sorted_: "Sorted") -> None:
        """Note that all of it is written."""
        progress, file = self.progress, self.received.interchange_id
        contradictions = len(sorted_.findings[file])
        progress.findings += contradictions
        progress.errors += contradictions
        progress.tallies.update({ordinal: tally for (of, ordinal), tally in tallies.items() if of == file})
        for each in self.batch.closed:
            progress.forget(each.ordinal)


def take(progress: Progress, batch: Batch, items: Iterable[Item]) -> None:
    """Add a reader's items to a batch, in file order."""
    for item in items:
        if type(item) is Remit:  # and no isinstance: of a struct of another kind, that costs as much as taking a line
            _take_remit(progress, batch, item)
        elif type(item) is Claim:
            _take_claim(progress, batch, item)
        elif isinstance(item, Finding):
            _take_finding(progress, batch, item)
        elif isinstance(item, TransactionOpened):
            progress.opened, progress.ordinals, progress.head, progress.sets_answered = item, Ordinals(), None, 0
            progress.tallies[item.ordinal] = Tally()
            progress.versions[item.ordinal] = item.version
        elif isinstance(item, PaymentRead):
            progress.payment = item
            progress.remittance_id = remittance_id(progress.received.tenant_id, item)
            progress.remittances[item.transaction_ordinal] = progress.remittance_id
            progress.payments += 1
            batch.payments.append((progress.remittance_id, item))
        elif isinstance(item, TransactionClosed):
            progress.unbalanced |= bool(item.unbalanced_claims or item.unbalanced_lines or item.balance_difference_cents)
            batch.closed.append(item)
        else:
            _take_answer(progress, batch, item)


def _take_answer(progress: Progress, batch: Batch, item: Item) -> None:
    """Take the head of an 837 or 277, and what a 277 or 999 holds."""
    opened, received = progress.opened, progress.received
    if isinstance(item, BatchRead):
        progress.head = item
    elif isinstance(item, StatusRead) and opened is not None:
        progress.answers += 1
        reference = progress.head.reference if progress.head else ""
        source: Source = "277CA" if opened.version.startswith(_ACKNOWLEDGEMENT) else "277"
        answer = of_status(received.tenant_id, item, reference, received.received_at.date(), source)
        if answer is not None:
            progress.claims += 1
            batch.intake.answers.append(AnswerCandidate(answer, opened.ordinal))
    elif isinstance(item, RecordsRequest) and opened is not None:
        progress.answers += 1
        progress.claims += 1
        batch.intake.requests.append(RequestCandidate(item, opened.ordinal))
    elif isinstance(item, SetAnswer):
        progress.answers += 1
        progress.sets_answered += 1
        batch.intake.sets.append(_shortened(item))
    elif isinstance(item, GroupAnswer):
        progress.answers += 1
        if not progress.sets_answered:  # the group as a whole: no set is named, all are meant
            whole = SetAnswer(0, 0, 0, item.functional_id, item.group_control_number, "", "", item.code)
            batch.intake.sets.append(_shortened(whole))


def _shortened(answer: SetAnswer) -> SetAnswer:
    """Return an answer whose control numbers an index can hold."""
    return replace(
        answer,
        group_control_number=answer.group_control_number[:_CONTROL_NUMBER_MAX],
        set_control_number=answer.set_control_number[:_CONTROL_NUMBER_MAX],
    )


def _take_claim(progress: Progress, batch: Batch, claim: Claim) -> None:
    """Take one claim of an 837."""
    opened = progress.opened
    if opened is None:  # the reader emits it first
        raise ValueError("a claim before its transaction")
    progress.claims += 1
    progress.claims_billed += 1
    candidate = ClaimCandidate.of(
        progress.received.tenant_id,
        progress.pseudonym_key,
        claim,
        transaction_ordinal=opened.ordinal,
        sent_on=progress.head.created_on if progress.head else None,
        group_control_number=opened.group_control_number[:_CONTROL_NUMBER_MAX],
        set_control_number=opened.control_number[:_CONTROL_NUMBER_MAX],
    )
    if candidate.is_too_large():
        progress.tallies[opened.ordinal].refused += 1
        _take_finding(progress, batch, _claim_finding("claim_too_large", "error", claim, opened.ordinal))
        return
    if len(claim.patient_control_number) > _PCN_MAX:
        _take_finding(progress, batch, _claim_finding("long_patient_control_number", "warning", claim, opened.ordinal, "CLM01"))
    batch.intake.claims.append(candidate)


def _claim_finding(code: str, severity: Severity, claim: Claim, transaction_ordinal: int, element: str | None = None) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        message=MESSAGES[code],
        byte_offset=claim.byte_offset,
        segment_index=claim.segment_index,
        segment_id="CLM",
        loop="2300",
        element=element,
        snip_type=2,
        transaction_ordinal=transaction_ordinal,
        claim_ordinal=claim.ordinal,
    )


def _take_finding(progress: Progress, batch: Batch, finding: Finding) -> None:
    progress.findings += 1
    progress.errors += finding.severity == "error"
    batch.findings.append(finding)


def _take_remit(progress: Progress, batch: Batch, remit: Remit) -> None:
    payment, remittance, opened = progress.payment, progress.remittance_id, progress.opened
    if payment is None or remittance is None or opened is None:  # the reader emits them first
        raise ValueError("a remit before its payment")
    received = progress.received
    ordinal = progress.ordinals.next(remit)
    named = remit_id(received.tenant_id, payment, remittance, remit, ordinal)
    event = to_event(
        remit,
        payment,
        remit_id=named,
        remittance_id=remittance,
        interchange_id=received.interchange_id,
        claim_key=claim_key(received.tenant_id, remit.patient_control_number),
        payment_on=ledger_day(payment, received.received_at.date()),
        received_at=received.received_at,
    )
    payload = encode(event)
    progress.claims += 1
    if len(payload) > MAX_EVENT_BYTES:
        progress.tallies[opened.ordinal].refused += 1
        _take_finding(progress, batch, _finding("claim_too_large", "error", remit, opened.ordinal))
        return
    if len(remit.patient_control_number) > _PCN_MAX:
        _take_finding(progress, batch, _finding("long_patient_control_number", "warning", remit, opened.ordinal, element="CLP01"))
    digest = content_digest(remit)
    batch.candidates.append(Candidate(remit, named, uuid7(), digest, ordinal, opened.ordinal, event, payload, payment))


@dataclass
class Sorted:
    """Candidates sorted by what the database holds; findings by file."""

    new: list[Candidate] = field(default_factory=list)
    findings: dict[UUID, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    tallies: dict[Place, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def tallied(parts: Sequence[Part], sorted_: Sorted) -> dict[Place, Tally]:
    """Return how the claims fared of all transactions that are touched, as it stands when these parts are written."""
    tallies = {}
    for part in parts:
        file, progress = part.received.interchange_id, part.progress
        touched = {ordinal for of, ordinal in sorted_.tallies if of == file} | {each.ordinal for each in part.batch.closed}
        for ordinal in touched:
            was, counts = progress.tallies[ordinal], sorted_.tallies[file, ordinal]
            tallies[file, ordinal] = Tally(
                was.new + counts["new"],
                was.duplicate + counts["duplicate"],
                was.conflicting + counts["conflicting"],
                was.refused,
            )
    return tallies


def conflicting_remit(candidate: Candidate) -> Finding:
    """Say that a claim is here already, with other content."""
    return _finding("remit_conflict", "error", candidate.remit, candidate.transaction_ordinal)


def contradicting_payment(payment: PaymentRead) -> Finding:
    """Say that a payment is here already, with another amount."""
    return Finding(
        "remittance_conflict",
        "error",
        MESSAGES["remittance_conflict"],
        payment.byte_offset,
        payment.segment_index,
        segment_id="BPR",
        loop="1000",
        element="BPR02",
        snip_type=2,
        transaction_ordinal=payment.transaction_ordinal,
    )


def _finding(code: str, severity: str, remit: Remit, transaction_ordinal: int, element: str | None = None) -> Finding:
    return Finding(
        code=code,
        severity=severity,  # type: ignore[arg-type]  # the callers write the same three words
        message=MESSAGES[code],
        byte_offset=remit.byte_offset,
        segment_index=remit.segment_index,
        segment_id="CLP",
        loop="2100",
        element=element,
        snip_type=2,
        transaction_ordinal=transaction_ordinal,
        claim_ordinal=remit.ordinal,
    )


def status_of(progress: Progress) -> str:
    """Return the file's final status.

    rejected: nothing could be read, neither a payment nor a claim nor an answer to one. accepted_with_errors: something could not
    be read or contradicts what is booked, or a line, claim or payment does not balance. Lies in the envelope alone leave it
    accepted; they are listed all the same.
    """
    if not (progress.payments or progress.claims_billed or progress.answers):
        return "rejected"
    return "accepted_with_errors" if progress.errors or progress.unbalanced else "accepted"
