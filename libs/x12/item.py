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

Item = (
    InterchangeOpened
    | TransactionOpened
    | PaymentRead
    | Remit
    | BatchRead
    | Claim
    | StatusRead
    | SetAnswer
    | GroupAnswer
    | TransactionClosed
    | InterchangeClosed
    | Finding
)
