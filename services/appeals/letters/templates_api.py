"""Templates of letters over HTTP: read, replaced by a tenant's own in versions, tried out before they are."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.audit.acting import about
from libs.common.database import Database
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import FieldProblem, responses
from libs.common.http.versions import IfMatch, check_version, etag, read_version
from services.appeals.letters import library, store
from services.appeals.letters.facts import Asked, Sources, sheet, values
from services.appeals.letters.gathering import desk_of, own_sources
from services.appeals.letters.language import MissingValues, faults
from services.appeals.letters.sample import sample_sources
from services.appeals.letters.store import TemplateKey
from services.appeals.letters.variables import FILTERS, VARIABLES
from services.appeals.letters.views import (
    LanguageWord,
    PreviewTemplate,
    PreviewView,
    TemplateName,
    TemplatesView,
    TemplateVersions,
    TemplateView,
    VariableView,
    WriteTemplate,
)
from services.appeals.letters.writing import PDF_ANSWER, fill, pdf_answer, read_given, set_pdf

router = APIRouter(tags=["letters"])

_PATH = "/v1/letter-templates/{category}/{level}/{language}"
WordInPath = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
_FAULTS_TOLD = 50


@router.get("/v1/letter-templates", summary="What there is to write letters with", responses=responses())
async def list_letter_templates(tenant: TenantDep, database: DatabaseDep) -> TemplatesView:
    async with database.begin(tenant) as tx:
        own = await store.list_templates(tx, tenant)
    told = library.texts("en")
    return TemplatesView(
        categories=[*told.categories, *told.shares],
        levels=list(told.levels),
        languages=list(library.LANGUAGES),
        variables=[VariableView(name=name, **msgspec.structs.asdict(each)) for name, each in VARIABLES.items()],
        filters=dict(FILTERS),
        own=[TemplateName.model_validate(dict(row)) for row in own],
    )


@router.get(_PATH, summary="The template in force, or a version of your own", responses=responses(404, 422))
async def get_letter_template(
    category: WordInPath,
    level: WordInPath,
    language: LanguageWord,
    tenant: TenantDep,
    database: DatabaseDep,
    response: Response,
    version: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="0: the one that comes with Recours")] = None,
) -> TemplateView:
    """Every category and level has one: yours, or the one that comes with Recours. `PUT` wants the `ETag` in `If-Match`."""
    key = TemplateKey(category, level, language)
    async with database.begin(tenant) as tx:
        row = None if version == 0 else await store.find_template(tx, tenant, key, version)
    if row is None and version:
        raise not_found("version of this template")
    view = TemplateView.model_validate(dict(row)) if row is not None else _built_in(key)
    response.headers["ETag"] = etag(view.version)
    return view


def _built_in(key: TemplateKey) -> TemplateView:
    body = library.compose(key.category, key.level, key.language)
    who = "recours"
    return TemplateView(**msgspec.structs.asdict(key), version=0, body=body, note="", written_by=who, written_at=None)


@router.get(f"{_PATH}/versions", summary="All versions of your own template", responses=responses(404, 422))
async def list_letter_template_versions(
    category: WordInPath, level: WordInPath, language: LanguageWord, tenant: TenantDep, database: DatabaseDep
) -> TemplateVersions:
    async with database.begin(tenant) as tx:
        rows = await store.list_template_versions(tx, tenant, TemplateKey(category, level, language))
    return TemplateVersions(items=[TemplateView.model_validate(dict(row)) for row in rows])


@router.put(_PATH, summary="Write your own template, as the next version", responses=responses(400, 404, 412, 413, 415, 422, 428))
async def put_letter_template(
    category: WordInPath,
    level: WordInPath,
    language: LanguageWord,
    body: WriteTemplate,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    response: Response,
    if_match: IfMatch = None,
) -> TemplateView:
    """Letters that are written stay as they are. A template of level `any` is used at every level that has none of its own."""
    asked = read_version(if_match)
    check(body.body)
    key = TemplateKey(category, level, language)
    async with database.begin(tenant) as tx:
        await store.lock_template(tx, tenant, key)
        before = await store.find_template(tx, tenant, key)
        version = before["version"] if before else 0
        check_version(version, asked, "template")
        row = await store.insert_template(tx, tenant, key, version + 1, body.body, body.note, who, clock.now())
    view = TemplateView.model_validate(dict(row))
    response.headers["ETag"] = etag(view.version)
    return view


def check(source: str) -> None:
    """Errors: Problem 422 with every fault."""
    found = faults(source)
    if found:
        errors = [
            FieldProblem(pointer="/body/body", problem=f"line {each.line}: {each.problem}").model_dump()
            for each in found[:_FAULTS_TOLD]
        ]
        raise Problem(422, "template-refused", "The template cannot be used.", errors=errors)


async def in_force(tx: AsyncConnection, tenant_id: str, key: TemplateKey) -> tuple[str, TemplateKey, int]:
    """Return the template that a letter is written from, with its name and version: a tenant's own goes before ours."""
    for level in dict.fromkeys((key.level, library.ANY_LEVEL)):
        own = msgspec.structs.replace(key, level=level)
        row = await store.find_template(tx, tenant_id, own)
        if row is not None:
            return row["body"], own, row["version"]
    return library.compose(key.category, key.level, key.language), key, 0


@router.post(
    f"{_PATH}:preview",
    summary="See what a template comes to; nothing is kept",
    responses={200: {"model": PreviewView, "content": PDF_ANSWER}, **responses(404, 409, 413, 415, 422)},
)
async def preview_letter_template(
    request: Request,
    category: WordInPath,
    level: WordInPath,
    language: LanguageWord,
    body: PreviewTemplate,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    accept: Annotated[str, Header(description="application/pdf: the letter as it would be set")] = "application/json",
) -> Any:
    key = TemplateKey(category, level, language)
    told = read_given(body.values)
    source = body.body if body.body is not None else await _in_force(database, tenant, key)
    check(source)
    sources, logo = await _sources(request, database, tenant, body, language)
    about(sources.case.case_id)
    asked = Asked(language, level, clock.now().date(), told)
    known = values(sources, asked)
    if "application/pdf" in accept:
        return pdf_answer(await set_pdf(sheet(sources, asked, known), fill(source, language, known), logo), "preview.pdf")
    try:
        paragraphs = fill(source, language, known)
    except Problem as problem:
        if isinstance(problem.__cause__, MissingValues):
            return PreviewView(paragraphs=[], missing=list(problem.__cause__.names))
        raise
    return PreviewView.model_validate({"paragraphs": [msgspec.structs.asdict(each) for each in paragraphs], "missing": []})


async def _in_force(database: Database, tenant: str, key: TemplateKey) -> str:
    async with database.begin(tenant) as tx:
        source, _, __ = await in_force(tx, tenant, key)
    return source


async def _sources(
    request: Request, database: Database, tenant: str, body: PreviewTemplate, language: LanguageWord
) -> tuple[Sources, bytes]:
    """Return a case's sources, or made-up ones, and the logo."""
    async with database.begin(tenant) as tx:
        head: Mapping[Any, Any] | None = await store.find_letterhead(tx, tenant)
        own = await own_sources(tx, tenant, body.case_id, language) if body.case_id is not None else None
    logo = head["logo"] if head is not None else b""
    if own is not None:
        return await desk_of(request).complete(own, language), logo
    return sample_sources(head["content"] if head is not None else None, language), logo
