"""Brings accounts up to date: what is known of their remits, filings and what people said, to decisions, steps and events.

Called in the transaction of whatever became known, with the account's cases locked; the same a second time comes to nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.appeal_decided import AppealDecidedV1
from libs.common.ids import named_id
from libs.common.people import SYSTEM
from services.appeals import closing, store
from services.appeals.deadlines.levels import is_before_appeals
from services.appeals.outcomes import store as outcomes
from services.appeals.outcomes.attribution import Contest, Denied, Settled, attribute, settle
from services.appeals.outcomes.store import Decision, Known
from services.appeals.payers import store as payers
from services.appeals.store import Account, Key
from services.appeals.workflow import Case, Command, Move, Refusal, Step, decide

_COMMANDS: Final = {
    "overturned": Command.OVERTURN,
    "partly_overturned": Command.PARTLY_OVERTURN,
    "upheld": Command.UPHOLD,
}
_REMITTANCE: Final = "remittance"

Row = Mapping[str, Any]
_Decided = list[tuple[Key, str, date]]  # the case, the level, the day


class Told(Struct, frozen=True):
    """An outcome to tell of: the account that it is about, the event's data and its sequence."""

    account: Account
    data: AppealDecidedV1
    sequence: int


class _Changes(Struct):
    decisions: list[tuple[str, Decision]]
    cases: dict[Key, Case]
    steps: list[tuple[Key, Step]]
    decided: _Decided
    told: list[Told]


def appeal_id(case_id: UUID, filing: int) -> UUID:
    """Return the id of a case's filing, from 1; 0 stands for the case with nothing filed."""
    return named_id("appeal", str(case_id), str(filing))


async def settle_accounts(
    tx: AsyncConnection, accounts: Collection[Account], now: datetime, who: str = SYSTEM, why: str = _REMITTANCE
) -> list[Told]:
    """Decide what the accounts' cases come to now, write it, and return what is to be told. `who` and `why` of a person's word."""
    rows = await store.lock_accounts(tx, accounts)
    if not rows:
        return []
    by_account: dict[Account, list[Row]] = defaultdict(list)
    for (tenant_id, _), row in rows.items():
        by_account[tenant_id, row["claim_key"]].append(row)
    known = await outcomes.known_of(tx, by_account)
    changes = _Changes([], {}, [], [], [])
    for account, cases in by_account.items():
        _settle_account(account, cases, known[account], Move(command=Command.UPHOLD, who=who, why=why), now, changes)
    await outcomes.save_decisions(tx, changes.decisions)
    await outcomes.note_decided(tx, await _of_appeals(tx, changes.decided, rows))
    await store.move(tx, changes.cases, now)
    await closing.tell(tx, changes.steps)
    return changes.told


async def _of_appeals(tx: AsyncConnection, decided: _Decided, rows: Mapping[Key, Row]) -> _Decided:
    """Leave out what was decided before a formal appeal: its days are counted from the payer's notice all the same."""
    known = await payers.settled(tx, {(key[0], rows[key]["payer_id"]) for key, _, _ in decided})
    return [
        (key, level, on)
        for key, level, on in decided
        if not is_before_appeals(level, payers.of(known, key[0], rows[key]["payer_id"]), on)
    ]


def _settle_account(account: Account, cases: Sequence[Row], known: Known, move: Move, now: datetime, changes: _Changes) -> None:
    remits = {remit.remit_id: remit for remit in known.remits}
    denied = [Denied(row["case_id"], remits[row["remit_id"]]) for row in cases if row["remit_id"] in remits]
    filings = {filing["appeal_id"]: filing for filing in known.filings}
    contests = [_unfiled(row) for row in cases] + [_filed(filing) for filing in known.filings]
    brought = attribute(denied, contests, remits.values())
    rows = {row["case_id"]: row for row in cases}
    newest = {contest.case_id: contest.appeal_id for contest in contests}  # the last filing of each case, or the case itself
    for contest in contests:
        before = known.decisions.get(contest.appeal_id) or Decision(contest.appeal_id, contest.case_id, account[1])
        settled = settle(contest, brought.get(contest.appeal_id), before.said, was_told=before.revision > 0)
        if settled is None or settled == before.settled:
            continue
        row = rows[contest.case_id]
        key = (account[0], contest.case_id)
        after = replace(before, revision=before.revision + 1, settled=settled, decided_at=now)
        changes.decisions.append((account[0], after))
        filing = filings.get(contest.appeal_id)
        # A case stands as its last filing does; where all is paid it is won, by whichever of them.
        if newest[contest.case_id] == contest.appeal_id or settled.outcome == "overturned":
            case = changes.cases.get(key) or store.case_of(row)
            _step(key, case, settled, move, now, changes, was_filed=filing is not None)
            if filing is not None and filing["level"] is not None:
                changes.decided.append((key, filing["level"], settled.decided_on))
        version = (changes.cases.get(key) or store.case_of(row)).version
        changes.told.append(Told(account, _event(row, contest, after, settled, filing, now), version))


def _step(key: Key, case: Case, settled: Settled, move: Move, now: datetime, changes: _Changes, *, was_filed: bool) -> None:
    """Take the step that an outcome is, where the case takes it."""
    command = _COMMANDS[settled.outcome]
    if command is Command.UPHOLD and not was_filed:
        command = Command.TAKE_BACK
    by = move if settled.decided_by == "person" else Move(command=command, who=SYSTEM, why=_REMITTANCE)
    decision = decide(case, replace(by, command=command), now)
    if not isinstance(decision, Refusal):
        changes.cases[key] = decision.case
        changes.steps += [(key, step) for step in decision.steps]


def _unfiled(row: Row) -> Contest:
    return Contest(appeal_id(row["case_id"], 0), row["case_id"], row["denied_cents"])


def _filed(filing: Row) -> Contest:
    return Contest(
        filing["appeal_id"],
        filing["case_id"],
        filing["disputed_cents"],
        filing["filed_on"],
        filing["corrected_claim_id"],
        filing["number"],
    )


def _event(row: Row, contest: Contest, decision: Decision, settled: Settled, filing: Row | None, now: datetime) -> AppealDecidedV1:
    return AppealDecidedV1(
        appeal_id=contest.appeal_id,
        revision=decision.revision,
        case_id=contest.case_id,
        denial_id=row["denial_id"],
        remit_id=row["remit_id"],
        claim_key=row["claim_key"],
        payer_id=row["payer_id"],
        payer_name=row["payer_name"],
        action=filing["action"] if filing else "none",
        category=row["category"],
        outcome=settled.outcome,
        disputed_cents=contest.disputed_cents,
        recovered_cents=settled.recovered_cents,
        decided_by=settled.decided_by,
        decided_on=settled.decided_on,
        decided_at=now,
        level=filing["level"] if filing else None,
        filed_on=contest.filed_on,
        days=(settled.decided_on - contest.filed_on).days if contest.filed_on else None,
        deciding_remit_id=settled.remit_id,
    )
