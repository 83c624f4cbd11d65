"""The letters that come with Recours: each is a sound template, says what a letter must say, and is set as it stands."""

import io
import itertools
from datetime import date
from typing import get_args
from unittest.mock import patch

import msgspec
import pytest
from pypdf import PdfReader

from services.appeals.deadlines.levels import LevelName
from services.appeals.letters import library
from services.appeals.letters.claim import Claim
from services.appeals.letters.facts import Asked, name_of, sheet, values
from services.appeals.letters.language import Language, MissingValues, faults
from services.appeals.letters.library import compose, texts
from services.appeals.letters.paragraphs import Paragraph, write
from services.appeals.letters.typesetting import set_letter
from services.classifier.knowledge import CATEGORIES
from services.ingest.claims.body import ClaimBody
from services.ingest.claims.examples import CLAIMS
from tests.support.letters import TOLD, sources

ON = date(2026, 11, 29)
SAID = (
    "Harbor Street Orthopedics, P.C.", "PO Box 1200", "Columbus, OH 43215", "Eleanor Whitcombe", "W44710020", "2026214-0099812",
    "ACCT-20931", "Ngozi Okafor MD", "X0001", "CO-50", "M17.11", "Director of Appeals",
)  # fmt: skip
KEYS = [
    (category, level, written_in)
    for written_in in library.LANGUAGES
    for category, level in itertools.product([*texts(written_in).categories, *texts(written_in).shares], texts(written_in).levels)
]


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def letter(source: str, written_in: Language, **changed: object) -> tuple[bytes, tuple[Paragraph, ...]]:
    told = sources(**changed)  # type: ignore[arg-type]  # fields of the claim
    asked = Asked(written_in, "internal_appeal", ON, TOLD)
    known = values(told, asked)
    paragraphs = write(source, written_in, known)
    return set_letter(sheet(told, asked, known), paragraphs, b""), paragraphs


def test_every_category_level_and_language_has_a_letter_without_a_blank() -> None:
    for category, level, written_in in KEYS:
        source = compose(category, level, written_in)
        told_of = {**TOLD, "authorization_circumstances": "It could not wait."}
        assert (category, level, written_in, faults(source)) == (category, level, written_in, [])
        told = "\n".join(each.text for each in write(source, written_in, values(sources(), Asked(written_in, level, ON, told_of))))
        assert "<<" not in told
        assert "  " not in told
        assert {"en": "CO-50, $2,480.00: Not regarded", "fr": "CO-50, 2\u202f480,00\xa0$\xa0: Not regarded"}[written_in] in told
        assert {"en": "September 1, 2026", "fr": "1er septembre 2026"}[written_in] in told or "first" in told


def test_both_languages_have_the_same_words_levels_and_categories() -> None:
    english, french = texts("en"), texts("fr")
    assert english.words.keys() == french.words.keys()
    assert english.categories.keys() == french.categories.keys()
    assert english.shares == french.shares
    assert {name: level.answer_days for name, level in english.levels.items()} == {
        name: level.answer_days for name, level in french.levels.items()
    }


def test_no_category_of_denials_and_no_level_is_without_its_words() -> None:
    told = texts("en")
    assert set(get_args(LevelName)) <= told.levels.keys()
    assert set(CATEGORIES) <= told.categories.keys() | told.shares.keys()


@pytest.mark.parametrize("written_in", library.LANGUAGES)
def test_a_letter_says_who_to_whom_about_what_and_until_when(written_in: Language) -> None:
    pdf, _ = letter(compose("medical_necessity", "internal_appeal", written_in), written_in)
    text = text_of(pdf)
    assert [part for part in SAID if part not in text] == []
    assert {"en": "January 28, 2027", "fr": "28 janvier 2027"}[written_in] in text


def test_what_the_claim_says_is_shown_as_it_stands_and_is_never_typst() -> None:
    hostile = '#panic("x") $ x^2 $ \\ *bold* _it_ @ref <label> // `raw` #let a = 1 = ]'
    subscriber = {"last_name": hostile, "first_name": "", "member_id": "#1", "birth_on": "1961-02-11"}
    pdf, _ = letter("{{ patient_name }} and {{ member_id }}", "en", subscriber=subscriber)
    assert text_of(pdf).count(hostile) == 2


def test_setting_a_letter_asks_for_no_file_and_no_package_but_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("nowhere")
    with patch.dict("os.environ", {"HOME": str(nowhere), "XDG_CACHE_HOME": str(nowhere), "HTTPS_PROXY": "http://127.0.0.1:9"}):
        pdf, _ = letter("One.", "en")
    assert list(nowhere.iterdir()) == []
    fonts = {font for page in PdfReader(io.BytesIO(pdf)).pages for font in _fonts(page)}
    assert {font.partition("+")[2].split("-")[0] for font in fonts} == {"LibertinusSerif"}


def _fonts(page: object) -> set[str]:
    held = page["/Resources"]["/Font"]  # type: ignore[index]  # a page of pypdf
    return {str(font.get_object()["/BaseFont"])[1:] for font in held.values()}


def test_the_same_letter_is_the_same_bytes() -> None:
    assert letter("One.", "en") == letter("One.", "en")


def test_thirty_lines_go_over_several_pages_whose_head_names_the_claim() -> None:
    told = sources(30)
    asked = Asked("fr", "redetermination", ON, TOLD)
    known = values(told, asked)
    pdf = set_letter(sheet(told, asked, known), write(compose("authorization", "redetermination", "fr"), "fr", known), b"")
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
    assert len(pages) > 1
    assert all("2026214-0099812" in page for page in pages)
    assert "X0030" in pages[-1]


def test_what_nobody_knows_is_named_and_what_is_told_fills_it() -> None:
    unknown = msgspec.structs.replace(sources(), claim=None, life=None)
    source = compose("medical_necessity", "internal_appeal", "en")
    with pytest.raises(MissingValues) as error:
        write(source, "en", values(unknown, Asked("en", "internal_appeal", ON)))
    assert set(error.value.names) == {"clinical_summary", "principal_diagnosis"}


def test_what_ingest_publishes_of_a_claim_is_what_a_letter_reads() -> None:
    for told in CLAIMS.values():
        claim = msgspec.convert(ClaimBody.model_validate(told).model_dump(mode="json", exclude_defaults=True), Claim)
        assert name_of(claim.patient or claim.subscriber)
        assert claim.payer.name
