"""Databases that PostgreSQL believes to hold a hundred million rows in every table, and what it then does to answer.

`look_large` gives the tables of a migrated database a page each and statistics as of 100 million rows. `record` has the server
write down the plan of every statement that it executes, `read` reads them and `judge` says which read a large table whole. Nothing
is stored and nothing is slow: the planner decides by statistics, and the tables stay as small as the test's.
"""

import json
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg

ROWS: Final = 100_000_000
_TENANTS: Final = 100
# How many values a column holds: of ids and numbers nearly every row has one of its own, of days there are some thousands.
_DISTINCT: Final = {"uuid": -0.5, "bytea": -1.0, "date": 2_000.0, "timestamp with time zone": -1.0, "bigint": -0.5, "xid8": -0.5}
_NAMED: Final = re.compile(r"(_|^)(id|key|number|pcn|token|digest|hash|subject)$")
_COLUMNS: Final = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS kind, c.relkind::text AS relkind,
    (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indkey::text = a.attnum::text) > 0 AS alone
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm')
"""
_RELATIONS: Final = """
SELECT c.relname, pg_relation_filepath(c.oid) AS file, c.relkind::text AS relkind FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm')
"""
_LARGE: Final = f"""
SELECT pg_restore_relation_stats('schemaname', 'public', 'relname', name, 'relpages', 1, 'reltuples', {ROWS}::real)
FROM unnest($1::text[]) AS name
"""
_VARIED: Final = """
SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', name, 'attname', attribute, 'inherited', inherited,
    'null_frac', 0.0::real, 'avg_width', 16, 'n_distinct', variety)
FROM unnest($1::text[], $2::text[], $3::boolean[], $4::real[]) AS told (name, attribute, inherited, variety)
"""
_PAGE_BYTES: Final = 8192


_RECORDED: Final = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_parameter_max_length": "0",
    "log_line_prefix": "@%a@",
    "autovacuum": "off",  # it would see how small the tables are
}


class Plan(NamedTuple):
    """One statement that was executed, by whom (the name of an application), and how."""

    application: str
    statement: str
    root: dict[str, Any]

    def nodes(self) -> Iterator[dict[str, Any]]:
        """Yield every step; `bounded` says whether a LIMIT stands above it."""
        waiting = [self.root | {"bounded": False}]
        while waiting:
            node = waiting.pop()
            yield node
            is_bounded = node["bounded"] or node["Node Type"] == "Limit"
            waiting += [each | {"bounded": is_bounded} for each in node.get("Plans", ())]


def _distinct(name: str, kind: str, *, alone: bool) -> float:
    if name == "tenant_id":
        return float(_TENANTS)
    if alone:
        return -1.0
    return -0.5 if _NAMED.search(name) and kind == "text" else _DISTINCT.get(kind, 20.0)


async def look_large(connection: "asyncpg.Connection[Any]", data: Path) -> None:
    """Make all tables of the database look large. As superuser; `data` is the server's folder."""
    tables = await connection.fetch(_RELATIONS)
    for each in tables:
        if each["relkind"] != "p" and (data / each["file"]).stat().st_size == 0:
            os.truncate(data / each["file"], _PAGE_BYTES)  # a page of zeros is an empty page
    await connection.execute(_LARGE, [each["relname"] for each in tables])
    columns = await connection.fetch(_COLUMNS)
    distinct = [_distinct(each["attname"], each["kind"], alone=each["alone"]) for each in columns]
    told = zip(*((each["relname"], each["attname"], each["relkind"] == "p") for each in columns), strict=True)
    await connection.execute(_VARIED, *map(list, told), distinct)


async def record(connection: "asyncpg.Connection[Any]") -> None:
    """Have every later connection to the server write its plans into the server's log. As superuser."""
    await connection.execute("LOAD 'auto_explain'")  # or its settings are not known
    for setting, value in _RECORDED.items():
        await connection.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
    await connection.execute("SELECT pg_reload_conf()")


async def stop_recording(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url)
    await connection.execute("LOAD 'auto_explain'")
    for setting in _RECORDED:
        await connection.execute(f"ALTER SYSTEM RESET {setting}")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


def read(log: str) -> Iterator[Plan]:
    """Yield the plans in what a server wrote."""
    for application, told in re.findall(r"^@(.*?)@LOG:  duration: [0-9.]+ ms  plan:\n((?:\t.*\n)+)", log, re.MULTILINE):
        found = json.loads(told.replace("\n\t", "\n"), strict=False)
        yield Plan(application, " ".join(found["Query Text"].split()), found["Plan"])


async def partial_indexes(connection: "asyncpg.Connection[Any]") -> set[str]:
    """Return the indexes that hold few rows of their tables: one of these may be read whole."""
    rows = await connection.fetch("SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indpred IS NOT NULL")
    return {row["name"] for row in rows}


def judge(plans: Iterable[Plan], partial: Collection[str], small: Collection[str], whole: Collection[str]) -> list[str]:
    """Return each statement of ours, once, that reads a large table whole, by the table or by an index without a condition.

    `partial`: indexes that are small whatever the table. `small`: tables that do not grow with claims. `whole`: beginnings of
    statements whose business it is to read a table whole.
    """
    wrong = {}
    for plan in plans:
        if not plan.application.startswith("recours") or plan.statement.startswith(tuple(whole)):
            continue
        read_whole = {name for node in plan.nodes() if (name := _read_whole(node, partial)) and not name.startswith("pg_")}
        if too_large := read_whole - set(small):
            wrong[plan.statement] = f"{plan.application} reads {', '.join(sorted(too_large))} whole: {plan.statement}"
    return sorted(wrong.values())


def _read_whole(node: dict[str, Any], partial: Collection[str]) -> str | None:
    """Return the table that a step reads from end to end; None where it reads some of one."""
    table: str | None = node.get("Relation Name")
    if node["Node Type"] == "Seq Scan":
        return table
    is_index = node["Node Type"] in ("Index Scan", "Index Only Scan") and "Index Cond" not in node and "Order By" not in node
    # An index without a condition is read as far as somebody wants rows of it: a page of a list, the oldest of a queue.
    is_bounded = node["bounded"] or node["Index Name"] in partial if is_index else True
    return None if is_bounded else table
