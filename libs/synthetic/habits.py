"""What payers ask of claims: authorization, records, filing limits, units, member numbers; and how long they take to say so.

The lists follow from the payer's id and the code alone: they are the same in every run, and a check before submission may be given
them (`rules`).
"""

from functools import lru_cache
from random import Random
from typing import Any, Final

from msgspec import Struct

from libs.synthetic.payers import CEDAR, HARBOR, JUNIPER, LAKESHORE, MEDICAID, MEDICARE, NORTHWIND, PAYERS, Payer
from libs.synthetic.specialties import PAIRS, SPECIALTIES, UNPAIRED, Service


class Habits(Struct, frozen=True):
    """`authorization`, `records`, `watched` are basis points of the costly, documented and all services that a payer asks about.

    `watched` services are those that it likes to refuse. `rejected`: of the claims, at its front door. `pays_on` is a weekday.
    """

    payer: Payer
    filing_limit_days: int
    authorization: int
    records: int
    watched: int
    rejected: int
    silent: int
    acknowledges_days: tuple[int, int]
    pays_on: int

    @property
    def member_id_pattern(self) -> str:
        return rf"^{self.payer.prefix}\d{{9}}$"

    def wants_authorization(self, service: Service) -> bool:
        return service.costly and self._lists("authorization", self.authorization, service)

    def wants_records(self, service: Service) -> bool:
        return service.documented and self._lists("records", self.records, service)

    def watches(self, service: Service) -> bool:
        return self._lists("watched", self.watched, service)

    def _lists(self, list_name: str, share_bp: int, service: Service) -> bool:
        return _drawn(self.payer.id, list_name, service.code or service.revenue_code) < share_bp


@lru_cache(maxsize=4096)
def _drawn(payer_id: str, list_name: str, code: str) -> float:
    return Random(f"{payer_id} {list_name} {code}").random() * 10_000


HABITS: Final = {
    each.payer.id: each
    for each in (
        Habits(NORTHWIND, 180, 7_000, 5_000, 2_500, 250, 60, (1, 2), 0),
        Habits(MEDICARE, 365, 3_500, 4_000, 2_000, 200, 30, (1, 1), 1),
        Habits(MEDICAID, 365, 6_000, 6_000, 2_500, 400, 120, (1, 4), 2),
        Habits(HARBOR, 365, 9_000, 6_000, 2_500, 250, 80, (1, 3), 3),
        Habits(LAKESHORE, 120, 6_000, 5_000, 3_000, 300, 80, (1, 3), 4),
        Habits(JUNIPER, 90, 9_500, 6_000, 2_500, 250, 80, (1, 2), 0),
        Habits(CEDAR, 365, 0, 0, 0, 100, 30, (1, 3), 3),
    )
}


def rules() -> dict[str, Any]:
    """Return what a check before submission may know: each payer's lists, and what holds for all."""
    services = [service for specialty in SPECIALTIES for service in specialty.services]
    payers = {}
    for payer_id, habits in HABITS.items():
        asked = [service for service in services if habits.wants_authorization(service)]
        documented = [service for service in services if habits.wants_records(service)]
        payers[payer_id] = {
            "name": PAYERS[payer_id].name,
            "filing_limit_days": habits.filing_limit_days,
            "member_id_pattern": habits.member_id_pattern,
            "authorization_codes": sorted({service.code or service.revenue_code for service in asked}),
            "records_codes": sorted({service.code or service.revenue_code for service in documented}),
        }
    units = {service.code: service.units_max for service in services if service.code}
    return {
        "payers": payers,
        "pairs": [list(pair) for pair in PAIRS],
        "pair_modifier": UNPAIRED,
        "units_max": units,
        "ordered_taxonomies": [each.taxonomy_code for each in SPECIALTIES if each.ordered],
        "ordered_codes": sorted({service.code for each in SPECIALTIES if each.ordered for service in each.services}),
        "diagnoses": sorted({code for each in SPECIALTIES for code in each.diagnoses}),
    }
