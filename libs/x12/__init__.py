"""X12 read and written: a pure library that knows nothing of the rest of Recours.

`InterchangeReader` reads a stream of bytes, cut anywhere, into items in file order; whatever is irregular becomes a `Finding` with
its exact position and never an exception. Remittances, claims and what is answered to them are written
from the same model (`writer`, `claim_writer`, `acknowledgement_writer`).
"""

from libs.x12.acknowledgement import GroupAnswer, SetAnswer, StatusRead
from libs.x12.claim import BatchRead, Claim, ClaimLine
from libs.x12.item import Item
from libs.x12.model import (
    Adjustment,
    Finding,
    InterchangeClosed,
    InterchangeOpened,
    Party,
    PaymentRead,
    ProviderAdjustment,
    Remit,
    ServiceLine,
    TransactionClosed,
    TransactionOpened,
)
from libs.x12.reader import InterchangeReader
from libs.x12.records_request import RecordsRequest, RequestedCode, RequestedLine
from libs.x12.writer import Payment, RemittanceSet, write_interchange

__all__ = [
    "Adjustment",
    "BatchRead",
    "Claim",
    "ClaimLine",
    "Finding",
    "GroupAnswer",
    "InterchangeClosed",
    "InterchangeOpened",
    "InterchangeReader",
    "Item",
    "Party",
    "Payment",
    "PaymentRead",
    "ProviderAdjustment",
    "RecordsRequest",
    "Remit",
    "RemittanceSet",
    "RequestedCode",
    "RequestedLine",
    "ServiceLine",
    "SetAnswer",
    "StatusRead",
    "TransactionClosed",
    "TransactionOpened",
    "write_interchange",
]
