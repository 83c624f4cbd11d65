"""What the services tell of a denied claim's whole way: all answers to it, all refusals, their cases, and the traces of these."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, Final

from msgspec import Struct

from libs.common.http.neighbour import Behalf
from services.analytics.pages.neighbours import Neighbours, Told, away, found

MOST: Final = 12  # remits, refusals and cases each; who has more is told so
_FILES_MAX: Final = 24


class Way(Struct, frozen=True):
    """`denials` begins with the one that was asked for. `traces`: by interchange. `away`: services that did not answer."""

    claim: dict[str, Any] | None
    remits: list[dict[str, Any]]
    denials: list[dict[str, Any]]
    cases: list[dict[str, Any]]
    traces: dict[str, str]
    away: list[str]
    is_cut: bool


async def way_of(services: Neighbours, denial: dict[str, Any], behalf: Behalf) -> Way:
    """Ask for all that happened to the claim of a denial; of a claim that nobody knows, for what happened to the denial."""
    claim, listed = await asyncio.gather(
        _one(services, "ingest", "claims", denial["claim_id"], behalf), _refusals(services, denial["claim_id"], behalf)
    )
    others = [each for each in (found(listed) or {}).get("items", []) if each["denial_id"] != denial["denial_id"]]
    denials = [denial, *others]
    answers = [*(found(claim) or {}).get("remit_ids", []), *(each["remit_id"] for each in denials)]  # as they came
    remit_ids = [each for each in dict.fromkeys(answers) if each]
    shown = dict.fromkeys([*remit_ids[:MOST], *([denial["remit_id"]] if denial["remit_id"] else [])])
    cases, remits = await asyncio.gather(
        _all(_case(services, each["denial_id"], behalf) for each in denials[:MOST]),
        _all(_one(services, "ingest", "remits", each, behalf) for each in shown),
    )
    known = [each for each in map(found, remits) if each]
    return Way(
        found(claim),
        known,
        denials[:MOST],
        [each for each in map(found, cases) if each],
        await _traces(services, [found(claim), *known], behalf),
        away(claim, listed, *cases, *remits),
        max(len(denials), len(remit_ids)) > MOST,
    )


async def _all(asked: Iterable[Awaitable[Told]]) -> list[Told]:
    return list(await asyncio.gather(*asked))


async def _one(services: Neighbours, service: str, kind: str, named: str | None, behalf: Behalf) -> Told:
    return await services[service].ask(f"/v1/{kind}/{named}", behalf) if named else None


async def _refusals(services: Neighbours, claim_id: str | None, behalf: Behalf) -> Told:
    if not claim_id:
        return None
    return await services["classifier"].ask("/v1/denials", behalf, claim_id=claim_id, limit=str(MOST + 1))


async def _case(services: Neighbours, denial_id: str, behalf: Behalf) -> Told:
    """Return the case of a denial with its history."""
    listed = await services["appeals"].ask("/v1/cases", behalf, denial_id=denial_id)
    items = (found(listed) or {}).get("items", [])
    return await _one(services, "appeals", "cases", items[0]["case_id"], behalf) if items else listed if away(listed) else None


async def _traces(services: Neighbours, told: Iterable[dict[str, Any] | None], behalf: Behalf) -> dict[str, str]:
    """Return in which traces a claim, its acknowledgements and its answers came in, by interchange."""
    known = [each for each in told if each]
    named = {each["interchange_id"] for each in known if each.get("interchange_id")}
    named |= {each["interchange_id"] for one in known for each in one.get("acknowledgements", [])}
    files = await _all(_one(services, "ingest", "interchanges", each, behalf) for each in sorted(named)[:_FILES_MAX])
    return {each["interchange_id"]: each["trace_id"] for each in map(found, files) if each}
