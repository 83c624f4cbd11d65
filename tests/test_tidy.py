"""What the linters cannot see: size, openings, edges, words, pins and links. Style that can be checked is checked here."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("libs", "services", "deploy")
MODULE_LINES_MAX, FUNCTION_LINES_MAX = 500, 70
# Only these open transactions: HTTP routes, the consumer, the relay, the jobs of a worker.
EDGES = frozenset(
    {
        "libs/common/database.py", "libs/common/worker.py", "libs/common/messaging/consumer.py", "libs/common/http/ledger.py",
        "libs/common/watching.py", "services/ingest/measures.py", "services/appeals/measures.py", "services/analytics/measures.py",
        "libs/common/http/outbox.py", "libs/common/http/trails.py", "libs/common/http/audit_log.py", "libs/common/audit/sealing.py",
        "libs/common/retention/forgetting.py", "libs/common/http/retention.py", "libs/common/http/table_answers.py",
        "libs/common/http/tenants.py", "libs/common/tenants/standing.py", "libs/common/tenants/archive.py",
        "libs/common/tenants/erasing.py",
        "libs/common/sealing/keys.py", "libs/common/sealing/rewriting.py", "libs/common/sealing/command.py",
        "libs/common/http/dead_letters.py", "services/ingest/reading.py", "services/ingest/api.py", "services/classifier/api.py",
        "services/classifier/codes/api.py", "services/classifier/rules/api.py",
        "services/classifier/odds/api.py", "services/classifier/odds/making.py",
        "services/classifier/replays/api.py", "services/classifier/labels/api.py", "services/classifier/replays/running.py",
        "services/classifier/models/api.py", "services/classifier/models/running.py", "services/classifier/models/work.py",
        "services/classifier/odds/shelf.py",
        "services/classifier/risk/desk.py",
        "services/ingest/claims/api.py", "services/ingest/matches/api.py", "services/appeals/api.py",
        "services/appeals/worklist/api.py", "services/appeals/worklist/bulk_api.py",
        "services/appeals/records/list_api.py", "services/appeals/records/api.py",
        "services/appeals/worklist/clock.py", "services/appeals/worklist/bulk.py", "services/appeals/payers/api.py",
        "services/analytics/causes/api.py", "services/analytics/causes/actions_api.py",
        "services/analytics/api.py", "services/analytics/pages/api.py", "services/analytics/day_ends.py",
        "services/analytics/pages/acting.py", "services/analytics/pages/doing.py", "services/analytics/pages/signin.py",
        "services/analytics/pages/guard.py", "services/analytics/pages/auditing.py", "services/analytics/pages/reviewing.py",
        "services/ingest/checks/api.py", "services/ingest/reference/api.py", "services/ingest/payers/api.py",
        "services/ingest/waiting.py",
        "services/ingest/sandbox/payer.py", "services/ingest/reference/loading.py",
        "services/ingest/followups/api.py", "services/ingest/followups/scan.py",
        "services/ingest/followups/deposits_api.py",
        "services/analytics/audits/api.py", "services/analytics/audits/running.py",
        "services/analytics/alerts/api.py", "services/analytics/alerts/scan.py", "services/analytics/alerts/stream.py",
        "services/analytics/webhooks/api.py", "services/analytics/webhooks/sending.py",
        "services/analytics/webhooks/deliveries_api.py", "services/analytics/webhooks/fanning.py",
        "services/analytics/audits/labelling.py",
        "services/analytics/audits/schedules_api.py",
        "services/analytics/finance/api.py", "services/analytics/codes/api.py",
        "services/analytics/audits/scheduling.py", "services/analytics/scorecards/api.py",
        "services/analytics/reports/api.py", "services/analytics/reports/making.py",
        "services/analytics/recounts/api.py", "services/analytics/recounts/running.py", "services/analytics/recounts/rereading.py",
        "services/appeals/letters/letterhead_api.py", "services/appeals/letters/templates_api.py",
        "services/appeals/letters/letters_api.py", "services/appeals/letters/packets_api.py", "services/appeals/letters/builder.py",
        "services/appeals/letters/sweep.py",
        "services/appeals/documents/api.py", "services/appeals/documents/sweep.py",
        "services/appeals/evidence/api.py", "services/appeals/evidence/collector.py", "services/appeals/corrections/api.py",
        "services/appeals/collaboration/api.py", "services/appeals/collaboration/guest.py",
        "services/appeals/correspondence/api.py", "services/appeals/correspondence/clock.py",
        "services/appeals/changing.py", "services/appeals/filing/sending.py", "services/appeals/filing/together_api.py",
    }
)  # fmt: skip
_TEXTS = (
    ".py",
    ".md",
    ".yaml",
    ".yml",
    ".toml",
    ".json",
    ".txt",
    ".in",
    ".csv",
    ".sql",
    ".html",
    ".js",
    ".css",
    ".typ",
    "Makefile",
    "run",
)
# Written apart so that this file does not find itself.
_FORBIDDEN_WORDS = (
    "TO" + "DO",
    "FIX" + "ME",
    "X" + "XX",
    "clau" + "de",
    "anthro" + "pic",
    "chat" + "gpt",
    "copi" + "lot",
    "sub" + "agent",
)
_REGISTRIES = ("pypi" + ".org", "files.python" + "hosted.org", "repo1.maven" + ".org", "registry.npm" + "js.org", "crates" + ".io")
_CPT_SHAPED = re.compile(r"\bHC[:>|^]\d{4}[0-9FTU]\b|procedure_code\W{1,5}\d{5}\b")


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files of the repository, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    return tuple(ROOT / name for name in listed if name and (ROOT / name).is_file())


def modules(*folders: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the Python modules under some folders."""
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix == ".py" and name.startswith(tuple(f"{folder}/" for folder in folders)):
            yield name, path.read_text()


def texts() -> Iterator[tuple[str, str]]:
    """Yield (name, text) of everything that people read or machines run."""
    for path in tracked():
        if path.name.endswith(_TEXTS) and path != Path(__file__):
            yield path.relative_to(ROOT).as_posix(), path.read_text(errors="replace")


def functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_every_module_opens_by_saying_what_it_is_for() -> None:
    silent = [name for name, text in modules(*SOURCES, "tests") if text.strip() and not ast.get_docstring(ast.parse(text))]
    assert silent == []


def test_modules_stay_readable() -> None:
    assert {name: count for name, text in modules(*SOURCES, "tests") if (count := text.count("\n")) > MODULE_LINES_MAX} == {}


def test_functions_fit_on_one_screen() -> None:
    sizes = [(name, function, lines) for name, text in modules(*SOURCES) for function, lines in functions(text)]
    flat_loop = {("libs/x12/claim_loop.py", "read")}  # one flat loop over segments, for speed; its docstring says so
    assert [each for each in sizes if each[2] > FUNCTION_LINES_MAX and each[:2] not in flat_loop] == []
    short = sum(lines <= 30 for _, _, lines in sizes)
    assert short / len(sizes) >= 0.9


def test_what_is_sent_for_long_asks_again_who_is_let_in() -> None:
    streamed = {name for name, text in modules("libs", "services") if re.search(r"\bStreamingResponse\(", text)}
    # What these stream is their answer to a body that was let in; the rest are files (`FileAnswer`).
    assert streamed == {"services/ingest/claims/api.py", "services/ingest/followups/deposits_api.py"}


def test_only_the_edges_open_transactions() -> None:
    openers = set()
    for name, text in modules("libs", "services"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("begin", "commit"):
                owner = ast.unparse(node.func.value)
                if owner.endswith(("database", "engine", "tx", "connection", "_database")):
                    openers.add(name)
    assert openers - {"libs/common/migrate.py"} <= EDGES


@pytest.mark.parametrize("service", ["ingest", "classifier", "appeals", "analytics"])
def test_migrations_are_one_line_in_the_order_of_their_names(service: str) -> None:
    before = "None"
    for path in sorted((ROOT / "services" / service / "migrations" / "versions").glob("*.py")):
        told = dict(re.findall(r"^(revision|down_revision) = (.*)$", path.read_text(), re.MULTILINE))
        assert (path.name.partition("_")[0], told["down_revision"]) == (told["revision"].strip('"'), before)
        before = told["revision"]


def test_decisions_are_numbered_in_one_line() -> None:
    paths = sorted((ROOT / "docs" / "adr").glob("*.md"))
    told = [(path.name.partition("-")[0], path.read_text().partition(".")[0]) for path in paths]
    assert told == [(f"{number:04}", f"# {number}") for number in range(1, len(paths) + 1)]


def test_a_silenced_linter_or_type_checker_is_told_why() -> None:
    mute = []
    for name, text in modules(*SOURCES, "tests"):
        for number, line in enumerate(text.splitlines(), start=1):
            found = re.search(r"#\s*(noqa|type: ignore)\b(.*)", line)
            if found and not re.search(r"(- \w|# \w|: PLR2004$)", found[2]):  # a bare position or status says itself
                mute.append(f"{name}:{number}")
    # A run of lines that share one reason may leave it to the first.
    reasoned = [place for place in mute if not _neighbour_has_reason(place)]
    assert reasoned == []


def _neighbour_has_reason(place: str) -> bool:
    name, _, number = place.rpartition(":")
    lines = (ROOT / name).read_text().splitlines()
    nearby = lines[max(0, int(number) - 4) : int(number) - 1]
    return any(re.search(r"#\s*(noqa|type: ignore)\b.*(- \w|# \w)", line) for line in nearby)


def test_one_broad_except_exists() -> None:
    broad = re.compile(r"except (Base)?Exception\b(?!.*#)|except:\s")
    places = {name for name, text in modules("libs", "services") if broad.search(text)}
    translates = {"libs/common/database.py"}  # names what is transient and raises everything again
    tries_thrice = {"services/ingest/reading.py"}  # a file that meets our bug must not block the others
    assert places <= {"libs/common/messaging/consumer.py", *translates, *tries_thrice}


@pytest.mark.parametrize("word", _FORBIDDEN_WORDS)
def test_no_file_holds_a_word_that_does_not_belong(word: str) -> None:
    pattern = re.compile(rf"\b{word}\b") if word.isupper() else re.compile(word, re.IGNORECASE)
    assert [name for name, text in texts() if pattern.search(text)] == []


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    path = re.compile(r"(?<![\w.~/-])/(home|root|Users|mnt)/\w|/work/(main|shared|wt)")
    assert [name for name, text in texts() if path.search(text) or any(host in text for host in _REGISTRIES)] == []


def test_no_procedure_code_looks_like_cpt() -> None:
    assert [name for name, text in texts() if _CPT_SHAPED.search(text)] == []


LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.in"))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_its_hashes_and_every_wish_is_pinned(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]+\])?==[^\n]*\\\n\s+--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    entries = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]+\])?==", text, re.MULTILINE)
    assert pins == entries
    wishes = re.findall(r"^([A-Za-z0-9._-]+)", (ROOT / "requirements" / f"{lock}.in").read_text(), re.MULTILINE)
    assert {_plain(wish) for wish in wishes if not wish.startswith("-")} <= {_plain(pin) for pin in pins}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in tracked():
        if path.suffix == ".md":
            for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text()):
                if not (path.parent / target).exists():
                    broken.append(f"{path.relative_to(ROOT)} -> {target}")  # noqa: PERF401 - three plain lines
    assert broken == []


def test_the_supported_versions_of_python_are_said_once_and_the_same() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert told == ">=3.11,<3.14"
    assert "(3, 11) <= sys.version_info[:2] < (3, 14)" in (ROOT / "Makefile").read_text()
    assert "Python 3.11 to 3.13" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", ["reliability.md", "security.md"])
def test_every_test_that_the_promises_lean_on_exists(document: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / document).read_text()))
    existing = {found for _, text in modules("tests") for found in re.findall(r"^(?:async )?def (test_\w+)", text, re.MULTILINE)}
    assert named
    assert sorted(named - existing) == []


def test_every_promise_is_kept_in_both_directions() -> None:
    rows = re.findall(r"^\| \*\*(L[1-4]) .*\|(.*)\|(.*)\|$", (ROOT / "docs" / "reliability.md").read_text(), re.MULTILINE)
    assert [promise for promise, holds, noticed in rows if "`test_" in holds and "`test_" in noticed] == ["L1", "L2", "L3", "L4"]


def _opening(text: str, place: int) -> int:
    """Return where the bracket opens that holds a place; -1 where none does within this string."""
    depth = 0
    for at in range(place, -1, -1):
        depth += {")": 1, "(": -1}.get(text[at], 0)
        if depth < 0 or text.startswith('"""', at):
            return at if depth < 0 else -1
    return -1


def test_rows_that_others_hold_are_passed_over_in_a_query_that_runs_once() -> None:
    """Within the statement that takes them, a plan may look for them once a row, each time find others, and take them all."""
    wrong, seen = [], 0
    for name, text in modules("libs", "services"):
        if "/migrations/" not in name:
            for found in re.finditer("SKIP LOCKED", text):
                seen += 1
                opening = _opening(text, found.start())
                if opening >= 0 and re.search(r"\b(IN|FROM|JOIN|USING)\s*$", text[:opening]):
                    wrong.append(f"{name}: {text[opening : opening + 60]}")
    assert wrong == []
    assert seen > 0


def test_migrations_of_a_service_stand_in_one_line() -> None:
    broken = []
    for folder in sorted((ROOT / "services").glob("*/migrations/versions")):
        told = [
            dict(re.findall(r"^(revision|down_revision) = (.+)$", path.read_text(), re.MULTILINE)) for path in folder.glob("*.py")
        ]
        follows = sorted(each["down_revision"] for each in told if each["down_revision"] != "None")
        made = sorted(each["revision"] for each in told)
        if follows != made[:-1]:
            broken.append(folder.parts[-3])
    assert broken == []
