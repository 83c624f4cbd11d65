"""A user's own list of codes against ours: what is new, gone, back and absent, in the ways in which lists are written."""

from datetime import date

import pytest

from libs.client.code_lists import ABSENT, BACK, GONE, NEW, UNKNOWN, Difference, differences, read
from libs.client.errors import ClientError

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    "text",
    [
        "code,status\n1,active\n0045,Active\nN290,active\nB7,retired\n",
        "\ufeffCode\tDescription\tStop Date\n1\tsaid otherwise\t\n45\t\t12/31/2026\nn290\t\t\nB7\t\t01/01/2020\n",
        'kind;CODE;deactivated\nCARC;1;\nCARC;45;2026-12-31\nRARC;N290;\nCARC;"B7";20200101\n',
    ],
)
def test_a_list_is_read_as_it_is_written(text: str) -> None:
    assert read("list.csv", text.encode(), TODAY) == {"carc": {"1": True, "45": True, "B7": False}, "rarc": {"N290": True}}


def test_rows_that_are_no_code_are_left_out() -> None:
    assert read("list.csv", b"code\nNotes: see below\n\n16\n", TODAY) == {"carc": {"16": True}}


@pytest.mark.parametrize("raw", [b"", b"name,meaning\n1,x\n", b"code\n\n"])
def test_a_file_that_is_no_list_is_one_sentence(raw: bytes) -> None:
    with pytest.raises(ClientError):
        read("list.csv", raw, TODAY)


def test_every_difference_is_told_once() -> None:
    ours = {"1": True, "2": True, "3": True, "4": False, "5": False}
    theirs = {"1": True, "2": False, "4": True, "5": False, "900": True, "901": False}
    assert differences("carc", ours, theirs) == [
        Difference("carc", "900", NEW),
        Difference("carc", "901", UNKNOWN),
        Difference("carc", "2", GONE),
        Difference("carc", "4", BACK),
        Difference("carc", "3", ABSENT),
    ]
    assert differences("carc", ours, ours) == []
