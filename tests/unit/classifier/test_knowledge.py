"""The two tables hold together, and a broken one is refused with its file and line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services.classifier import knowledge
from services.classifier.knowledge import KnowledgeError, load

FOLDER = Path(knowledge.__file__).parent


def test_all_codes_are_there_in_force_and_retired() -> None:
    known = load()
    assert len(known.adjustment_codes) == 407
    assert sum(code.active for code in known.adjustment_codes.values()) == 297
    assert len(known.remark_codes) == 303


def test_the_group_limits_of_x12_are_kept() -> None:
    codes = load().adjustment_codes
    limited = {code.code: code.only_groups for code in codes.values() if code.only_groups}
    assert all(limited[code] == {"OA"} for code in ("23", "133", "136", "209", "257", "271", "277", "P11"))
    assert all(limited[code] == {"PR"} for code in ("85", "201", "229", "238", "275", "P3"))
    assert all(limited[code] == {"CO"} for code in ("139", "249", "281", "303", "P24", "P25", "P26"))
    assert limited["45"] == {"CO", "PR"}
    assert limited["278"] == {"CO", "PI"}
    assert limited["P16"] == {"CO", "OA"}


def test_the_codes_that_need_a_remark_are_marked() -> None:
    needing = {code.code for code in load().adjustment_codes.values() if code.needs_remark}
    assert needing >= set("16 96 129 148 201 226 227 234 237 250 251 252 267 307 A1".split())  # noqa: SIM905 - a plain list of codes


def test_an_alert_explains_nothing() -> None:
    assert [code.code for code in load().remark_codes.values() if code.alert and (code.category or code.action)] == []


def test_an_explanatory_remark_says_what_it_asks_for() -> None:
    assert [code.code for code in load().remark_codes.values() if not code.alert and not (code.category and code.asks_for)] == []


def test_every_meaning_is_a_line_of_plain_words() -> None:
    known = load()
    meanings = [code.meaning for code in known.adjustment_codes.values()] + [code.meaning for code in known.remark_codes.values()]
    assert [meaning for meaning in meanings if not 5 < len(meaning) < 160 or "\n" in meaning] == []


BROKEN: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a code twice": ("carc.csv", lambda text: text + text.splitlines()[1] + "\n", "is there twice"),
    "a remark twice": ("rarc.csv", lambda text: text + text.splitlines()[1] + "\n", "is there twice"),
    "a category from outside the list": ("carc.csv", lambda text: text.replace(",medical_necessity,", ",needless,", 1), "needless"),
    "an action from outside the list": ("carc.csv", lambda text: text.replace(",appeal,", ",protest,", 1), "protest"),
    "a remark's action from outside the list": ("rarc.csv", lambda text: text.replace(",appeal,", ",protest,", 1), "protest"),
    "an unknown group": ("carc.csv", lambda text: text.replace("50,active,,CO PR,", "50,active,,CO QQ,", 1), "QQ"),
    "a limit outside the groups": (
        "carc.csv",
        lambda text: text.replace("50,active,,CO PR,,", "50,active,,CO PR,OA,", 1),
        "limited to",
    ),
    "a successor that is not there": (
        "carc.csv",
        lambda text: text.replace("17,retired,226 227,", "17,retired,226 999,", 1),
        "999",
    ),
    "a retired successor": (
        "carc.csv",
        lambda text: text.replace("17,retired,226 227,", "17,retired,226 15,", 1),
        "not in force: 15",
    ),
    "an alert with a category": (
        "rarc.csv",
        lambda text: text.replace("M16,active,alert,,,,", "M16,active,alert,,,other,", 1),
        "alert",
    ),
    "an unknown effect": ("rarc.csv", lambda text: text.replace("M16,active,alert,,", "M16,active,alert,shout,", 1), "shout"),
    "a scenario that CORE does not know": ("carc.csv", lambda text: text.replace(",not_covered,", ",not_liked,", 1), "not_liked"),
    "a refusal that is contractual": (
        "carc.csv",
        lambda text: text.replace("refusal,medical_necessity,appeal", "refusal,contractual,appeal", 1),
        "cannot be contractual",
    ),
    "a row with a column too many": ("carc.csv", lambda text: text.replace("\n2,active,", "\n2,active,,,", 1), "columns"),
    "another header": ("rarc.csv", lambda text: text.replace("asks_for", "wants", 1), "columns"),
    "no meaning": ("rarc.csv", lambda text: text + "N9999,active,alert,,,,,,,\n", "no code or meaning"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_table_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    file_name, break_it, told = BROKEN[name]
    for table in ("carc.csv", "rarc.csv"):
        text = (FOLDER / table).read_text(encoding="utf-8")
        broken = break_it(text) if table == file_name else text
        assert (broken != text) == (table == file_name), "the breakage must break something"
        (tmp_path / table).write_text(broken, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=told) as refused:
        load(tmp_path)
    assert str(refused.value).startswith(file_name)
