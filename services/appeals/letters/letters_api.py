"""Letters over HTTP: written for a case, read and edited as paragraphs, given as PDF; every version is kept."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from libs.common.database import Database
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.problem import Problem, forgotten, not_found
from libs.common.http.problems import responses
from libs.common.http.versions import IfMatch, check_version, etag, read_version
from services.appeals.changing import require_case
from services.appeals.letters import library, store
from services.appeals.letters.facts import Asked, sheet, values
from services.appeals.letters.gathering import desk_of, own_sources
from services.appeals.letters.language import OUTPUT_MAX, plain
from services.appeals.letters.paragraphs import Paragraph
from services.appeals.letters.store import NewLetter, TemplateKey
from services.appeals.letters.templates_api import in_force
from services.appeals.letters.views import EditLetter, LetterList, LetterView, ParagraphBody, WriteLetter
from services.appeals.letters.writing import PDF_ANSWER, fill, pdf_answer, read_given, set_pdf, too_long

router = APIRouter(tags=["letters"])

_LETTER = "/v1/cases/{case_id}/letter"
_AS_PDF: dict[int | str, dict[str, Any]] = {200: {"description": "PDF/A-2a", "content": PDF_ANSWER}, **responses(404, 410, 422)}
VersionInPath = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.post(
    _LETTER,
    summary="Write the letter of a case",
    status_code=201,
    responses={
        200: {"model": LetterView, "description": "The newest version is this very letter"},
        **responses(404, 409, 413, 415, 422),
    },
)
async def write_letter(
    request: Request,
    case_id: UUID,
    body: WriteLetter,
    response: Response,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> LetterView:
    """From the template in force, the claim as ingest has it, and the case's documents. What the letter needs and nobody knows is
    refused by name: tell it in `values`. The same letter on the same day is the same version, so that no Idempotency-Key is needed.
    """
    given = read_given(body.values)
    async with database.begin(tenant) as tx:
        own = await own_sources(tx, tenant, case_id, body.language)
        level = body.level or own.level or library.ANY_LEVEL
        key = TemplateKey(body.category or own.case.category, level, body.language)
        source, template, version = await in_force(tx, tenant, key)
    sources = await desk_of(request).complete(own, body.language)
    asked = Asked(body.language, level, clock.now().date(), given)
    known = values(sources, asked)
    letter = NewLetter(
        case_id=case_id,
        category=key.category,
        level=key.level,
        language=key.language,
        template_category=template.category,
        template_level=template.level,
        template_version=version,
        edits_version=None,
        sheet=sheet(sources, asked, known),
        paragraphs=fill(source, body.language, known),
    )
    view, is_new = await _keep(database, tenant, who, letter, clock)
    response.status_code = 201 if is_new else 200
    response.headers["ETag"] = etag(view.version)
    response.headers["Location"] = f"/v1/cases/{case_id}/letters/{view.version}"
    return view


async def _keep(database: Database, tenant: str, who: str, letter: NewLetter, clock: ClockDep) -> tuple[LetterView, bool]:
    """Add a version; one that says the same as the newest is the newest."""
    async with database.begin(tenant) as tx:
        await store.lock_letters(tx, tenant, letter.case_id)
        newest = await store.find_letter(tx, tenant, letter.case_id)
        if newest is not None and _says_the_same(newest, letter):
            return LetterView.of(newest), False
        version = newest["version"] + 1 if newest else 1
        await store.insert_letter(tx, tenant, version, letter, who, clock.now())
        row = await store.find_letter(tx, tenant, letter.case_id, version)
        if row is None:
            raise AssertionError("a letter that was just written")
        return LetterView.of(row), True


def _says_the_same(row: Mapping[Any, Any], letter: NewLetter) -> bool:
    if row["forgotten_at"] is not None:
        return False
    names = ("category", "level", "language", "template_category", "template_level", "template_version", "edits_version")
    same = all(row[name] == getattr(letter, name) for name in names)
    return same and store.sheet_of(row) == letter.sheet and store.paragraphs_of(row) == letter.paragraphs


@router.put(_LETTER, summary="Edit the letter of a case", responses=responses(400, 404, 410, 412, 413, 415, 422, 428))
async def edit_letter(
    case_id: UUID,
    body: EditLetter,
    response: Response,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    if_match: IfMatch = None,
) -> LetterView:
    """The paragraphs that you send take the place of those of the newest version, as the next one. What was before is kept."""
    asked = read_version(if_match)
    paragraphs = _edited(body.paragraphs)
    async with database.begin(tenant) as tx:
        await store.lock_letters(tx, tenant, case_id)
        newest = _with_words(await store.find_letter(tx, tenant, case_id))
        check_version(newest["version"], asked, "letter")
        told = {name: newest[name] for name in NewLetter.__struct_fields__ if name not in ("sheet", "paragraphs", "edits_version")}
        letter = NewLetter(**told, edits_version=asked, sheet=store.sheet_of(newest), paragraphs=paragraphs)
        await store.insert_letter(tx, tenant, asked + 1, letter, who, clock.now())
        row = await store.find_letter(tx, tenant, case_id, asked + 1)
    response.headers["ETag"] = etag(asked + 1)
    return LetterView.of(row or {})


def _with_words(row: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return a letter that is there. Errors: Problem 404, 410 where its words were forgotten."""
    if row is None:
        raise not_found("letter")
    if row["forgotten_at"] is not None:
        raise forgotten("What this letter says")
    return row


def _edited(sent: Sequence[ParagraphBody]) -> tuple[Paragraph, ...]:
    """Errors: Problem 422."""
    paragraphs = tuple(Paragraph(each.kind, "" if each.kind == "lines" else plain(each.text).strip()) for each in sent)
    if sum(len(each.text) for each in paragraphs) > OUTPUT_MAX:
        raise too_long()
    if any(not each.text for each in paragraphs if each.kind != "lines"):
        raise Problem(422, "invalid-request", "A paragraph is empty.")
    return paragraphs


@router.get(_LETTER, summary="The letter of a case as PDF", response_class=Response, responses=_AS_PDF)
async def get_letter(
    case_id: UUID,
    tenant: TenantDep,
    database: DatabaseDep,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="left out: the newest")] = None,
) -> Response:
    """On the letterhead of its day; the same version is the same bytes."""
    async with database.begin(tenant) as tx:
        row = _with_words(await store.find_letter(tx, tenant, case_id, version))
        sheet_of_row = store.sheet_of(row)
        head = await store.find_letterhead(tx, tenant, sheet_of_row.letterhead_version)
    logo = head["logo"] if head is not None else b""
    pdf = await set_pdf(sheet_of_row, store.paragraphs_of(row), logo)
    return pdf_answer(pdf, f"letter-{case_id}-{row['version']}.pdf", {"ETag": etag(row["version"])})


@router.get("/v1/cases/{case_id}/letters", summary="All versions of the letter of a case", responses=responses(404, 422))
async def list_letters(case_id: UUID, tenant: TenantDep, database: DatabaseDep) -> LetterList:
    async with database.begin(tenant) as tx:
        await require_case(tx, tenant, case_id)
        rows = await store.list_letters(tx, tenant, case_id)
    return LetterList(items=[LetterView.of(row) for row in rows])


@router.get("/v1/cases/{case_id}/letters/{version}", summary="One version, as paragraphs", responses=responses(404, 410, 422))
async def get_letter_version(
    case_id: UUID, version: VersionInPath, tenant: TenantDep, database: DatabaseDep, response: Response
) -> LetterView:
    async with database.begin(tenant) as tx:
        row = _with_words(await store.find_letter(tx, tenant, case_id, version))
    response.headers["ETag"] = etag(version)
    return LetterView.of(row)
