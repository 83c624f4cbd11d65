"""One account's life, its files in any order: each answer finds its claim, each claim what it takes the place of."""

import random

from tests.integration.ingest.conftest import Ingest
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode

ORDERS = 24


def files(pcn: str) -> list[bytes]:
    """Return a claim that is rejected, its correction, which is accepted, the void of that, and what is answered to each."""
    number = f"ICN{pcn}"
    claims = (
        (made.claim(pcn), "20260201"),
        (made.claim(pcn, more=["REF*G1*AUTH1"]), "20260205"),
        (made.claim(pcn, frequency="8", more=[f"REF*F8*{number}"]), "20260220"),
    )
    answers = (
        ("20260203", made.status(pcn, "A7:562:82", on="20260203")),
        ("20260205", made.status(pcn, on="20260205", number=number)),
        ("20260222", made.status(pcn, on="20260222", number=number)),
    )
    return [
        *(encode(made.one(claim, control=f"{pcn}{on}", on=on)) for claim, on in claims),
        *(encode(made.acknowledgement(answer, reference=f"R{pcn}{on}", on=on)) for on, answer in answers),
    ]


async def test_an_account_ends_alike_whatever_order_its_files_come_in(ingest: Ingest) -> None:
    for order in range(ORDERS):
        shuffled = files(f"P{order}")
        random.Random(order).shuffle(shuffled)
        for body in shuffled:
            await ingest.take(body)
    rows = await ingest.rows(
        "SELECT claims.patient_control_number, claims.sent_on::text, claims.state, claims.payer_claim_control_number <> '',"
        " before.sent_on::text FROM claims LEFT JOIN claims before ON before.claim_id = claims.replaces_claim_id"
    )
    expected = [
        ("2026-02-01", "rejected", False, None),
        ("2026-02-05", "accepted", True, "2026-02-01"),
        ("2026-02-20", "accepted", True, "2026-02-05"),
    ]
    for order in range(ORDERS):
        assert sorted(tuple(row)[1:] for row in rows if row[0] == f"P{order}") == expected, order
