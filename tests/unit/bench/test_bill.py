"""The tables of docs/scaling.md: each stands between marks of its own, and the page has marks for all of them."""

import pytest

from deploy.local.layout import ROOT
from tests.bench import bill


def test_a_table_takes_the_place_of_the_last_one_and_of_nothing_else() -> None:
    page = (ROOT / "docs" / "scaling.md").read_text()
    for part in ("pipeline", "workers", "shapes"):
        once = bill.inserted(page, part, ["| a | b |", "| one | two |"])
        assert "| one | two |" in once
        assert bill.inserted(once, part, ["| a | b |"]) == bill.inserted(page, part, ["| a | b |"])
        assert [line for line in page.splitlines() if line.startswith("## ")] == [
            line for line in once.splitlines() if line.startswith("## ")
        ]


def test_a_page_without_marks_is_not_written() -> None:
    with pytest.raises(ValueError, match="no marks for workers"):
        bill.inserted("# How it grows", "workers", [])
