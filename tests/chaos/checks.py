"""What must be true afterwards, however much was killed; what is not is said in a line, naming some of what is lost or doubled."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from deploy.local.layout import SERVICES
from libs.synthetic import Answer, Interchange, standing
from tests.chaos.messages import SOURCE, Planted, dead_letters
from tests.support.system import System

_NAMED = 5
_NAMED_BYTES = 60  # each planted record begins with a mark of its own
_OF_YEAR = "payment_on BETWEEN $1 AND $2"


def check(
    system: System, files: Sequence[Interchange], year: int, *, claims: Sequence[str] = (), planted: Planted | None = None
) -> list[str]:
    """Compare the system with the truth of a year's acknowledged files and claims. Nothing to say is nothing wrong.

    `planted`: the dead letters that must be there, of all years.
    """
    answers = [answer for file in files for answer in file.answers()]
    period = (date(year, 1, 1), date(year, 12, 31))
    remits = system.rows("ingest", f"SELECT * FROM remits WHERE {_OF_YEAR}", *period)
    denials = system.rows("classifier", f"SELECT * FROM denials WHERE {_OF_YEAR}", *period)
    return [
        *_ledgers(system, answers, period),
        *_remits(system, answers, remits, period),
        *_denials(answers, remits, denials),
        *_followers(system, denials, period),
        *_sequences(remits),
        *_events(system, remits, denials),
        *_claims(system, claims, year),
        *_dead_letters(system, planted or Counter()),
    ]


def _differences(what: str, expected: Iterable[Any], found: Iterable[Any]) -> list[str]:
    wanted, there = Counter(expected), Counter(found)
    lost, extra = wanted - there, there - wanted
    lines = []
    for word, each in (("lost", lost), ("too many", extra)):
        if each:
            lines.append(f"{what}: {each.total()} {word}, such as {sorted(each, key=repr)[:_NAMED]}")
    return lines


def totals_of(answers: Iterable[Answer]) -> dict[str, Any]:
    """Say what the ledger of these answers must be."""
    groups: Counter[str] = Counter()
    remits = charge = paid = 0
    for answer in answers:
        remits, charge, paid = remits + 1, charge + answer.remit.charge_cents, paid + answer.remit.paid_cents
        for item in (*answer.remit.adjustments, *(item for line in answer.remit.lines for item in line.adjustments)):
            groups[item.group_code] += item.amount_cents
    adjusted = groups.total()
    return {
        "remits": remits,
        "charge_cents": charge,
        "paid_cents": paid,
        "adjustment_cents": adjusted,
        "adjustments_by_group": dict(groups),
        "unbalanced_cents": charge - paid - adjusted,
    }


def _ledgers(system: System, answers: Sequence[Answer], period: tuple[date, date]) -> list[str]:
    expected = totals_of(answers)
    found = system.ledgers(**{"from": str(period[0]), "to": str(period[1])})
    return [
        f"ledger of {service}: {name} is {told['totals'][name]}, not {expected[name]}"
        for service, told in found.items()
        for name in expected
        if told["totals"][name] != expected[name]
    ]


def _remits(system: System, answers: Sequence[Answer], remits: Sequence[Any], period: tuple[date, date]) -> list[str]:
    """Every claim of every acknowledged file is in ingest once, and in analytics once."""
    expected = (
        (each.patient_control_number, each.payer_claim_control_number, each.claim_status_code, each.charge_cents, each.paid_cents)
        for each in (answer.remit for answer in answers)
    )
    names = ("patient_control_number", "payer_claim_control_number", "claim_status_code", "charge_cents", "paid_cents")
    facts = system.rows("analytics", f"SELECT remit_id FROM remit_facts WHERE {_OF_YEAR}", *period)
    return [
        *_differences("claims in ingest", expected, (tuple(row[name] for name in names) for row in remits)),
        *_differences("claims in analytics", (row["remit_id"] for row in remits), (row["remit_id"] for row in facts)),
    ]


def _denials(answers: Sequence[Answer], remits: Sequence[Any], denials: Sequence[Any]) -> list[str]:
    """What was refused is a denial once; it is active if it stands and retracted if it was taken back."""
    stands = {id(answer) for answer in standing(answers)}
    expected = [
        (answer.remit.payer_claim_control_number, answer.truth.denied_cents, "active" if id(answer) in stands else "retracted")
        for answer in answers
        if answer.truth.denied_cents > 0 and answer.truth.outcome != "reversal"
    ]
    found = ((row["payer_claim_control_number"], row["denied_cents"], row["status"]) for row in denials)
    known = {row["remit_id"] for row in remits}
    return [
        *_differences("denials", expected, found),
        *(f"denial of an unknown remit {row['remit_id']}" for row in denials if row["remit_id"] not in known),
    ]


def _followers(system: System, denials: Sequence[Any], period: tuple[date, date]) -> list[str]:
    """Analytics and appeals hold each denial as the classifier's highest revision says it."""
    facts = system.rows("analytics", f"SELECT * FROM denial_facts WHERE {_OF_YEAR}", *period)
    cases = system.rows("appeals", f"SELECT * FROM cases WHERE {_OF_YEAR}", *period)
    pursued = [row for row in denials if row["recoverable"]]
    return [
        *_differences(
            "denials in analytics",
            ((row["denial_id"], row["revision"], row["status"] == "active", row["denied_cents"]) for row in denials),
            ((row["denial_id"], row["revision"], row["active"], row["denied_cents"]) for row in facts),
        ),
        *_differences(
            "cases in appeals",
            ((row["denial_id"], row["revision"], row["status"] == "retracted") for row in pursued),
            ((row["denial_id"], row["denial_revision"], row["judged"] == "retract") for row in cases),
        ),
    ]


def _sequences(remits: Sequence[Any]) -> list[str]:
    """The versions of an account are 1, 2, 3, ...: none given twice, none left out."""
    by_account: defaultdict[Any, list[int]] = defaultdict(list)
    for row in remits:
        by_account[row["claim_key"]].append(row["sequence"])
    wrong = [str(key) for key, numbers in by_account.items() if sorted(numbers) != list(range(1, len(numbers) + 1))]
    return [f"accounts whose versions have holes or doubles: {len(wrong)}, such as {wrong[:_NAMED]}"] if wrong else []


def _events(system: System, remits: Sequence[Any], denials: Sequence[Any]) -> list[str]:
    """One remit is one event and one revision of a denial is one event, however often their records were sent."""
    keys = {str(row["remit_id"]) for row in remits}
    told: defaultdict[str, set[bytes]] = defaultdict(set)
    for event_id, data in _told(system, "remit.received"):
        if data["remit_id"] in keys:
            told[data["remit_id"]].add(event_id)
    revisions = {(str(row["denial_id"]), number) for row in denials for number in range(1, row["revision"] + 1)}
    denials_told: defaultdict[tuple[str, int], set[bytes]] = defaultdict(set)
    for event_id, data in _told(system, "denial.classified"):
        if data["remit_id"] in keys:
            denials_told[data["denial_id"], data["revision"]].add(event_id)
    return [
        *_differences("events of remits", keys, (key for key, ids in told.items() for _ in ids)),
        *_differences("events of denials", revisions, (key for key, ids in denials_told.items() for _ in ids)),
    ]


def _told(system: System, topic: str) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield the id and the data of each event of ours that a topic holds: no poison, and nothing of a later version."""
    for record in system.records(topic):
        headers = dict(record.headers)
        if headers.get("ce_source", SOURCE) != SOURCE and headers["ce_type"].endswith(b".v1"):
            yield headers["ce_id"], json.loads(record.value)


def _claims(system: System, claims: Sequence[str], year: int) -> list[str]:
    """Every claim that was acknowledged is in ingest once, was told of with one event, and is in analytics once."""
    of_year = f"CH{year}N%"
    found = system.rows(
        "ingest", "SELECT claim_id, patient_control_number FROM claims WHERE patient_control_number LIKE $1", of_year
    )
    ids = {str(row["claim_id"]) for row in found}
    told: defaultdict[str, set[bytes]] = defaultdict(set)
    for event_id, data in _told(system, "claim.submitted") if claims else ():
        if data["claim_id"] in ids:
            told[data["claim_id"]].add(event_id)
    facts = "SELECT convert_from(told, 'UTF8')::json->>'claim_id' AS claim_id FROM facts WHERE kind = 'claim'"
    known = [row["claim_id"] for row in system.rows("analytics", facts) if row["claim_id"] in ids] if claims else []
    return [
        *_differences("single claims in ingest", claims, (row["patient_control_number"] for row in found)),
        *_differences("events of single claims", ids, (claim_id for claim_id, events in told.items() for _ in events)),
        *_differences("single claims in analytics", ids, known),
    ]


def _dead_letters(system: System, planted: Planted) -> list[str]:
    """Every dead letter is one that was planted, and every one that was planted is there."""
    query = "SELECT aggregatetype, convert_from(payload, 'UTF8') FROM outbox WHERE aggregatetype LIKE '%.dlq'"
    rows = [(topic, json.loads(letter)) for service in SERVICES for topic, letter in system.rows(service, query)]
    found = Counter((topic, reason, value[:_NAMED_BYTES]) for topic, reason, value in dead_letters(rows).elements())
    wanted = Counter((topic, reason, value[:_NAMED_BYTES]) for topic, reason, value in planted.elements())
    return _differences("dead letters", wanted.elements(), found.elements())
