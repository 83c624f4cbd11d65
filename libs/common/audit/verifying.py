"""Whether a chain is whole: nothing edited, taken out, put in, moved or cut off. Pure, in one pass over the links.

The hashes alone find what was changed by somebody who did not compute them anew; signatures and anchors find who did.
docs/audit-log.md says what is found by what, and what cannot be.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct, field

from libs.common.audit.entries import Kept, genesis, hash_of
from libs.common.audit.seals import Keys, Seal, is_signed

Fault = Literal["edited", "missing", "rewritten", "truncated", "moved", "not_signed", "not_sealed", "not_chained"]
FINDINGS_MAX: Final = 100
WAITS_AT_MOST: Final = timedelta(minutes=5)


class Link(Struct, frozen=True):
    """A place of the chain; no entry: it is gone."""

    seq: int
    hash: bytes
    entry_id: UUID
    kept: Kept | None


class Head(Struct, frozen=True):
    """The newest place of a chain, and the entries that are not chained yet."""

    seq: int
    waiting: int
    oldest_at: datetime | None


class Finding(Struct, frozen=True):
    seq: int
    fault: Fault
    told: str


class Report(Struct):
    """What a chain was found to be. `unproven`: what nobody could tell from what was there to be looked at."""

    service: str
    tenant_id: str
    entries: int = 0
    first_seq: int = 1
    last_seq: int = 0
    seals: int = 0
    anchors: int = 0
    faults: int = 0
    findings: list[Finding] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.faults == 0

    def find(self, seq: int, fault: Fault, told: str) -> None:
        self.faults += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(seq, fault, told))


class Evidence(Struct, frozen=True):
    """What a chain is held against. `seals` and `cuts` stand beside it; `anchors` and `keys` come from elsewhere."""

    seals: Iterable[Seal]
    cuts: Sequence[Seal]
    anchors: Sequence[Seal]
    keys: Keys


def verify(
    service: str, tenant_id: str, links: Iterable[Link], evidence: Evidence, head: Callable[[], Head], now: datetime
) -> Report:
    """Return what is wrong with a chain, whose links come in order.

    It may grow meanwhile: links come up to a place that was the newest before anything else was read, but for the anchors; `head`
    is asked when everything else was.
    """
    report = Report(service, tenant_id)
    walk = _Walk(report, evidence)
    walk.begin()
    for link in links:
        walk.step(link)
    newest = walk.end(head)
    if newest.oldest_at is not None and now - newest.oldest_at > WAITS_AT_MOST:
        told = f"{newest.waiting} entries were not chained in time: no worker seals, or they were slipped in."
        report.find(report.last_seq, "not_chained", told)
    elif newest.waiting:
        report.unproven.append(f"{newest.waiting} entries wait to be chained, and are not covered yet.")
    return report


class _Walk:
    """The state of one pass."""

    def __init__(self, report: Report, evidence: Evidence) -> None:
        self._report = report
        self._keys = evidence.keys
        self._seals: Iterator[Seal] = iter(evidence.seals)
        self._seal = next(self._seals, None)
        self._sealed_seq = 0
        self._cuts = evidence.cuts
        self._anchors: Mapping[int, Seal] = {each.seq: each for each in evidence.anchors}
        self._before = b""
        self._begun_at = 1

    def begin(self) -> None:
        report = self._report
        self._before = genesis(report.service, report.tenant_id)
        for cut in self._cuts:
            self._require_signature(cut)
            self._before, self._begun_at = cut.hash, cut.seq + 1
        report.first_seq = self._begun_at
        report.last_seq = self._begun_at - 1
        self._anchors = {seq: each for seq, each in self._anchors.items() if seq >= self._begun_at - 1}
        if anchor := self._anchors.get(self._begun_at - 1):
            self._compare(self._begun_at - 1, self._before, anchor, "an anchor")

    def step(self, link: Link) -> None:
        report, wanted = self._report, self._report.last_seq + 1
        if link.seq < wanted:
            report.find(link.seq, "moved", f"Place {link.seq} comes after place {report.last_seq}.")
        elif link.seq > wanted:
            report.find(wanted, "missing", f"Places {wanted} to {link.seq - 1} are not there.")
        if link.kept is None:
            report.find(link.seq, "missing", f"The entry of place {link.seq} is not there.")
        elif link.seq == wanted and hash_of(report.tenant_id, link.seq, link.kept, self._before) != link.hash:
            report.find(link.seq, "edited", f"Place {link.seq} does not have the hash of what stands there.")
        report.entries += 1
        report.last_seq = max(report.last_seq, link.seq)
        self._before = link.hash
        self._hold_against_seals(link)

    def _hold_against_seals(self, link: Link) -> None:
        while self._seal is not None and self._seal.seq <= link.seq:
            if self._seal.seq >= self._begun_at:
                self._require_signature(self._seal)
                if self._seal.seq == link.seq:
                    self._compare(link.seq, link.hash, self._seal, "a seal")
                self._sealed_seq = self._seal.seq
                self._report.seals += 1
            self._seal = next(self._seals, None)
        if anchor := self._anchors.get(link.seq):
            self._compare(link.seq, link.hash, anchor, "an anchor")

    def end(self, head: Callable[[], Head]) -> Head:
        report = self._report
        if report.last_seq > self._sealed_seq and report.entries:
            report.find(report.last_seq, "not_sealed", f"No seal holds what comes after place {self._sealed_seq}.")
        known = [each.seq for each in chain([self._seal] if self._seal else [], self._seals)]
        newest, known_seq = head(), max([*known, *self._anchors], default=0)
        if known_seq > newest.seq:
            report.find(known_seq, "truncated", f"The chain ends at place {newest.seq}, and went on to {known_seq}.")
        self._say_what_is_unproven()
        return newest

    def _say_what_is_unproven(self) -> None:
        report = self._report
        report.anchors = len(self._anchors)
        if not self._keys:
            report.unproven.append("No public key was given: signatures were not looked at.")
        last = max(self._anchors, default=0)
        if not self._anchors:
            report.unproven.append("No anchor was given: whether something was cut off at the end cannot be told.")
        elif report.last_seq > last:
            told = f"Places {last + 1} to {report.last_seq} come after the last anchor: there may have been more of them."
            report.unproven.append(told)

    def _require_signature(self, seal: Seal) -> None:
        if self._keys and not is_signed(self._report.service, self._report.tenant_id, seal, self._keys):
            self._report.find(seal.seq, "not_signed", f"The {seal.kind} at place {seal.seq} is not signed by a key that is known.")

    def _compare(self, seq: int, told: bytes, seal: Seal, what: str) -> None:
        if told != seal.hash:
            self._report.find(seq, "rewritten", f"Place {seq} does not have the hash that {what} says.")
        if what == "an anchor":
            self._require_signature(seal)
