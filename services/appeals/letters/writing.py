"""What the routes of letters share: values read, templates filled, pages set, each refusal as a problem."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import Response

from libs.common.http.problem import Problem
from libs.common.http.problems import FieldProblem
from services.appeals.documents.naming import download_headers
from services.appeals.letters import given
from services.appeals.letters.facts import Sheet
from services.appeals.letters.language import OUTPUT_MAX, Language, MissingValues, TooLong, Values
from services.appeals.letters.paragraphs import Paragraph, write
from services.appeals.letters.typesetting import set_letter
from services.appeals.letters.variables import VARIABLES

PDF_ANSWER: Final[dict[str, Any]] = {"application/pdf": {"schema": {"type": "string", "contentMediaType": "application/pdf"}}}


def read_given(told: Mapping[str, str | int]) -> dict[str, Any]:
    """Return the values that a person told. Errors: Problem 422."""
    try:
        return given.read(told)
    except given.Unreadable as error:
        errors = [FieldProblem(pointer=f"/body/values/{name}", problem=each).model_dump() for name, each in error.problems.items()]
        raise Problem(422, "invalid-request", "Some values cannot be used.", errors=errors) from None


def fill(source: str, language: Language, known: Values) -> tuple[Paragraph, ...]:
    """Return the paragraphs of a letter. Errors: Problem 422, with every variable that has no value."""
    try:
        return write(source, language, known)
    except MissingValues as error:
        errors = [
            FieldProblem(pointer=f"/body/values/{name}", problem=f"is missing: {VARIABLES[name].meaning}").model_dump()
            for name in error.names
        ]
        detail = "The letter needs values that nobody told: the claim, the letterhead or `values` must give them."
        raise Problem(422, "letter-incomplete", detail, errors=errors) from error
    except TooLong:
        raise too_long() from None


def too_long() -> Problem:
    return Problem(422, "letter-too-long", f"A letter may have {OUTPUT_MAX} characters at most.")


async def set_pdf(sheet: Sheet, paragraphs: Sequence[Paragraph], logo: bytes) -> bytes:
    """Set a letter beside the event loop, which goes on."""
    return await asyncio.to_thread(set_letter, sheet, paragraphs, logo)


def pdf_answer(pdf: bytes, name: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a PDF as a download."""
    return Response(pdf, media_type="application/pdf", headers={**download_headers(name), **(headers or {})})
