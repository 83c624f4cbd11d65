"""Which plans read a large table whole (tests/support/plans.py)."""

from typing import Any

import pytest

from tests.support.plans import Plan, judge, read

SEQUENTIAL = {"Node Type": "Seq Scan", "Relation Name": "inbox"}
UNCONDITIONED = {"Node Type": "Index Scan", "Relation Name": "remits", "Index Name": "remits_pkey"}


def under(kind: str, *nodes: dict[str, Any]) -> dict[str, Any]:
    return {"Node Type": kind, "Plans": list(nodes)}


@pytest.mark.parametrize(
    ("root", "wrong"),
    [
        (SEQUENTIAL, True),
        (under("Limit", SEQUENTIAL), True),  # what it looks for may stand at the end, or nowhere
        (under("Aggregate", under("Gather", SEQUENTIAL | {"Parallel Aware": True})), True),
        (SEQUENTIAL | {"Relation Name": "tenants"}, False),
        (SEQUENTIAL | {"Relation Name": "pg_class"}, False),
        (UNCONDITIONED, True),
        (UNCONDITIONED | {"Index Cond": "(tenant_id = 'local'::text)"}, False),
        (UNCONDITIONED | {"Index Name": "remits_open"}, False),
        (under("Limit", UNCONDITIONED), False),
        (under("Hash Join", under("Limit", {"Node Type": "Result"}), UNCONDITIONED), True),
    ],
)
def test_what_reads_a_large_table_whole_is_told(root: dict[str, Any], wrong: bool) -> None:
    told = judge([Plan("recours-ingest-api", "SELECT 1", root)], {"remits_open"}, {"tenants"}, ())
    assert bool(told) is wrong


def test_only_our_processes_are_judged_and_what_is_meant_to_read_whole_is_not() -> None:
    plans = [Plan("", "SELECT 1", SEQUENTIAL), Plan("recours-ingest-worker", "COPY (SELECT all)", SEQUENTIAL)]
    assert judge(plans, (), (), ("COPY (",)) == []


def test_plans_are_read_from_a_log_among_other_lines() -> None:
    log = (
        "@@LOG:  checkpoint starting: time\n"
        '@recours-ingest-api@LOG:  duration: 0.017 ms  plan:\n\t{\n\t  "Query Text": "SELECT\n\t  1",\n'
        '\t  "Plan": {\n\t    "Node Type": "Result"\n\t  }\n\t}\n'
        "@@LOG:  checkpoint complete\n"
    )
    assert list(read(log)) == [Plan("recours-ingest-api", "SELECT 1", {"Node Type": "Result"})]
