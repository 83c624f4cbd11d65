"""Labels against judgements: what is right, what is taken for what, and at which codes."""

from services.classifier.labels.evaluation import Confused, Disagreement, Reviewed, evaluate

RIGHT = Reviewed("authorization", "appeal", "authorization", ("appeal", "contact_payer"), ("197",), 100)
OTHER_WAY = Reviewed("authorization", "contact_payer", "authorization", ("appeal", "contact_payer"), ("197", "N54"), 200)
WRONG = Reviewed("provider_enrollment", "contact_payer", "missing_information", ("correct_and_resubmit",), ("16", "N290"), 400)


def test_right_listed_and_wrong_are_counted() -> None:
    told = evaluate([RIGHT, OTHER_WAY, WRONG])
    assert (told.labelled, told.category_right, told.action_right, told.both_right, told.action_listed) == (3, 2, 1, 1, 2)


def test_confusion_names_every_pair_with_its_money() -> None:
    assert evaluate([WRONG, RIGHT, OTHER_WAY]).confusion == (
        Confused("authorization", "authorization", 2, 300),
        Confused("provider_enrollment", "missing_information", 1, 400),
    )


def test_disagreements_are_told_by_code_the_most_first() -> None:
    assert evaluate([RIGHT, OTHER_WAY, WRONG]).disagreements == (
        Disagreement("16", 1, 1, 1),
        Disagreement("N290", 1, 1, 1),
        Disagreement("197", 2, 0, 1),
        Disagreement("N54", 1, 0, 1),
    )


def test_without_labels_there_is_nothing_to_tell() -> None:
    assert evaluate([]).labelled == 0
    assert evaluate([]).confusion == ()
