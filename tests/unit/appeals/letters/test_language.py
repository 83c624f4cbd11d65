"""The language of templates: what it takes, what it refuses, and that a value that is missing is named."""

from datetime import date

import pytest

from services.appeals.letters import language
from services.appeals.letters.language import MissingValues, TooLong, faults, fill
from services.appeals.letters.paragraphs import Paragraph, write
from services.appeals.letters.variables import Money

NBSP, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in range(1000000) %}a{% endfor %}",
        "{% for x in lines %}{% for y in lines %}a{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ patient_name.__class__ }}",
        "{{ patient_name['x'] }}",
        "{{ lines | length }}",
        "{% set a = 1 %}",
        "{% macro a() %}{% endmacro %}",
        "{% include 'a' %}",
        "{% import 'a' as b %}",
        "{% if patient_name is odd %}{% endif %}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "not " * 4000 + "1 }}",
        "{{ " + "1" * 6000 + " }}",
        "{% if 1 %}" * 60 + "{% endif %}" * 60,
        "{{ patient_name",
        "x" * 20_001,
    ],
    ids=lambda source: source[:30],
)
def test_what_computes_calls_or_grows_without_bound_is_no_template(source: str) -> None:
    assert faults(source)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("one\n{{ pacient_name }}", "There is no variable `pacient_name`."),
        ("{{ lines }}", "`lines` is a list: use it with for."),
        ("{% for line in lines %}{{ line.colour }}{% endfor %}", "have no field `colour`"),
        ("{% for line in lines %}{{ line }}{% endfor %}", "name one of its fields"),
        ("{{ denied_amount | date }}", "The filter date is not for denied_amount."),
        ("{{ letter_date | shout }}", "There is no filter `shout`"),
        ("{% for member_id in lines %}{% endfor %}", "has a meaning of its own"),
    ],
)
def test_a_fault_says_what_is_wrong_and_in_which_line(source: str, told: str) -> None:
    (fault,) = faults(source)
    assert told in fault.problem
    assert fault.line == source.count("\n") + 1


def test_every_missing_value_is_named_at_once() -> None:
    source = "{{ patient_name }} {{ member_id | upper }} {{ letter_date | date }} {% if due_date %}x{% endif %} {{ diagnoses }}"
    assert not faults(source)
    with pytest.raises(MissingValues) as error:
        fill(source, "en", {"patient_name": "A"})
    assert error.value.names == ("member_id", "letter_date", "due_date", "diagnoses")


def test_a_condition_may_ask_whether_a_value_is_there() -> None:
    source = "{% if authorization_number is defined %}{{ authorization_number }}{% else %}none{% endif %}"
    assert not faults(source)
    assert (fill(source, "en", {}), fill(source, "en", {"authorization_number": "A1"})) == ("none", "A1")


@pytest.mark.parametrize(
    ("written_in", "expected"),
    [
        ("en", "-$1,234,567.05 March 1, 2026 03/01/2026 A, B, and C"),
        ("fr", f"-1{NARROW}234{NARROW}567,05{NBSP}$ 1er mars 2026 01/03/2026 A, B et C"),
    ],
)
def test_amounts_and_days_are_written_as_the_language_writes_them(written_in: language.Language, expected: str) -> None:
    values = {"denied_amount": Money(-123456705), "letter_date": date(2026, 3, 1), "diagnoses": ("A", "B", "C")}
    source = "{{ denied_amount }} {{ letter_date }} {{ letter_date | date('short') }} {{ diagnoses | listed }}"
    assert fill(source, written_in, values) == expected


def test_a_text_that_grows_beyond_its_limit_is_cut_off() -> None:
    source = "{% for line in lines %}" + "word " * 100 + "{% endfor %}"
    assert not faults(source)
    with pytest.raises(TooLong):
        fill(source, "en", {"lines": tuple({"number": number} for number in range(1000))})


def test_what_begins_a_line_of_the_template_makes_its_paragraph_and_not_what_begins_a_value() -> None:
    loop = "{% for line in lines %}\n- line {{ line.number }}\n{% endfor %}"
    source = f"## Why\n\nBecause {{{{ why_payable }}}}\nit is.\n\n{loop}\n@lines\nEnd."
    values = {"why_payable": "so.\n\n## No heading\n- no item\n@lines", "lines": ({"number": 1}, {"number": 2})}
    assert write(source, "en", values) == (
        Paragraph("heading", "Why"),
        Paragraph("text", "Because so."),
        Paragraph("text", "## No heading - no item @lines it is."),
        Paragraph("item", "line 1"),
        Paragraph("item", "line 2"),
        Paragraph("lines", ""),
        Paragraph("text", "End."),
    )
