"""Claims, answers and deposits through the whole stack; some days later, exactly what somebody must act on is followed up."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.client import followups as command
from libs.common.clock import FixedClock
from libs.common.database import Database
from services.ingest.followups.scan import FollowupScan
from tests.support import run_apart
from tests.support.access import token
from tests.support.system import System
from tests.support.tenant import another_tenant
from tests.unit.x12 import build
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode

NOW = datetime.now(UTC)
TODAY = f"{NOW:%Y%m%d}"
OWN = "FOLLOW"


def payment(trace: str, pcn: str, paid: int = 80) -> bytes:
    """Return an 835 of today that pays a claim of 100."""
    head = [
        f"BPR*I*{paid}*C*ACH************{TODAY}",
        f"TRN*1*{trace}*1999999999",
        "N1*PR*PAYER",
        "N1*PE*CLINIC*XX*1999999984",
        "LX*1",
    ]
    body = [
        f"CLP*{pcn}*1*100*{paid}**12*N{pcn}*11*1",
        f"SVC*HC:G0283:GP*100*{paid}**1",
        "DTM*472*20260105",
        f"CAS*CO*45*{100 - paid}",
    ]
    return encode(build.interchange(build.group(build.transaction(body, head=head))))


def scan(system: System, *, after_days: int) -> None:
    """Have the scan run as it will in some days; the worker's own goes on under today's clock."""

    async def work() -> None:
        database = Database(system.stack.database_url("ingest", "worker"))
        in_future = FollowupScan(database, FixedClock(NOW + timedelta(days=after_days)))
        while await in_future.catch_up():
            pass
        await database.close()

    run_apart(work())


def found(own: System) -> set[tuple[str, str]]:
    """Return (kind, account number or amount) of what is open."""
    told = own.pages("ingest", "/v1/followups")
    return {(each["kind"], each["patient_control_number"] or str(each["amount_cents"])) for each in told}


def followed_up(own: System, expected: set[tuple[str, str]], *, after_days: int) -> set[tuple[str, str]]:
    """Return what is open in some days, once it is what is expected, or after a while.

    The worker scans too, by today's clock: what it holds at the moment, this scan passes over, and what it still has to look at, it
    will judge as of today. Both come to an end: then what is open stays.
    """
    for _ in range(10):
        scan(own, after_days=after_days)
        if found(own) == expected:
            break
        time.sleep(2)
    return found(own)


@pytest.fixture(scope="module")
def own(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A tenant of this test's own: others count what theirs holds."""
    with another_tenant(system.stack, "followups", tmp_path_factory.mktemp("followups")) as own:
        yield own


@pytest.fixture
def deposits(own: System, tmp_path, monkeypatch) -> Any:
    """Tell of deposits as a user does."""
    monkeypatch.setenv("RECOURS_INGEST_URL", own.url("ingest"))
    monkeypatch.setenv("RECOURS_TOKEN", token("followups"))

    def tell(*lines: str) -> int:
        path = tmp_path / "deposits.csv"
        path.write_text("deposited_on,amount,trace_number\n" + "".join(f"{line}\n" for line in lines))
        return command.deposits([str(path)], as_lines=False)

    return tell


def test_what_is_planted_is_followed_up_and_ends_with_its_cause(own: System, deposits: Any, capsys: Any) -> None:
    sent = [f"{OWN}{name}" for name in ("SILENT", "REJECTED", "LATE", "PAID", "SHORT")]
    silent, rejected, late, paid, short = sent
    own.take_in(encode(made.one(*map(made.claim, sent), control="777", on=TODAY)))
    answers = [made.status(pcn, on=TODAY) for pcn in (late, paid, short)]
    rejection = made.status(rejected, "A7:562:85", on=TODAY)
    own.take_in(
        encode(made.acknowledgement(*answers, rejection, reference="FOLLOW", on=TODAY)),
        payment("FOLLOW1", paid),
        payment("FOLLOW2", short, paid=75),
    )
    on = f"{NOW:%Y-%m-%d}"
    assert deposits(f"{on},80.00,FOLLOW1", f"{on},83.33,FOLLOW9", f"{on},eighty,") == 1
    told = capsys.readouterr()
    assert told.out.endswith("deposits.csv:4: amount is not an amount such as 1234.56\n")
    assert told.err == "2 new, 0 known, 1 not taken.\n"

    assert followed_up(own, set(), after_days=4) == set()

    planted = {
        ("no_acknowledgement", silent),
        ("rejected_not_resent", rejected),
        ("unpaid", late),
        ("deposit_missing", "7500"),
        ("remittance_missing", "8333"),
    }
    assert followed_up(own, planted, after_days=31) == planted

    command.show({"status": "open", "kind": "unpaid"}, 200, as_lines=False)
    assert late in capsys.readouterr().out

    own.take_in(payment("FOLLOW3", late), encode(made.one(made.claim(rejected, more=("REF*G1*AUTH",)), control="778", on=TODAY)))
    deposits(f"{on},75.00,FOLLOW2", f"{on},80.00,FOLLOW3")
    left = {
        ("no_acknowledgement", silent),
        ("no_acknowledgement", rejected),
        ("remittance_missing", "8333"),
    }
    assert followed_up(own, left, after_days=31) == left
