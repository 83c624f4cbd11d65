"""The count afterwards notices what it is there for: one cent, one claim, one double, one outdated revision."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from msgspec import Struct

from libs.synthetic import Interchange, remittances
from tests.chaos.checks import check
from tests.chaos.site import Site
from tests.support.system import System

pytestmark = pytest.mark.timeout(1200)  # a site takes its time to start on a busy machine

YEAR = 2038
_OF_YEAR = f"payment_on BETWEEN '{YEAR}-01-01' AND '{YEAR}-12-31'"
_ONE_REMIT = f"remit_id = (SELECT remit_id FROM remits WHERE {_OF_YEAR} ORDER BY 1 LIMIT 1)"
_TOLD = "convert_from(told, 'UTF8')::json"
_FACT_OF_YEAR = f"{_TOLD}->>'payment_on' LIKE '{YEAR}-%'"
_ONE_DAY = f"day = (SELECT min(day) FROM ledger_days WHERE day >= '{YEAR}-01-01')"


class Harm(Struct, frozen=True):
    """What is done to a service's tables, how it is undone, and how the line begins that must tell of it."""

    service: str
    harm: str
    undo: str
    said: str


HARMS = {
    "L1 one cent": Harm(
        "analytics",
        f"UPDATE ledger_days SET paid_cents = paid_cents + 1 WHERE {_ONE_DAY}",
        f"UPDATE ledger_days SET paid_cents = paid_cents - 1 WHERE {_ONE_DAY}",
        "ledger of analytics: paid_cents is",
    ),
    "L2 one claim": Harm(
        "analytics",
        f"UPDATE facts SET kind = 'lost' WHERE ctid = (SELECT ctid FROM facts WHERE kind = 'remit' AND {_FACT_OF_YEAR} LIMIT 1)",
        "UPDATE facts SET kind = 'remit' WHERE kind = 'lost'",
        "claims in analytics: 1 lost",
    ),
    "L2 one denial": Harm(
        "classifier",
        f"UPDATE denials SET payment_on = '1999-01-01' WHERE denial_id = (SELECT denial_id FROM denials WHERE {_OF_YEAR} LIMIT 1)",
        f"UPDATE denials SET payment_on = '{YEAR}-01-01' WHERE payment_on = '1999-01-01'",
        "denials: 1 lost",
    ),
    "L2 one case": Harm(
        "appeals",
        f"UPDATE cases SET payment_on = '1999-01-01' WHERE case_id = (SELECT case_id FROM cases WHERE {_OF_YEAR} LIMIT 1)",
        f"UPDATE cases SET payment_on = '{YEAR}-01-01' WHERE payment_on = '1999-01-01'",
        "cases in appeals: 1 lost",
    ),
    "L3 one remit booked twice": Harm(
        "appeals",
        f"UPDATE ledger_days SET remits = remits + 1 WHERE {_ONE_DAY}",
        f"UPDATE ledger_days SET remits = remits - 1 WHERE {_ONE_DAY}",
        "ledger of appeals: remits is",
    ),
    "L4 an outdated revision": Harm(
        "analytics",
        f"UPDATE facts SET kind = 'lost' WHERE kind = 'denial' AND {_TOLD}->>'version' = '2' AND {_FACT_OF_YEAR}",
        "UPDATE facts SET kind = 'denial' WHERE kind = 'lost'",
        "denials in analytics:",
    ),
    "L4 a version given twice": Harm(
        "ingest",
        f"UPDATE remits SET sequence = sequence + 1 WHERE {_ONE_REMIT}",
        f"UPDATE remits SET sequence = sequence - 1 WHERE {_ONE_REMIT}",
        "accounts whose versions have holes or doubles: 1",
    ),
}


@pytest.fixture(scope="module")
def files(site: Site) -> list[Interchange]:
    files = list(remittances(seed=3, claims=200, claims_per_file=25, first_on=date(YEAR, 1, 1)))
    site.system.take_in(*(file.body for file in files))
    return files


@contextmanager
def done(system: System, harm: Harm) -> Iterator[None]:
    system.rows(harm.service, harm.harm)
    try:
        yield
    finally:
        system.rows(harm.service, harm.undo)


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
def test_a_healthy_system_passes_and_each_harm_is_told(site: Site, files: list[Interchange], harm: Harm) -> None:
    """A site that was healthy may hold poison that tests before this one have planted."""

    def told() -> list[str]:
        return check(site.system, files, YEAR, planted=site.planted)

    assert told() == []
    with done(site.system, harm):
        found = told()
    assert any(line.startswith(harm.said) for line in found), found
    assert told() == []
