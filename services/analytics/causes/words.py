"""A finding in one plain sentence, in English and in French."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from services.analytics.causes.findings import Finding
from services.analytics.causes.outcomes import DIMENSIONS

CATEGORIES: Final[dict[str, tuple[str, str]]] = {
    "authorization": ("missing authorization", "autorisation préalable manquante"),
    "benefit_limit": ("benefit limit reached", "plafond de prestations atteint"),
    "coding_bundling": ("coding and bundling", "codage et regroupement"),
    "coordination_of_benefits": ("coordination of benefits", "coordination des prestations"),
    "duplicate": ("duplicate", "doublon"),
    "eligibility_coverage": ("eligibility and coverage", "éligibilité et couverture"),
    "medical_necessity": ("medical necessity", "nécessité médicale"),
    "missing_information": ("missing information", "information manquante"),
    "non_covered": ("not covered", "service non couvert"),
    "provider_enrollment": ("provider enrollment", "enregistrement du prestataire"),
    "timely_filing": ("timely filing", "délai de dépôt"),
    "other": ("other reasons", "autres motifs"),
}
_SMALL: Final = 0.1  # rates below it are told with one decimal
_ENGLISH: Final[dict[str, str]] = {
    "facility": "from facility {}",
    "provider": "from provider {}",
    "place": "at place of service {}",
    "claim_type": "on {} claims",
    "diagnosis": "with diagnosis {}",
    "coder": "coded by {}",
    "modifier": "with modifier {}",
}
_FRENCH: Final[dict[str, str]] = {
    "facility": "de l'établissement {}",
    "provider": "du prestataire {}",
    "place": "au lieu de service {}",
    "claim_type": "dans les demandes de type {}",
    "diagnosis": "avec le diagnostic {}",
    "coder": "codées par {}",
    "modifier": "avec le modificateur {}",
}
_SPECIAL: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("authorization", "none"): ("without an authorization number", "sans numéro d'autorisation"),
    ("authorization", "named"): ("that name an authorization", "qui citent une autorisation"),
    ("modifier", "none"): ("without a modifier", "sans modificateur"),
    ("claim_type", "professional"): ("on professional claims", "dans les demandes professionnelles"),
    ("claim_type", "institutional"): ("on institutional claims", "dans les demandes hospitalières"),
    ("claim_type", "dental"): ("on dental claims", "dans les demandes dentaires"),
}


def sentence(finding: Finding, names: Mapping[str, str]) -> str:
    """Say it in English. `names` are payers' names by their ids."""
    told = finding.named.told
    who = "Payers refuse" if "payer" not in told else f"{names.get(told['payer']) or told['payer']} refuses"
    what = f"{_percent(finding.now.rate, 'en')} of {told.get('procedure', 'service lines')}{_where(told, 0)}"
    since, before = _english_when(finding)
    reason = CATEGORIES.get(finding.named.category, (finding.named.category,) * 2)[0]
    text = f"{who} {what} ({reason})"
    return f"{since}{text if since == '' else _lower(text)}; {before}; {_count(finding, 'en')}."


def sentence_fr(finding: Finding, names: Mapping[str, str]) -> str:
    """Say it in French."""
    told = finding.named.told
    who = "Les payeurs refusent" if "payer" not in told else f"{names.get(told['payer']) or told['payer']} refuse"
    what = f"{_percent(finding.now.rate, 'fr')} des lignes{' ' + told['procedure'] if 'procedure' in told else ' de service'}"
    since, before = _french_when(finding)
    reason = CATEGORIES.get(finding.named.category, (finding.named.category,) * 2)[1]
    text = f"{who} {what}{_where(told, 1)} ({reason})"
    return f"{since}{text if since == '' else _lower(text)} ; {before} ; {_count(finding, 'fr')}."


def _lower(text: str) -> str:
    return text[0].lower() + text[1:] if text.startswith(("Payers ", "Les ")) else text


def _where(told: Mapping[str, str], language: int) -> str:
    phrases = (_ENGLISH, _FRENCH)[language]
    found = []
    for name in (*[each for each in DIMENSIONS if each not in {"modifier", "payer", "procedure"}], "modifier"):
        if name in told:
            special = _SPECIAL.get((name, told[name]))
            found.append(special[language] if special else phrases.get(name, "{}").format(told[name]))
    return "".join(f" {each}" for each in found)


def _english_when(finding: Finding) -> tuple[str, str]:
    began, ended, before = finding.began_on, finding.ended_on, _percent(finding.before.rate, "en")
    if began is None and ended is None:
        return "", f"elsewhere: {_percent(finding.expected_rate, 'en')}"
    if began is None:
        return f"Until {_date(ended, 'en')}, ", f"after: {before}"
    if ended is None:
        return f"Since {_date(began, 'en')}, ", f"before: {before}"
    return f"From {_date(began, 'en')} until {_date(ended, 'en')}, ", f"outside of that: {before}"


def _french_when(finding: Finding) -> tuple[str, str]:
    began, ended, before = finding.began_on, finding.ended_on, _percent(finding.before.rate, "fr")
    if began is None and ended is None:
        return "", f"ailleurs : {_percent(finding.expected_rate, 'fr')}"
    if began is None:
        return f"Jusqu'au {_date(ended, 'fr')}, ", f"après : {before}"
    if ended is None:
        return f"Depuis le {_date(began, 'fr')}, ", f"avant : {before}"
    return f"Du {_date(began, 'fr')} au {_date(ended, 'fr')}, ", f"en dehors : {before}"


def _count(finding: Finding, locale: str) -> str:
    claims = format_decimal(finding.claims, locale=locale)
    dollars = format_decimal((finding.denied_cents + 50) // 100, locale=locale)
    if locale == "en":
        return f"{claims} claim{'' if finding.claims == 1 else 's'}, ${dollars}"
    return f"{claims} demande{'' if finding.claims == 1 else 's'}, {dollars} $"


def _percent(rate: float | None, locale: str) -> str:
    pattern = "0.#%" if (rate or 0) < _SMALL else "0%"
    return format_percent(rate or 0, format=pattern if locale == "en" else pattern.replace("%", " %"), locale=locale)


def _date(day: date | None, locale: str) -> str:
    return format_date(day, "long", locale=locale)
