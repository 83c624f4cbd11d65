"""Everything that the reader may yield, in file order."""

from libs.x12.acknowledgement import GroupAnswer, SetAnswer, StatusRead
from libs.x12.claim import BatchRead, Claim
from libs.x12.model import (
    Finding,
    InterchangeClosed,
    InterchangeOpened,
    PaymentRead,
    Remit,
    TransactionClosed,
    TransactionOpened,
)
from libs.x12.records_request import RecordsRequest

Item = (
    InterchangeOpened
    | TransactionOpened
    | PaymentRead
    | Remit
    | BatchRead
    | Claim
    | StatusRead
    | RecordsRequest
    | SetAnswer
    | GroupAnswer
    | TransactionClosed
    | InterchangeClosed
    | Finding
)
