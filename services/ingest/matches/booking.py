"""Matching inside the transactions that book remits and claims, a batch at a time.

Both hold their accounts' locks first, so that a remit and its claim that come at once always see each other. A claim that is
known under another account number than the remit carries is found by the payer's number of it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.remit_matched import RemitMatchedV1
from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.ids import claim_key
from libs.x12 import PaymentRead, Remit
from services.ingest.followups.store import touch
from services.ingest.matches import store
from services.ingest.matches.store import Standing
from services.ingest.matching import Answer, Billed, Verdict, adds_up, judge

PART = "part_of_claim"
_NPI_AT = 9  # NM109


def answer_of(remit: Remit, told: RemitReceivedV1, payment: PaymentRead) -> Answer:
    """Return what matching needs to know of a remit that is being read."""
    rendering = remit.elements("NM1", "82") or ()
    return Answer(
        told,
        remit.reference("F8") or "",
        rendering[_NPI_AT] if len(rendering) > _NPI_AT else "",
        payment.payee_id,
        remit.frequency_code or "",
    )


async def match(
    tx: AsyncConnection, tenant_id: str, answers: Mapping[UUID, Answer], now: datetime, *, has_claims: bool
) -> dict[UUID, Verdict]:
    """Match new remits (by row id), write the verdicts and return them; a tenant without claims has none to look through."""
    candidates = await candidates_of(tx, tenant_id, list(answers.values())) if has_claims else {}
    verdicts = [(row_id, answer, judge(answer, candidates.get(answer.told.remit_id, ()))) for row_id, answer in answers.items()]
    await store.insert_matches(tx, tenant_id, verdicts, now)
    return {row_id: verdict for row_id, _, verdict in verdicts}


async def match_anew(tx: AsyncConnection, tenant_id: str, keys: Collection[UUID], now: datetime) -> list[tuple[Standing, Verdict]]:
    """Judge the remits of some accounts, which are locked, again: because claims came, or payers' numbers of them.

    What a person decided stays. Returns those whose claim changed, each as it stood and as it is now.
    """
    standing = [each for each in await store.standing_of(tx, tenant_id, keys) if each.decided_by != "person"]
    if not standing:
        return []
    candidates = await candidates_of(tx, tenant_id, [each.answer for each in standing])
    judged = [(each, judge(each.answer, candidates[each.answer.told.remit_id], each.claim_id)) for each in standing]
    changed = [(was, verdict) for was, verdict in judged if (was.result, was.claim_id) != (verdict.result, verdict.claim_id)]
    if changed:
        await store.update_matches(tx, tenant_id, changed, "score", now)
        await store.insert_history(tx, tenant_id, changed, decided_by="score", who="", why="claim_came", now=now)
        await settle(tx, tenant_id, [verdict for _, verdict in changed])
        await touch(tx, tenant_id, [("remit", was.answer.told.remit_id) for was, _ in changed], now)
    return [(was, verdict) for was, verdict in changed if was.claim_id != verdict.claim_id]


async def settle(tx: AsyncConnection, tenant_id: str, verdicts: Iterable[Verdict]) -> None:
    """Several answers that together are the whole claim differ from it no more, one payer's at a time; all of them are written."""
    claim_ids = {each.claim_id for each in verdicts if any(item.name == PART for item in each.differences) and each.claim_id}
    if not claim_ids:
        return
    together: dict[tuple[UUID, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in await store.parts_of(tx, tenant_id, claim_ids):
        together[(row["claim_id"], row["payer_id"] or row["payer_name"])].append(row)
    whole = {
        row["remit_row_id"]: tuple(each for each in row["differences"] if each.name != PART)
        for rows in together.values()
        if adds_up(rows[0]["billed_cents"], [row["charge_cents"] for row in rows])
        for row in rows
    }
    if whole:
        await store.settle_parts(tx, tenant_id, whole)


def matched_event(was: Standing, verdict: Verdict, decided_by: Literal["score", "person"], now: datetime) -> RemitMatchedV1:
    """Say which claim a remit answers, for those who have had the remit already."""
    remit = was.answer.told
    return RemitMatchedV1(remit.remit_id, remit.remittance_id, remit.claim_key, decided_by, now, verdict.claim_id)


async def candidates_of(tx: AsyncConnection, tenant_id: str, answers: Sequence[Answer]) -> dict[UUID, Collection[Billed]]:
    """Return the claims that may be meant by each remit (by id): by account and by the payer's number, for all in one query.

    What is named by neither may have the numbers in each other's place: one more query for those.
    """
    found = _Found()
    numbers = {number for each in answers for number in (each.told.payer_claim_control_number, each.original_reference) if number}
    found.add(await store.billed(tx, tenant_id, {each.told.claim_key for each in answers}, numbers))
    candidates = {each.told.remit_id: found(each) for each in answers}
    left = [each for each in answers if not candidates[each.told.remit_id]]
    swapped = {each.told.remit_id: claim_key(tenant_id, each.told.payer_claim_control_number) for each in left}
    if swapped:
        numbers = {each.told.patient_control_number.strip() for each in left}
        found.add(await store.billed(tx, tenant_id, set(swapped.values()), numbers))
        candidates |= {each.told.remit_id: found(each, swapped[each.told.remit_id]) for each in left}
    return candidates


class _Found:
    """The claims that some remits may answer; called with one remit, its candidates."""

    def __init__(self) -> None:
        self._by_key: dict[UUID, list[Billed]] = defaultdict(list)
        self._by_number: dict[str, list[Billed]] = defaultdict(list)

    def add(self, claims: Iterable[Billed]) -> None:
        for each in claims:
            self._by_key[each.claim_key].append(each)
            if each.payer_claim_control_number:
                self._by_number[each.payer_claim_control_number].append(each)

    def __call__(self, answer: Answer, *more: UUID) -> Collection[Billed]:
        told = answer.told
        named = {each.claim_id: each for key in (told.claim_key, *more) for each in self._by_key.get(key, ())}
        for number in (told.payer_claim_control_number, answer.original_reference, told.patient_control_number):
            if number in self._by_number:
                named |= {each.claim_id: each for each in self._by_number[number]}
        return named.values()
