"""What the demonstration has found: compared with the truth, and shown on one screen.

Pure but for printing: the outcome is what the services answered, beside what was sent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from msgspec import Struct
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from libs.client.shapes import Interchange as Received
from libs.client.shapes import Ledger
from libs.common.money import dollars
from libs.synthetic import Answer, Interchange, Payout, standing
from libs.synthetic.payers import PAYERS

FINAL: Final = frozenset({"accepted", "accepted_with_errors", "rejected"})
_INDENT: Final = (0, 0, 0, 2)


class Denial(Struct, frozen=True):
    denial_id: str
    status: str
    payer_id: str
    payer_claim_control_number: str
    category: str
    action: str
    denied_cents: int
    recoverable: bool


class Case(Struct, frozen=True):
    denial_id: str
    state: str


class Rate(Struct, frozen=True):
    denied_claims: int
    denied_cents: int
    denial_rate_claims: float


class Rates(Struct, frozen=True):
    totals: Rate


class Outcome(Struct, frozen=True):
    """What was sent (`new` of the files were not known before), and what the services say now.

    `before`: the ledger before they were sent, where all of them were known and done with.
    """

    files: Sequence[Interchange]
    first_on: date
    new: int
    received: Sequence[Received]
    before: Ledger | None = None
    ledgers: Mapping[str, Ledger] = {}
    ledgers_of_month: Mapping[str, Ledger] = {}
    rates: Rates | None = None
    denials: Sequence[Denial] = ()
    cases: Sequence[Case] = ()

    @property
    def last_on(self) -> date:
        return (self.first_on + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    def waits_for(self) -> str | None:
        """Name the service that still has something to do, the first in the flow; None when all is done."""
        if any(file.status not in FINAL for file in self.received):
            return "ingest"
        for service, ledger in self.ledgers.items():
            if ledger != self.ledgers["ingest"]:
                return service
        states = {case.denial_id: case.state for case in self.cases}
        for denial in self.denials:
            state = states.get(denial.denial_id)
            if denial.recoverable and (state is None or not _follows(state, denial.status)):
                return "appeals"
        active = [denial.denied_cents for denial in self.denials if denial.status == "active"]
        if self.rates is None or (self.rates.totals.denied_claims, self.rates.totals.denied_cents) != (len(active), sum(active)):
            return "analytics"
        return None


# A reversal that came with money won the case; without, it closed it.
_CLOSED: Final = ("retracted", "overturned", "partly_overturned")


def _follows(state: str, status: str) -> bool:
    """Say whether a case has heard how its denial stands."""
    return state in _CLOSED if status == "retracted" else state != "retracted"


class Check(Struct, frozen=True):
    holds: bool
    text: str


def checks(outcome: Outcome) -> Iterator[Check]:
    """Compare what the services say with what is known to be true."""
    answers = [answer for file in outcome.files for answer in file.answers()]
    ingest = outcome.ledgers["ingest"]
    agree = all(ledger == ingest for ledger in outcome.ledgers.values())
    yield Check(agree, "The four ledgers agree to the cent." if agree else "The four ledgers differ.")
    as_sent = _sums(outcome) == _sums_sent(answers)
    yield Check(as_sent, "Every cent that was sent is booked." if as_sent else "What is booked is not what was sent.")
    expected = {
        (answer.claim.payer_id, answer.remit.payer_claim_control_number): (answer.truth.category, answer.truth.denied_cents)
        for answer in standing(answers)
        if answer.truth.denied_cents
    }
    found = {key: (denial.category, denial.denied_cents) for key, denial in _denials(outcome, answers) if denial.status == "active"}
    wrong = sum(1 for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    told = (
        f"All {len(expected)} denials that hold are found, each with its cause."
        if not wrong
        else f"{wrong} denials are not as planted."
    )
    yield Check(not wrong, told)
    yield from _retractions(outcome, answers)
    yield from _differences(outcome)
    if outcome.before is not None:
        same = outcome.before == ingest
        yield Check(same, "Sent again, the files changed nothing." if same else "Sent again, the files changed the ledger.")


def _sums(outcome: Outcome) -> tuple[int, int, int, int]:
    transactions = [each for file in outcome.received for each in file.transactions]
    return (
        sum(each.claims for each in transactions),
        sum(each.charge_cents for each in transactions),
        sum(each.paid_cents for each in transactions),
        sum(each.adjustment_cents for each in transactions),
    )


def _sums_sent(answers: Sequence[Answer]) -> tuple[int, int, int, int]:
    return (
        len(answers),
        sum(answer.remit.charge_cents for answer in answers),
        sum(answer.remit.paid_cents for answer in answers),
        sum(answer.remit.adjustment_cents for answer in answers),
    )


def _denials(outcome: Outcome, answers: Sequence[Answer]) -> Iterator[tuple[tuple[str, str], Denial]]:
    """Yield this month's denials; a stack may hold others."""
    sent = {(answer.claim.payer_id, answer.remit.payer_claim_control_number) for answer in answers}
    for denial in outcome.denials:
        key = (denial.payer_id, denial.payer_claim_control_number)
        if key in sent:
            yield key, denial


def _retractions(outcome: Outcome, answers: Sequence[Answer]) -> Iterator[Check]:
    """Look for each denial that its payer reversed."""
    undone = {(answer.claim.payer_id, answer.truth.undoes) for answer in answers if answer.truth.undoes is not None}
    denials = dict(_denials(outcome, answers))
    states = {case.denial_id: case.state for case in outcome.cases}
    for answer in answers:
        key = (answer.claim.payer_id, answer.remit.payer_claim_control_number)
        if key in undone and answer.truth.outcome in ("denied", "partly_denied"):
            denial = denials.get(key)
            holds = denial is not None and denial.status == "retracted" and states.get(denial.denial_id) in _CLOSED
            result = "the denial is retracted, its case closed." if holds else "the denial still stands."
            who = PAYERS[answer.claim.payer_id].name.title()
            what = f"{who} took back a refusal of {dollars(answer.truth.denied_cents)} and paid:"
            yield Check(holds, f"{what} {result}")


def _differences(outcome: Outcome) -> Iterator[Check]:
    """Look for each payment that does not balance; others must."""
    planted: list[Payout] = [payout for file in outcome.files for payout in file.payouts]
    seen = [each.balance_difference_cents for file in outcome.received for each in file.transactions]
    if len(seen) != len(planted):
        yield Check(False, "Some payments are not there.")
        return
    for payout, difference_cents in zip(planted, seen, strict=True):
        who = PAYERS[payout.payer_id].name.title()
        what = f"less than its claims add up to (trace {payout.remittance.payment.trace_number})"
        if difference_cents != payout.difference_cents:
            told = "an unknown sum" if difference_cents is None else dollars(difference_cents)
            yield Check(False, f"{who} paid {told} {what}, and should not have.")
        elif payout.difference_cents:
            yield Check(True, f"{who} paid {dollars(payout.difference_cents)} {what}: found.")


def show(console: Console, outcome: Outcome, addresses: Mapping[str, str]) -> bool:
    """Print it all, in 80 columns; return whether every check holds."""
    if outcome.new < len(outcome.files):
        known = "All files" if outcome.new == 0 else f"{len(outcome.files) - outcome.new} of the files"
        console.print(f"\n{known} were received before.")
    _print(console, "Where the money went, in dollars", _money(outcome))
    rate = f", {outcome.rates.totals.denial_rate_claims:.1%} of all claims" if outcome.rates else ""
    active = [denial for denial in outcome.denials if denial.status == "active"]
    cases = sum(1 for denial in active if denial.recoverable)
    _print(console, f"{len(active)} denials{rate}; {cases} can be worked", _by_category(active))
    _print(console, "Every cent, in each service", _ledgers(outcome))
    marks = Table.grid(padding=(0, 1))
    results = list(checks(outcome))
    for check in results:
        marks.add_row(Text("✓" if check.holds else "✗", style="green" if check.holds else "bold red"), Text(check.text))
    console.print()
    console.print(Padding(marks, _INDENT, expand=False))
    _print(console, "Look around", _addresses(addresses))
    return all(check.holds for check in results)


def _print(console: Console, title: str, table: Table) -> None:
    console.print(f"\n[bold]{title}[/]", highlight=False)
    console.print(Padding(table, _INDENT, expand=False), highlight=False)


def _table(*headings: str, text: int = 1) -> Table:
    """Make a table whose first columns hold text and the others amounts."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < text else "right", header_style="dim")
    return table


def _money(outcome: Outcome) -> Table:
    totals = outcome.ledgers_of_month["ingest"].totals
    groups = totals.adjustments_by_group
    rows = (
        ("charged", totals.charge_cents, f"{totals.remits} claims in {len(outcome.files)} files"),
        ("paid", totals.paid_cents, "by the payers"),
        ("CO", groups.get("CO", 0), "contract price, or refused at the clinic's cost"),
        ("PR", groups.get("PR", 0), "the patient's part, or refused at the patient's cost"),
        ("OA", groups.get("OA", 0), "neither's: other payers, duplicates, estimates"),
        ("unexplained", totals.unbalanced_cents, ""),
    )
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for name, cents, meaning in rows:
        table.add_row(name, dollars(cents), meaning)
    return table


def _by_category(active: Sequence[Denial]) -> Table:
    claims: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    actions: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for denial in active:
        claims[denial.category] += 1
        cents[denial.category] += denial.denied_cents
        actions[denial.category][denial.action] += 1
    table = _table("category", "what to do, mostly", "claims", "denied", text=2)
    for category, denied_cents in cents.most_common():
        action = actions[category].most_common(1)[0][0]
        table.add_row(_words(category), _words(action), str(claims[category]), dollars(denied_cents))
    table.add_row("all", "", str(len(active)), dollars(sum(cents.values())), style="bold")
    return table


def _ledgers(outcome: Outcome) -> Table:
    table = _table("", "claims", "charged", "paid", "adjusted", "unexplained")
    reference = outcome.ledgers["ingest"].totals
    for service, ledger in outcome.ledgers.items():
        totals = ledger.totals
        cells = [service, str(totals.remits)]
        cells += [
            dollars(each) for each in (totals.charge_cents, totals.paid_cents, totals.adjustment_cents, totals.unbalanced_cents)
        ]
        table.add_row(*cells, style=None if totals == reference else "bold red")
    return table


def _addresses(addresses: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row("the dashboard", f"{addresses['analytics']}/")
    for service, address in addresses.items():
        table.add_row(service, f"{address}/docs")
    table.add_row("")
    for command, meaning in (
        ("recours denials", "what was refused, why, and what to do"),
        ("recours ledger", "the four ledgers side by side"),
        ("recours send FILE", "a remittance of your own"),
    ):
        table.add_row(f".venv/bin/{command}", Text(meaning, style="dim"))
    return table


def _words(name: str) -> str:
    return name.replace("_", " ")
