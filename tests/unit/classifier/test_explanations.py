"""What a person reads: how much, which lines, what the payer says, what is missing, what to do."""

from typing import Any

from services.classifier.decision import AdjudicatedClaim, Adjustment, Classification, Remark, classify
from services.classifier.facts import Context


def judged(*adjustments: Adjustment, rarcs: tuple[Remark, ...] = (), paid_cents: int = 0, **rest: Any) -> Classification:
    charge_cents = paid_cents + sum(each.amount_cents for each in adjustments)
    return classify(AdjudicatedClaim("1", charge_cents, paid_cents, adjustments, rarcs, **rest))


def test_an_explanation_names_money_line_cause_and_what_to_do() -> None:
    told = judged(Adjustment("CO", "16", 123456, 2), rarcs=(Remark("N290", 2),), paid_cents=100).explanation
    assert told.startswith("$1,234.56 refused on line 2, missing information: ")
    assert "(rendering provider's NPI absent or wrong)" in told
    assert told.endswith("Correct the provider's data and send the claim again.")


def test_the_same_is_told_in_french() -> None:
    told = judged(Adjustment("CO", "16", 123456, 2), rarcs=(Remark("N290", 2),), paid_cents=100).explanation_fr
    assert told == (
        "1\N{NO-BREAK SPACE}234,56 $ refusés à la ligne 2, information manquante : la demande ne peut être traitée : un champ"
        " requis manque ou est faux (NPI de l'exécutant absent ou faux). Corrigez les données du prestataire et renvoyez la"
        " demande."
    )
    assert "aux lignes 1 et 2," in judged(Adjustment("CO", "50", 100, 2), Adjustment("CO", "50", 100, 1)).explanation_fr
    assert "part du patient" in judged(Adjustment("PR", "1", 5000)).explanation_fr
    assert "inconnu" in judged(Adjustment("CO", "ZZ9", 5000)).explanation_fr


def test_lines_are_named_while_they_are_few() -> None:
    few = judged(*(Adjustment("CO", "50", 100, line) for line in (3, 1, 2)))
    many = judged(*(Adjustment("CO", "50", 100, line) for line in range(1, 21)))
    claim = judged(Adjustment("CO", "50", 100))
    assert "on lines 1, 2 and 3," in few.explanation
    assert "on 20 lines," in many.explanation
    assert "on the claim," in claim.explanation


def test_known_facts_change_what_to_do() -> None:
    refused = Adjustment("CO", "197", 5000, 1)
    on_file = judged(refused, context=Context(authorization_on_file=True, authorization_on_claim=False))
    none = judged(refused, context=Context(authorization_on_file=False))
    assert on_file.explanation.endswith("Put the right authorization on the claim and send it again.")
    assert none.explanation.endswith("No authorization exists, so nothing more can be recovered; write it off.")


def test_a_price_cut_to_nothing_is_told_as_a_refusal_in_disguise() -> None:
    assert "a refusal in disguise" in judged(Adjustment("CO", "45", 5000, 1)).explanation


def test_an_unknown_code_is_told_and_listed_for_review() -> None:
    unknown = judged(Adjustment("CO", "ZZ9", 5000, 1))
    misplaced = judged(Adjustment("CO", "N290", 5000, 1))
    assert "not known to us" in unknown.explanation
    assert "unknown_carc" in unknown.rules
    assert "remark_in_place_of_code" in misplaced.rules
    assert unknown.confidence < 0.5


def test_what_is_no_denial_is_told_too() -> None:
    assert "patient's own share" in judged(Adjustment("PR", "1", 5000)).explanation
    assert "nothing is denied" in judged(Adjustment("CO", "45", 5000), paid_cents=5000).explanation


def test_kinds_follow_the_action() -> None:
    assert judged(Adjustment("CO", "50", 5000)).kind == "hard"
    assert judged(Adjustment("CO", "252", 5000)).kind == "soft"
    assert judged(Adjustment("CO", "16", 5000), rarcs=(Remark("MA130"),)).kind == "rejection"
    assert judged(Adjustment("PR", "2", 5000)).kind == "not_denial"


def test_doubt_is_told_as_confidence() -> None:
    sure = judged(Adjustment("CO", "16", 5000), rarcs=(Remark("N290"),)).confidence
    disputed = judged(Adjustment("CO", "167", 5000)).confidence
    odd_group = judged(Adjustment("PI", "23", 5000), Adjustment("PR", "18", 5000)).confidence
    missing = judged(Adjustment("CO", "A1", 5000)).confidence
    assert missing < disputed < sure
    assert odd_group < sure
    assert classify(AdjudicatedClaim("1", 5000, 0, ())).confidence < 0.5
