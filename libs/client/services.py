"""The services' routes as functions: what to ask, and the shape of the answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

from msgspec import Raw

from libs.client.case_shapes import CaseDetail, LoggedEntry
from libs.client.fetching import fetch_whole
from libs.client.shapes import (
    Case,
    Checked,
    DeadLetter,
    DeadLetterDetail,
    Denial,
    DepositAnswer,
    Document,
    Documents,
    Evaluation,
    Followup,
    Interchange,
    KnownCode,
    KpiAnswer,
    Kpis,
    Label,
    Ledger,
    Load,
    Loaded,
    OddsReport,
    OddsRow,
    Page,
    Payer,
    PayerLevels,
    Recount,
    Replay,
    RulesChecked,
    RulesVersion,
)
from libs.client.trail_shapes import SentClaim, Trail
from libs.client.transport import NO_BODY, Answer, Body, Service, json_body

T = TypeVar("T")
PAGE_MAX = 200


def send_interchange(ingest: Service, body: Body) -> Answer[Interchange]:
    """Send a file; status 202 when it is new, 200 when these bytes were received before."""
    return ingest.post_again("/v1/interchanges", Interchange, body)


def get_interchange(ingest: Service, location: str) -> Answer[Interchange]:
    return ingest.get(location, Interchange)


def get_claim(ingest: Service, claim_id: UUID) -> Answer[SentClaim]:
    return ingest.get(f"/v1/claims/{claim_id}", SentClaim)


def get_trail(service: Service, pcn: str, events: Sequence[UUID]) -> Answer[Trail]:
    """Return what a service told of an account, and which of these events (100 at most) it took."""
    return service.get("/v1/trail", Trail, {"pcn": pcn, "event_id": list(events)})


def check_claims(ingest: Service, body: Body) -> Answer[Checked]:
    """Check claims; nothing is stored."""
    return ingest.post_again("/v1/claims/check", Checked, body)


def get_reference(ingest: Service) -> Answer[Loaded]:
    return ingest.get("/v1/reference", Loaded)


def load_reference(ingest: Service, name: str, body: Body, query: Mapping[str, Any]) -> Answer[Load]:
    """Send a release of a reference table; status 200 when these bytes are live already."""
    asked = urlencode({key: str(value).lower() if value is True else value for key, value in query.items() if value is not None})
    return ingest.post_again(f"/v1/reference/{quote(name, safe='')}?{asked}", Load, body)


def get_load(ingest: Service, location: str) -> Answer[Load]:
    return ingest.get(location, Load)


def send_document(appeals: Service, case_id: UUID, body: Body, kind: str, name: str) -> Answer[Document]:
    """Send a document; status 200 when the case has it already."""
    return appeals.post_again(f"{_documents(case_id)}?{urlencode({'kind': kind, 'name': name})}", Document, body)


def list_documents(appeals: Service, case_id: UUID) -> list[tuple[Document, Raw]]:
    """Return a case's documents in exhibit order."""
    found = appeals.get(_documents(case_id), Documents).value
    return [(appeals.read(raw, Document), raw) for raw in found.items]


def get_document(appeals: Service, case_id: UUID, document_id: UUID) -> Answer[Document]:
    return appeals.get(f"{_documents(case_id)}/{document_id}", Document)


def fetch_document(appeals: Service, document: Document, to: Path, told: Callable[[int], object]) -> None:
    """Fetch a document into a file. Errors: ClientError where the bytes are not its own."""
    path = f"{_documents(document.case_id)}/{document.document_id}/content"
    fetch_whole(appeals, path, to, document.size_bytes, document.sha256, told, of="document")


def _documents(case_id: UUID) -> str:
    return f"/v1/cases/{case_id}/documents"


def list_denials(classifier: Service, filters: Mapping[str, Any], limit: int) -> Iterator[tuple[Denial, Raw]]:
    """Yield denials, newest first."""
    return list_items(classifier, "/v1/denials", Denial, filters, limit)


def denials_from_now(classifier: Service, filters: Mapping[str, Any]) -> str | None:
    """Return the cursor that stands after every change so far."""
    return classifier.get("/v1/denials/changes", Page, {**filters, "start": "now"}).value.next_cursor


def changed_denials(
    classifier: Service, filters: Mapping[str, Any], cursor: str | None
) -> tuple[list[tuple[Denial, Raw]], str | None, bool]:
    """Return the next changes, the cursor after them, and whether more wait."""
    page = classifier.get("/v1/denials/changes", Page, {**filters, "cursor": cursor, "limit": PAGE_MAX}).value
    return _read(classifier, page, Denial), page.next_cursor, len(page.items) == PAGE_MAX


def check_rules(classifier: Service, body: Body) -> Answer[RulesChecked]:
    """Check rules; nothing is kept."""
    return classifier.post_again("/v1/rules/check", RulesChecked, body)


def draft_rules(classifier: Service, body: Body) -> Answer[RulesVersion]:
    """Draft the next version; status 200 when the newest holds these rules already."""
    return classifier.post_again("/v1/rules", RulesVersion, body)


def publish_rules(classifier: Service, version: int) -> Answer[RulesVersion]:
    """Put a version in force; one that is stays so."""
    return classifier.post_again(f"/v1/rules/{version}/publish", RulesVersion, NO_BODY)


def list_rules(classifier: Service, limit: int | None = None) -> Iterator[tuple[RulesVersion, Raw]]:
    """Yield versions, newest first."""
    return list_items(classifier, "/v1/rules", RulesVersion, {}, limit)


def get_rules(classifier: Service, version: int) -> Answer[RulesVersion]:
    return classifier.get(f"/v1/rules/{version}", RulesVersion)


def list_followups(ingest: Service, filters: Mapping[str, Any], limit: int) -> Iterator[tuple[Followup, Raw]]:
    """Yield follow-ups, the most urgent first."""
    return list_items(ingest, "/v1/followups", Followup, filters, limit)


def send_deposits(ingest: Service, body: Body) -> list[DepositAnswer]:
    """Tell of deposits; each line is answered, and what was told before is known."""
    return ingest.post_lines("/v1/deposits", DepositAnswer, body)


def begin_replay(classifier: Service, body: Body) -> Answer[Replay]:
    """Try a version over a period; the same again while it is not compared yet is the same replay."""
    return classifier.post_again("/v1/replays", Replay, body)


def get_replay(classifier: Service, replay_id: UUID) -> Answer[Replay]:
    return classifier.get(f"/v1/replays/{replay_id}", Replay)


def command_replay(classifier: Service, replay_id: UUID, command: str) -> Answer[Replay]:
    """Apply or cancel a replay; said again it changes nothing."""
    return classifier.post_again(f"/v1/replays/{replay_id}/{command}", Replay, NO_BODY)


def get_evaluation(classifier: Service, asked: Mapping[str, Any]) -> Answer[Evaluation]:
    return classifier.get("/v1/labels/evaluation", Evaluation, asked)


def list_odds(classifier: Service, filters: Mapping[str, Any], limit: int) -> Iterator[tuple[OddsRow, Raw]]:
    """Yield the rows of the table of odds."""
    return list_items(classifier, "/v1/odds", OddsRow, filters, limit)


def get_odds_report(classifier: Service, version: int | None) -> Answer[OddsReport]:
    return classifier.get("/v1/odds/evaluation", OddsReport, {"version": version})


def put_label(classifier: Service, denial_id: UUID, source: str, body: Body) -> Answer[Label]:
    """Keep a label in the place of the source's earlier one."""
    return classifier.put(f"/v1/denials/{denial_id}/labels/{quote(source, safe='')}", Label, body)


def list_labels(classifier: Service, limit: int | None = None) -> Iterator[tuple[Label, Raw]]:
    """Yield labels, newest first."""
    return list_items(classifier, "/v1/labels", Label, {}, limit)


def next_case(appeals: Service, body: Body) -> Answer[Case] | None:
    """Lease the best case that nobody works on; None where there is none."""
    return appeals.post_or_nothing("/v1/cases:next", Case, body)


def list_cases(appeals: Service, filters: Mapping[str, Any], limit: int) -> Iterator[tuple[Case, Raw]]:
    """Yield cases in the order that `sort` asks for."""
    return list_items(appeals, "/v1/cases", Case, filters, limit)


def get_case(appeals: Service, case_id: UUID) -> Answer[CaseDetail]:
    return appeals.get(f"/v1/cases/{case_id}", CaseDetail)


def change_case(appeals: Service, case_id: UUID, route: str, body: Body) -> Answer[CaseDetail]:
    """Change a case; the body's headers hold the version that was read and a name for the request."""
    return appeals.post_again(f"/v1/cases/{case_id}/{route}", CaseDetail, body)


def log_entry(appeals: Service, case_id: UUID, body: Body) -> Answer[LoggedEntry]:
    """Log a call, a letter or a message; the body's headers hold a name for the request."""
    return appeals.post_again(f"/v1/cases/{case_id}/correspondence", LoggedEntry, body)


def list_payers(appeals: Service, filters: Mapping[str, Any], limit: int) -> Iterator[tuple[Payer, Raw]]:
    """Yield payers by their id."""
    return list_items(appeals, "/v1/payers", Payer, filters, limit)


def get_levels(appeals: Service, payer_id: str) -> Answer[PayerLevels]:
    return appeals.get(f"/v1/payers/{quote(payer_id, safe='')}/levels", PayerLevels)


def put_levels(appeals: Service, payer_id: str, body: Body) -> Answer[PayerLevels]:
    """Settle a payer's levels; the same again changes nothing."""
    return appeals.put(f"/v1/payers/{quote(payer_id, safe='')}/levels", PayerLevels, body)


def list_codes(classifier: Service, kind: str) -> Iterator[tuple[KnownCode, Raw]]:
    """Yield the codes that the classifier knows: `carc` or `rarc`."""
    return list_items(classifier, f"/v1/codes/{kind}", KnownCode, {})


def list_kpis(analytics: Service) -> Answer[Kpis]:
    return analytics.get("/v1/kpis", Kpis)


def get_kpi(analytics: Service, kpi_id: str, asked: Mapping[str, Any]) -> Answer[KpiAnswer]:
    return analytics.get(f"/v1/kpis/{quote(kpi_id, safe='')}", KpiAnswer, asked)


def begin_recount(analytics: Service, *, repair: bool, reread: bool) -> Answer[Recount]:
    """Hold the sums against the facts; the same again while it is under way is the same one."""
    return analytics.post_again("/v1/recounts", Recount, json_body({"repair": repair, "reread": reread}))


def get_recount(analytics: Service, recount_id: UUID) -> Answer[Recount]:
    return analytics.get(f"/v1/recounts/{recount_id}", Recount)


def get_ledger(service: Service, first: date | None, last: date | None) -> Answer[Ledger]:
    return service.get("/v1/ledger", Ledger, {"from": first, "to": last})


def list_dead_letters(service: Service, limit: int | None = None) -> Iterator[tuple[DeadLetter, Raw]]:
    """Yield dead letters, newest first."""
    return list_items(service, "/v1/dead-letters", DeadLetter, {}, limit)


def get_dead_letter(service: Service, dead_letter_id: UUID) -> Answer[DeadLetterDetail]:
    return service.get(f"/v1/dead-letters/{dead_letter_id}", DeadLetterDetail)


def replay_dead_letter(service: Service, dead_letter_id: UUID) -> Answer[DeadLetter]:
    return service.post_once(f"/v1/dead-letters/{dead_letter_id}/replay", DeadLetter)


def list_items(
    service: Service, path: str, shape: type[T], filters: Mapping[str, Any], limit: int | None = None
) -> Iterator[tuple[T, Raw]]:
    """Yield a list's items page by page, `limit` at most."""
    cursor: str | None = None
    left = limit
    while left is None or left > 0:
        size = PAGE_MAX if left is None else min(left, PAGE_MAX)
        page = service.get(path, Page, {**filters, "cursor": cursor, "limit": size}).value
        yield from _read(service, page, shape)
        cursor = page.next_cursor
        left = None if left is None else left - len(page.items)
        if cursor is None:
            return


def _read(service: Service, page: Page, shape: type[T]) -> list[tuple[T, Raw]]:
    return [(service.read(raw, shape), raw) for raw in page.items]
