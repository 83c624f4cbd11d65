"""What practices do: specialties of all three kinds of claim, with their services, list prices and diagnoses.

Procedures are HCPCS level II. Dental codes and drug numbers have the right shape and stand for nothing; diagnoses have the shape of
ICD-10-CM and are only as plausible as their chapter.
"""

from typing import Final

from msgspec import Struct

from libs.x12.claim import ClaimType


class Service(Struct, frozen=True):
    """One thing that is done: list price of one unit, how many units at most, how often.

    `costly`: payers like to be asked before; `documented`: payers like to see the record. `drug_code` is an NDC; `revenue_code`
    stands on institutional lines, alone where there is no `code`.
    """

    code: str
    charge_cents: int
    weight: int = 4
    units_max: int = 1
    modifiers: tuple[str, ...] = ()
    revenue_code: str = ""
    drug_code: str = ""
    costly: bool = False
    documented: bool = False


class Specialty(Struct, frozen=True):
    """`ordered`: claims name who ordered or referred. `facility_code` is CLM05-1; `weight` its share of the claims."""

    name: str
    claim_type: ClaimType
    taxonomy_code: str
    weight: int
    facility_code: str
    services: tuple[Service, ...]
    diagnoses: tuple[str, ...] = ()
    ordered: bool = False


_FAMILY: Final = Specialty(
    "family", "professional", "207Q00000X", 34, "11",
    (
        Service("T1015", 16_500, 26),
        Service("G0439", 21_000, 8),
        Service("G0402", 26_000, 2),
        Service("G0444", 3_200, 6),
        Service("G0008", 4_310, 8),
        Service("G0101", 6_840, 3, documented=True),
        Service("J1885", 1_260, 6, 4, drug_code="99999010101"),
        Service("J3301", 2_415, 6, 4, drug_code="99999010202"),
        Service("J3420", 1_530, 5, drug_code="99999010303"),
        Service("G0277", 38_400, 1, 2, costly=True, documented=True),
    ),
    ("E119", "I10", "J0190", "M5450", "R5383", "Z0000", "E785", "J209"),
)  # fmt: skip
_THERAPY: Final = Specialty(
    "therapy", "professional", "225100000X", 16, "11",
    (
        Service("G0283", 3_925, 14, modifiers=("GP",)),
        Service("G0151", 8_940, 6, 4, ("GP",), costly=True, documented=True),
        Service("G0157", 7_420, 5, 4, ("GP",), costly=True),
        Service("S8948", 4_470, 4, 2, ("GP",)),
        Service("S9131", 15_800, 2, modifiers=("GP",), documented=True),
        Service("A4556", 1_180, 5, 2),
    ),
    ("M5416", "M25511", "M6281", "S83511A", "R262"),
    ordered=True,
)  # fmt: skip
_SUPPLIER: Final = Specialty(
    "supplier", "professional", "332B00000X", 12, "12",
    (
        Service("A4253", 5_870, 12, 3, ("KX",)),
        Service("A4259", 1_240, 8, 2, ("KX",)),
        Service("A7030", 18_250, 4, modifiers=("NU",)),
        Service("E0601", 92_500, 3, modifiers=("RR",), costly=True, documented=True),
        Service("E0143", 13_240, 4, modifiers=("NU",)),
        Service("E1390", 41_900, 3, modifiers=("RR",), costly=True, documented=True),
        Service("L1832", 61_300, 2, modifiers=("NU",), costly=True, documented=True),
        Service("K0001", 28_700, 2, modifiers=("RR",), costly=True),
    ),
    ("E1165", "G4733", "J449", "M1711", "R2689"),
    ordered=True,
)  # fmt: skip
_INFUSION: Final = Specialty(
    "infusion", "professional", "207RH0003X", 6, "11",
    (
        Service("J9035", 84_000, 4, 8, drug_code="99999020101", costly=True, documented=True),
        Service("J1745", 112_500, 4, 6, drug_code="99999020202", costly=True),
        Service("J2405", 640, 8, 8, drug_code="99999020303"),
        Service("J1100", 985, 8, 4, drug_code="99999020404"),
        Service("Q0081", 22_400, 5, documented=True),
        Service("G0498", 19_600, 2),
    ),
    ("C50911", "K5090", "D649", "M0579"),
    ordered=True,
)  # fmt: skip
_BEHAVIOUR: Final = Specialty(
    "behaviour", "professional", "101YM0800X", 8, "53",
    (
        Service("H0031", 24_300, 4, documented=True),
        Service("H0004", 5_250, 12, 4),
        Service("H2019", 6_180, 6, 8, costly=True),
        Service("H0015", 31_700, 4, costly=True, documented=True),
        Service("G0396", 5_980, 3),
    ),
    ("F3289", "F411", "F1020", "F4310"),
)  # fmt: skip
_OUTPATIENT: Final = Specialty(
    "outpatient", "institutional", "282N00000X", 10, "13",
    (
        Service("G0463", 28_600, 12, revenue_code="0510"),
        Service("G0378", 9_800, 5, 8, revenue_code="0762", documented=True),
        Service("J0696", 2_105, 5, 4, revenue_code="0636"),
        Service("J1745", 125_000, 2, 6, revenue_code="0636", costly=True),
        Service("C8929", 214_000, 2, revenue_code="0480", costly=True, documented=True),
        Service("G0390", 186_000, 1, revenue_code="0681", documented=True),
        Service("Q9967", 390, 4, 9, revenue_code="0255"),
        Service("A9500", 26_800, 2, 2, revenue_code="0343", costly=True),
    ),
    ("I2510", "R0789", "N390", "K5900", "S0990XA"),
)  # fmt: skip
_INPATIENT: Final = Specialty(
    "inpatient", "institutional", "282N00000X", 2, "11",
    (
        Service("", 184_000, 8, 5, revenue_code="0120", costly=True),
        Service("", 41_500, 8, 3, revenue_code="0250"),
        Service("", 28_900, 6, 3, revenue_code="0300"),
        Service("", 96_400, 3, revenue_code="0360", documented=True),
        Service("", 37_200, 4, 2, revenue_code="0320"),
    ),
    ("I5023", "J189", "A419", "S72001A", "K3580"),
)  # fmt: skip
_DENTAL: Final = Specialty(
    "dental", "dental", "1223G0001X", 12, "11",
    (
        Service("D0011", 6_400, 14),
        Service("D0012", 4_850, 8),
        Service("D1011", 9_900, 12),
        Service("D2011", 18_700, 8, documented=True),
        Service("D2012", 126_000, 3, costly=True, documented=True),
        Service("D4011", 28_400, 3, costly=True, documented=True),
        Service("D7011", 22_300, 4),
    ),
)  # fmt: skip

SPECIALTIES: Final = (_FAMILY, _THERAPY, _SUPPLIER, _INFUSION, _BEHAVIOUR, _OUTPATIENT, _INPATIENT, _DENTAL)
# Column 1 and column 2: the second is part of the first when both stand on one claim without a modifier.
PAIRS: Final = (
    ("T1015", "G0444"), ("G0439", "G0101"), ("G0151", "G0283"), ("G0157", "S8948"), ("E0601", "A7030"), ("A4253", "A4259"),
    ("J9035", "J2405"), ("Q0081", "J1100"), ("H0015", "H0004"), ("G0378", "G0463"), ("D2012", "D2011"), ("D7011", "D0012"),
)  # fmt: skip
UNPAIRED: Final = "XU"  # the modifier that tells that both were due
