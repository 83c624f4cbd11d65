"""The payers: invented, each with habits of its own.

Shares of refused claims and the mixes of their causes are syntheses of published figures (Medicaid 20 to 25 % of claims, Medicare 7
to 8, commercial 5 to 12), given in percent of refused claims.
"""

from typing import Final

from msgspec import Struct

_COMMERCIAL: Final = {
    "incomplete": 22, "authorization": 12, "eligibility": 12, "not_covered": 12, "records": 9, "duplicate": 8, "bundling": 8,
    "other_payer": 6, "necessity": 5, "late": 4, "limit": 2,
}  # fmt: skip
_MEDICARE: Final = {
    "duplicate": 22, "advantage_plan": 20, "bundling": 16, "incomplete": 12, "necessity": 10, "other_payer": 6, "eligibility": 5,
    "not_covered": 4, "enrollment": 3, "late": 2,
}  # fmt: skip


class Payer(Struct, frozen=True):
    """One payer and its habits. Shares are basis points (1/100 of a percent).

    `id` is TRN03. `claims_weight`: its share of the clinic's claims. `price_bp`: what the contract allows of a charge.
    `deductible_bp`: how many claims meet a deductible. `sequestration_bp` is cut from what would be paid (CARC 253).
    `claim_level`: a refused claim is answered without lines, remarks in MOA. `refused_status` is CLP02 of a refused claim.
    """

    id: str
    name: str
    prefix: str
    claim_filing_code: str
    claims_weight: int
    price_bp: int
    denied_bp: int
    mix: dict[str, int]
    deductible_bp: int = 0
    coinsurance_bp: int = 0
    copay_cents: int = 0
    sequestration_bp: int = 0
    delay_days: tuple[int, int] = (10, 25)
    claim_level: bool = False
    refused_status: str = "1"


NORTHWIND: Final = Payer(
    "1999999984", "NORTHWIND HEALTH PLAN", "NHP", "12", claims_weight=30, price_bp=5800, denied_bp=900, mix=_COMMERCIAL,
    deductible_bp=2500, coinsurance_bp=2000, delay_days=(9, 21),
)  # fmt: skip
MEDICARE: Final = Payer(
    "1999999976", "EASTERN MEDICARE CONTRACTOR", "EMC", "MB", claims_weight=25, price_bp=4200, denied_bp=750, mix=_MEDICARE,
    deductible_bp=800, coinsurance_bp=2000, sequestration_bp=200, delay_days=(14, 18),
)  # fmt: skip
MEDICAID: Final = Payer(
    "1999999968", "STATE MEDICAID PROGRAM", "SMP", "MC", claims_weight=15, price_bp=3100, denied_bp=2200,
    mix=_COMMERCIAL | {"unexplained": 8}, copay_cents=300, delay_days=(12, 40), refused_status="4",
)  # fmt: skip
HARBOR: Final = Payer(
    "1999999950", "HARBOR ADVANTAGE PLAN", "HAP", "16", claims_weight=12, price_bp=4100, denied_bp=1200,
    mix=_COMMERCIAL | {"authorization": 24}, copay_cents=2000, sequestration_bp=200, delay_days=(11, 30),
)  # fmt: skip
LAKESHORE: Final = Payer(
    "1999999943", "LAKESHORE MUTUAL", "LKM", "CI", claims_weight=12, price_bp=6400, denied_bp=800, mix=_COMMERCIAL,
    deductible_bp=3500, coinsurance_bp=3000, delay_days=(15, 35), claim_level=True,
)  # fmt: skip
JUNIPER: Final = Payer(
    "1999999935", "JUNIPER HMO", "JUN", "HM", claims_weight=6, price_bp=5200, denied_bp=1100,
    mix=_COMMERCIAL | {"authorization": 30}, copay_cents=2500, delay_days=(8, 20),
)  # fmt: skip
CEDAR: Final = Payer(
    "1999999927", "CEDAR SUPPLEMENT", "CED", "13", claims_weight=0, price_bp=10_000, denied_bp=0, mix={}, delay_days=(5, 9),
)  # fmt: skip

PRIMARY: Final = (NORTHWIND, MEDICARE, MEDICAID, HARBOR, LAKESHORE, JUNIPER)
PAYERS: Final = {payer.id: payer for payer in (*PRIMARY, CEDAR)}
