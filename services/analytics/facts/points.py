"""What the facts of one account add to what is counted: points of a measure, by day and by what it is about.

A point is (measure, day, cell) with a count and an amount: cents, or days. It follows from the facts of its account alone, so a
change takes away what they added before and adds what they add now: reversals, retractions and revisions need no code of their own.

One claim is counted once, whatever becomes of it: a claim with its corrections and replacements, all answers to them, and all parts
of an answer that a payer split. Where no claim is known, the answers of one account for one day of service count as one claim's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from libs.common.reversals import REVERSAL_STATUS, Reversible, pair
from services.analytics.facts import Answer, Claim, Closing, Decision, Denial, Fact, Filing, Followup, Match, Remit
from services.analytics.facts.measures import NOT_TOLD, Cell, Points

_PREDETERMINATION: Final = "25"
_NO_ADJUDICATION: Final = frozenset({REVERSAL_STATUS, _PREDETERMINATION})
_NOT_FIRST: Final = frozenset({"2", "3", "20", "21", "23"})  # later payers, and claims that were only passed on
_VOID: Final = "8"
_APPEAL: Final = "appeal"
_TIMELY_FILING: Final = "timely_filing"
_WRITTEN_OFF: Final = "written_off"
_UPHELD: Final = "upheld"
_UNDERPAID: Final = "underpaid"
_JUDGED: Final = frozenset({"accepted", "rejected"})
_NO_UNDONE: Final[frozenset[UUID]] = frozenset()

_ONE: Final = UUID(int=1)

JournalKey = tuple[str, date, date, Cell]
Alike = tuple[str, date, date, str, int, str]  # payer, days of payment and of knowing, status, number of lines, service group


class Episode:
    """One claim, from its first submission to the last answer. `root` is the first claim of it that is known."""

    __slots__ = ("answers", "claims", "remits", "root")

    def __init__(self, root: Claim | None) -> None:
        self.root = root
        self.claims: list[Claim] = []
        self.answers: list[Answer] = []
        self.remits: list[Remit] = []

    def cell(self, payer_id: str, category: str = "", level: str = "") -> Cell:
        root = self.root
        if root is not None:
            return (payer_id, root.facility, root.provider, root.service_group, category, level, root.coder, "")
        group = self.remits[0].service_group if self.remits else ""
        return (payer_id, "", "", group, category, level, "", "")


class Account(NamedTuple):
    """The facts of an account as they hold: the highest version of each."""

    episodes: list[Episode]
    remits: dict[UUID, Remit]
    episode_of: dict[UUID, Episode]  # by remit
    undone: frozenset[UUID]  # remits that a reversal took back
    denials: dict[UUID, Denial]  # by remit
    filings: list[Filing]
    decisions: list[Decision]
    closings: Sequence[Closing] = ()
    followups: Sequence[Followup] = ()
    roots: Mapping[UUID, Episode] = {}  # the episode of each claim that is known


def journal(facts: Sequence[Fact], account: Account) -> dict[JournalKey, list[int]]:
    """Return what an account adds, by measure, day, the day on which it became known, and cell; what was taken back is negative.

    `account`: what the facts were read to.
    """
    days = {fact.known_on for fact in facts}
    if len(days) == 1:
        (known_on,) = days
        return {(measure, day, known_on, cell): sums for (measure, day, cell), sums in points(account).items()}
    found: dict[JournalKey, list[int]] = {}
    before: Mapping[tuple[str, date, Cell], list[int]] = {}
    last = max(days, default=None)
    for known_on in sorted(days):
        now = points(account if known_on == last else read([fact for fact in facts if fact.known_on <= known_on]))
        for key in now.keys() | before.keys():
            count, amount = now.get(key, (0, 0))
            count_before, amount_before = before.get(key, (0, 0))
            if count != count_before or amount != amount_before:
                measure, day, cell = key
                found[measure, day, known_on, cell] = [count - count_before, amount - amount_before]
        before = now
    return found


def points(account: Account) -> Points:
    """Return what one account adds."""
    found = Points()
    for episode in account.episodes:
        if episode.claims:
            _submission(episode, found)
        if episode.remits:
            _adjudication(episode, account, found)
    if account.denials:
        _denials(account, found)
    if account.filings or account.decisions:
        _appeals(account, found)
    if account.closings:
        _write_offs(account, found)
    for followup in account.followups:
        if followup.kind == _UNDERPAID and not followup.is_gone:
            episode = account.roots.get(followup.subject_id, _NOWHERE)
            found.add("underpaid", followup.due_on, episode.cell(followup.payer_id), followup.amount_cents)
    return found


def read(facts: Sequence[Fact]) -> Account:
    """Put the facts of one account together: claims with their answers."""
    only = only_remit(facts)
    if only is not None:
        return _alone(only)
    held = _highest(facts)
    claims: dict[UUID, Claim] = held["claim"]
    remits: dict[UUID, Remit] = held["remit"]
    matches: dict[UUID, Match] = held["match"]
    episodes: dict[object, Episode] = {}
    roots: dict[UUID, Episode] = {}
    for claim in claims.values():
        root = _root(claim, claims)
        roots[claim.claim_id] = of_root = episodes.setdefault(root.claim_id, Episode(root))
        of_root.claims.append(claim)
    for answer in held["answer"].values():
        if answer.claim_id in roots:
            roots[answer.claim_id].answers.append(answer)
    episode_of: dict[UUID, Episode] = {}
    for remit in sorted(remits.values(), key=_age) if len(remits) > 1 else remits.values():
        named = matches[remit.remit_id].claim_id if remit.remit_id in matches else remit.claim_id
        key: object = ("unmatched", remit.service_on)
        if named is not None:
            key = _root(claims[named], claims).claim_id if named in claims else named
        episode = episodes.get(key)
        if episode is None:
            episode = episodes[key] = Episode(None)
        episode.remits.append(remit)
        episode_of[remit.remit_id] = episode
    return Account(
        episodes=list(episodes.values()),
        remits=remits,
        episode_of=episode_of,
        undone=undone(remits.values()),
        denials={denial.remit_id: denial for denial in held["denial"].values()},
        filings=list(held["filing"].values()),
        decisions=list(held["decision"].values()),
        closings=list(held["closing"].values()),
        followups=list(held["followup"].values()),
        roots=roots,
    )


def only_remit(facts: Sequence[Fact]) -> Remit | None:
    """Return an account's only fact, where that is a remit and names no claim."""
    if len(facts) == 1 and type(fact := facts[0]) is Remit and fact.claim_id is None:
        return fact
    return None


def alike(remit: Remit) -> Alike:
    """Return what such remits have in common that count in the same sums."""
    return (remit.payer_id, remit.payment_on, remit.known_on, remit.status, remit.lines, remit.service_group)


def journal_alike(of: Alike, count: int, charge_cents: int) -> dict[JournalKey, list[int]]:
    """Return what so many remits add, each alone on its account, that are alike and charge so much together.

    Nothing about one that is alone depends on how much it charges: what one adds for a cent, they add for their sum.
    """
    payer_id, payment_on, known_on, status, lines, service_group = of
    of_one_cent = Remit(_ONE, known_on, payer_id, payment_on, status, 1, 0, lines, service_group=service_group)
    one = journal([of_one_cent], _alone(of_one_cent))
    return {key: [count * each, charge_cents * amount] for key, (each, amount) in one.items()}


def _alone(remit: Remit) -> Account:
    """Read an account's only fact: most batches are first remits, and the long way would cost most of their time."""
    episode = Episode(None)
    episode.remits.append(remit)
    return Account([episode], {remit.remit_id: remit}, {remit.remit_id: episode}, _NO_UNDONE, {}, [], [])


def _highest(facts: Iterable[Fact]) -> defaultdict[str, dict[UUID, Any]]:
    """Return the highest version of each fact, by kind and id."""
    held: defaultdict[str, dict[UUID, Any]] = defaultdict(dict)
    for fact in facts:
        kind, named, version = fact.identity()
        of_kind = held[kind]
        known = of_kind.get(named)
        if known is None or known.version < version:
            of_kind[named] = fact
    return held


def _age(remit: Remit) -> tuple[date, date, UUID]:
    return (remit.payment_on, remit.known_on, remit.remit_id)


def _root(claim: Claim, claims: Mapping[UUID, Claim]) -> Claim:
    """Return the first claim of a chain of replacements, as far as it is known."""
    seen = {claim.claim_id}
    while claim.replaces is not None and claim.replaces in claims and claim.replaces not in seen:
        claim = claims[claim.replaces]
        seen.add(claim.claim_id)
    return claim


def undone(remits: Iterable[Remit]) -> frozenset[UUID]:
    reversals = [_reversible(each, -1) for each in remits if each.status == REVERSAL_STATUS]
    if not reversals:
        return _NO_UNDONE
    return frozenset(pair([_reversible(each, 1) for each in remits if each.status not in _NO_ADJUDICATION], reversals))


_ONE_ACCOUNT: Final = UUID(int=0)


def _reversible(remit: Remit, sign: int) -> Reversible:
    charge_cents, paid_cents = sign * remit.charge_cents, sign * remit.paid_cents
    return Reversible(
        remit.remit_id, "", _ONE_ACCOUNT, remit.payer_id, remit.number, remit.payment_on, charge_cents, paid_cents
    )  # fmt: skip


def _submission(episode: Episode, found: Points) -> None:
    """Count a claim at the day of its first submission. A void without its original, and a claim to a later payer, is none."""
    root = episode.root
    if root is None or root.frequency_code == _VOID or root.is_secondary:
        return
    cell, on = episode.cell(root.payer_id), root.came_on
    found.add("submitted", on, cell, root.charge_cents)
    statuses = {answer.status for answer in episode.answers}
    if statuses & _JUDGED:
        found.add("answered", on, cell, root.charge_cents)
    if "rejected" in statuses:
        found.add("rejected", on, cell, root.charge_cents)
    elif not root.has_error:
        found.add("clean", on, cell, root.charge_cents)
    is_voided = any(claim.frequency_code == _VOID for claim in episode.claims)
    if not is_voided and not any(each.status not in _NO_ADJUDICATION for each in episode.remits):
        found.add("outstanding", on, cell, root.charge_cents)


def _adjudication(episode: Episode, account: Account, found: Points) -> None:
    """Count each answer that stands, and the first answer of the first payer to the claim."""
    undone, denials = account.undone, account.denials  # nearly always empty: not asked for what they do not hold
    for remit in episode.remits:
        if remit.status not in _NO_ADJUDICATION and not (undone and remit.remit_id in undone):
            found.add("standing", remit.payment_on, episode.cell(remit.payer_id), remit.charge_cents)
    initial = first_answer(episode)
    if not initial:
        return
    root, first = episode.root, initial[0]
    cell, on = episode.cell(first.payer_id), first.payment_on
    charge_cents = sum(remit.charge_cents for remit in initial)
    found.add("first_adjudicated", on, cell, charge_cents)
    found.add("first_lines", on, cell, 0, sum(max(remit.lines, 1) for remit in initial))
    if root is not None and on >= root.came_on:
        found.add("responded", on, cell, (on - root.came_on).days)
    refused = (
        [denial for remit in initial if (denial := denials.get(remit.remit_id)) and denial.denied_cents > 0] if denials else []
    )
    if not refused:
        if not (undone and any(remit.remit_id in undone for remit in initial)):
            _resolved(episode, initial, cell, found)
        return
    largest = max(refused, key=lambda each: (each.denied_cents, each.category))
    cell = episode.cell(first.payer_id, largest.category)
    found.add("initially_denied", on, cell, charge_cents)
    found.add("initially_denied_lines", on, cell, 0, sum(_refused_lines(each, account) for each in refused))
    for denial in refused:
        found.add("initially_refused", on, episode.cell(first.payer_id, denial.category), denial.denied_cents)
    if root is not None:
        found.add("catchable", on, cell, charge_cents)
        if root.has_error or root.has_warning:
            found.add("caught", on, cell, charge_cents)


def _resolved(episode: Episode, initial: Sequence[Remit], cell: Cell, found: Points) -> None:
    """Count a first answer that refuses nothing and was not taken back."""
    on = initial[0].payment_on
    found.add("resolved_first", on, cell, sum(remit.charge_cents for remit in initial))
    if _is_mended(episode, on):
        found.add("saved", on, cell, sum(remit.paid_cents for remit in initial))


def _is_mended(episode: Episode, answered_on: date) -> bool:
    """Say whether a check found an error in a claim, and the newest correction before its first answer has none any more."""
    root = episode.root
    if root is None or not root.has_error:
        return False
    later = [claim for claim in episode.claims if claim is not root and claim.came_on <= answered_on]
    newest = max(later, key=lambda claim: (claim.came_on, claim.claim_id), default=root)
    return not newest.has_error and newest.frequency_code != _VOID


def first_answer(episode: Episode) -> list[Remit]:
    """Return the first payer's first answer: what came on the first day, and later parts up to what was billed.

    It stays what it was when it is reversed later: what comes after a take-back is not initial.
    """
    root = episode.root
    if root is not None and root.is_secondary:
        return []
    found: list[Remit] = []
    charge_cents = 0
    for remit in episode.remits:
        if remit.status in _NO_ADJUDICATION or remit.status in _NOT_FIRST:
            continue
        if not found:
            fits = True
        elif remit.payer_id != found[0].payer_id:
            fits = False
        elif root is not None:
            fits = charge_cents + remit.charge_cents <= root.charge_cents
        else:
            fits = remit.payment_on == found[0].payment_on
        if fits:
            found.append(remit)
            charge_cents += remit.charge_cents
    return found


def _refused_lines(denial: Denial, account: Account) -> int:
    lines = max(account.remits[denial.remit_id].lines, 1)
    return min(denial.lines, lines) if denial.lines else lines


_NOWHERE: Final = Episode(None)


def _about(denial: Denial, account: Account, level: str = "") -> Cell:
    return account.episode_of.get(denial.remit_id, _NOWHERE).cell(denial.payer_id, denial.category, level)


def _denials(account: Account, found: Points) -> None:
    """Count denials at the day of their payment. Taken back later, a denial was one all the same."""
    recovered = _recovered(account)
    for denial in account.denials.values():
        cell, on, denied_cents = _about(denial, account), denial.payment_on, denial.denied_cents
        left_cents = max(denied_cents - recovered.get(denial.denial_id, 0), 0)
        if denial.is_active:
            found.add("standing_denied", on, cell, denied_cents)
            if left_cents:
                found.add("unrecovered", on, cell, left_cents)
                if denial.category == _TIMELY_FILING:
                    found.add("timely_filing_lost", on, cell, left_cents)
        if denied_cents > 0:
            found.add("denied", on, cell, denied_cents)
            if denial.preventable is not None:
                found.add("preventable_known", on, cell, denied_cents)
            if denial.preventable:
                found.add("preventable", on, cell, denied_cents)
            _codes(denial, cell, found)


def _codes(denial: Denial, cell: Cell, found: Points) -> None:
    """Count a denial once for each code that says why, with what was refused for it: by group code and CARC, and with RARCs."""
    coded: dict[str, int] = {}
    remarked: dict[str, int] = {}
    for each in denial.reasons:
        code = f"{each.group_code or NOT_TOLD} {each.carc or NOT_TOLD}"
        coded[code] = coded.get(code, 0) + each.cents
        told = " ".join((code, *sorted(set(each.rarcs))))
        remarked[told] = remarked.get(told, 0) + each.cents
    for measure, sums in (("coded", coded), ("remarked", remarked)):
        for code, cents in sums.items():
            found.add(measure, denial.payment_on, (*cell[:7], code), cents)


def _write_offs(account: Account, found: Points) -> None:
    """Count what was given up at the day of it: what then was left of a denial that stands, and nothing has brought since."""
    denials = {denial.denial_id: denial for denial in account.denials.values()}
    recovered = _recovered(account)
    for closing in account.closings:
        if closing.closed_as != _WRITTEN_OFF:
            continue
        denial = denials.get(closing.denial_id)
        if denial is None:
            found.add("written_off", closing.closed_on, _NOWHERE.cell(closing.payer_id, closing.category), closing.left_cents)
        elif denial.is_active and (left := denial.denied_cents - recovered.get(denial.denial_id, 0)) > 0:
            found.add("written_off", closing.closed_on, _about(denial, account), left)


def _recovered(account: Account) -> dict[UUID, int]:
    """Return what outcomes have brought, by denial."""
    recovered: dict[UUID, int] = {}
    for decision in account.decisions:
        recovered[decision.denial_id] = recovered.get(decision.denial_id, 0) + decision.recovered_cents
    return recovered


def _appeals(account: Account, found: Points) -> None:
    denials = {denial.denial_id: denial for denial in account.denials.values()}
    worked: set[UUID] = set()
    appealed: set[UUID] = set()
    for filing in sorted(account.filings, key=lambda each: (each.filed_on, each.appeal_id)):
        denial = denials.get(filing.denial_id)
        cell = _contested(filing, denial, account)
        if filing.denial_id not in worked:
            worked.add(filing.denial_id)
            found.add("worked", filing.filed_on, cell, filing.disputed_cents)
        if filing.action != _APPEAL:
            continue
        if filing.due_on is not None:
            found.add("filed_with_deadline", filing.filed_on, cell, filing.disputed_cents)
            if filing.filed_on <= filing.due_on:
                found.add("filed_in_time", filing.filed_on, cell, filing.disputed_cents)
        if denial is not None and filing.denial_id not in appealed:
            appealed.add(filing.denial_id)
            found.add("appealed", filing.filed_on, cell, (filing.filed_on - denial.payment_on).days)
    for decision in account.decisions:
        _decision(decision, denials.get(decision.denial_id), account, found)
    for filing in _unanswered(account):
        denial = denials.get(filing.denial_id)
        if denial is not None:
            found.add("closed", denial.payment_on, _about(denial, account, filing.level), filing.disputed_cents)


def _unanswered(account: Account) -> list[Filing]:
    """Return the appeals that ended without a decision: their case stands closed, most often since somebody withdrew what the payer
    did not answer.

    Of several appeals of a denial without one the last: one that was withdrawn and filed again is the same appeal.
    """
    closed = {closing.denial_id for closing in account.closings if closing.closed_as}
    if not closed:
        return []
    decided = {decision.appeal_id for decision in account.decisions}
    last: dict[UUID, Filing] = {}
    for filing in sorted(account.filings, key=lambda each: (each.filed_on, each.appeal_id)):
        if filing.action == _APPEAL:
            last[filing.denial_id] = filing
    return [
        filing
        for filing in last.values()
        if filing.denial_id in closed and filing.appeal_id not in decided and not _is_won_since(filing, account)
    ]


def _is_won_since(filing: Filing, account: Account) -> bool:
    """Say whether something else that was sent after an appeal changed the denial: documents that the payer asked for are a filing
    of their own, whose decision is the appeal's answer.
    """
    return any(
        decision.denial_id == filing.denial_id and decision.outcome != _UPHELD and decision.decided_on >= filing.filed_on
        for decision in account.decisions
    )


def _contested(told: Filing | Decision, denial: Denial | None, account: Account) -> Cell:
    """Return the cell of what contests a denial: the denial's, else what it says of it itself."""
    if denial is None:
        return _NOWHERE.cell(told.payer_id, told.category, told.level)
    return _about(denial, account, told.level)


def _decision(decision: Decision, denial: Denial | None, account: Account, found: Points) -> None:
    on = decision.decided_on
    cell = _contested(decision, denial, account)
    if decision.recovered_cents:
        found.add("recovered", on, cell, decision.recovered_cents)
        if denial is not None and decision.by_remittance:
            found.add("cashed", on, cell, (on - denial.payment_on).days)
    if decision.action != _APPEAL:
        return
    if decision.filed_on is not None:
        found.add("decided", on, cell, (on - decision.filed_on).days)
    if denial is not None:  # by the day of the denial: months compare only where their cases have ended
        found.add("closed", denial.payment_on, cell, decision.disputed_cents)
        if decision.outcome != _UPHELD:
            found.add("overturned", denial.payment_on, cell, decision.recovered_cents)
