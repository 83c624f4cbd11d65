"""A chain tells of every edit, gap, move and cut; what only a key or an anchor can tell is said to be unproven without them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.audit.entries import Entry, Kept, canonical, clean, genesis, hash_of, insertion
from libs.common.audit.seals import Seal, Signer, is_signed
from libs.common.audit.verifying import Evidence, Head, Link, Report, verify

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SIGNER = Signer("a secret of the tests, long enough")
KEYS = {SIGNER.key_id: SIGNER.public_key}


def kept(number: int, subject: str = "ann") -> Kept:
    return Kept(UUID(int=number), NOW + timedelta(seconds=number), Entry(subject, "getCase", "disclosed", "case", (str(number),)))


@dataclass
class Log:
    """What a superuser can write to, and the anchors that he cannot."""

    entries: list[Kept]
    links: list[Link] = field(default_factory=list)
    seals: list[Seal] = field(default_factory=list)
    cuts: list[Seal] = field(default_factory=list)
    anchors: list[Seal] = field(default_factory=list)

    def chain(self, *, first: int = 1, before: bytes = genesis("ingest", "t")) -> None:
        """Compute all links anew."""
        self.links = []
        for seq, each in enumerate(self.entries, start=first):
            before = hash_of("t", seq, each, before)
            self.links.append(Link(seq, before, each.entry_id, each))

    def sealed(self, seq: int, *, kind: str = "seal", signer: Signer = SIGNER) -> Seal:
        return signer.sign("ingest", "t", Seal(kind, seq, self.links[seq - 1].hash, NOW))  # type: ignore[arg-type]  # seal or cut

    def verify(self, *, keys: dict[str, bytes] = KEYS, waiting: int = 0, oldest_at: datetime | None = None) -> Report:
        head = Head(self.links[-1].seq if self.links else 0, waiting, oldest_at)
        return verify("ingest", "t", self.links, Evidence(self.seals, self.cuts, self.anchors, keys), lambda: head, NOW)

    def faults(self, **how: dict[str, bytes]) -> list[tuple[int, str]]:
        return [(each.seq, each.fault) for each in self.verify(**how).findings]  # type: ignore[arg-type]  # keys alone


@pytest.fixture
def log() -> Log:
    made = Log([kept(number) for number in range(1, 11)])
    made.chain()
    made.seals = [made.sealed(seq) for seq in (4, 7, 10)]
    made.anchors = [made.sealed(seq) for seq in (4, 7)]
    return made


def edited(link: Link) -> Link:
    return msgspec.structs.replace(link, kept=kept(link.seq, "nobody"))


def test_a_chain_that_nobody_touched_is_whole_and_what_is_unproven_is_said(log: Log) -> None:
    report = log.verify(waiting=2, oldest_at=NOW)
    assert (report.is_whole, report.entries, report.last_seq, report.seals, report.anchors) == (True, 10, 10, 3, 2)
    assert report.unproven == [
        "Places 8 to 10 come after the last anchor: there may have been more of them.",
        "2 entries wait to be chained, and are not covered yet.",
    ]
    assert Log([]).verify().is_whole


def test_an_edit_is_found_at_its_place_and_nowhere_else(log: Log) -> None:
    log.links[5] = edited(log.links[5])
    assert log.faults() == [(6, "edited")]


def test_an_edit_with_its_hash_computed_anew_is_found_at_the_next_place(log: Log) -> None:
    changed = edited(log.links[5])
    assert changed.kept is not None
    log.links[5] = msgspec.structs.replace(changed, hash=hash_of("t", 6, changed.kept, log.links[4].hash))
    assert log.faults() == [(7, "edited")]


def test_an_entry_or_a_link_that_was_taken_out_is_found(log: Log) -> None:
    log.links[2] = msgspec.structs.replace(log.links[2], kept=None)
    del log.links[5]
    assert log.faults() == [(3, "missing"), (6, "missing")]


def test_two_entries_that_changed_places_are_found(log: Log) -> None:
    log.links[4], log.links[5] = (
        msgspec.structs.replace(log.links[4], kept=log.links[5].kept),
        msgspec.structs.replace(log.links[5], kept=log.links[4].kept),
    )
    assert log.faults() == [(5, "edited"), (6, "edited")]
    log.links[8], log.links[7] = log.links[7], log.links[8]
    assert (8, "moved") in log.faults()


def test_an_entry_that_was_put_in_is_found(log: Log) -> None:
    log.entries.insert(5, kept(99))
    log.links.insert(5, Link(6, hash_of("t", 6, kept(99), log.links[4].hash), UUID(int=99), kept(99)))
    assert (6, "moved") in log.faults()
    log.links[6:] = [msgspec.structs.replace(each, seq=each.seq + 1) for each in log.links[6:]]
    assert {fault for _, fault in log.faults()} == {"edited", "rewritten", "not_sealed"}


def test_a_chain_that_was_computed_anew_is_given_away_by_seals_and_by_anchors(log: Log) -> None:
    log.entries[4] = kept(5, "nobody")
    log.chain()
    assert log.faults() == [(7, "rewritten"), (7, "rewritten"), (10, "rewritten")]
    assert log.verify(keys={}).is_whole is False
    log.seals = [log.sealed(seq, signer=Signer("of somebody who rules the database")) for seq in (4, 7, 10)]
    assert log.faults() == [(4, "not_signed"), (7, "not_signed"), (7, "rewritten"), (10, "not_signed")]
    assert log.faults(keys={}) == [(7, "rewritten")], "the anchors alone"
    log.seals = []
    assert log.faults() == [(7, "rewritten"), (10, "not_sealed")]


def test_a_change_after_the_last_anchor_is_given_away_by_the_signature_alone(log: Log) -> None:
    log.entries[8] = kept(9, "nobody")
    log.chain()
    log.seals[2] = Seal("seal", 10, log.links[9].hash, NOW, SIGNER.key_id, log.seals[2].signature)
    assert log.faults() == [(10, "not_signed")]
    unsigned = log.verify(keys={})
    assert unsigned.is_whole
    assert "No public key was given: signatures were not looked at." in unsigned.unproven


def test_a_tail_that_was_cut_off_is_found_up_to_the_last_anchor(log: Log) -> None:
    del log.links[6:]
    assert log.faults() == [(6, "not_sealed"), (10, "truncated")]
    del log.seals[1:]
    assert log.faults() == [(6, "not_sealed"), (7, "truncated")]
    del log.links[4:]
    assert log.faults() == [(7, "truncated")]
    log.anchors = log.anchors[:1]
    assert log.verify().is_whole, "what was never anchored can be cut off back to a seal: docs/audit-log.md says so"


def test_a_log_that_was_emptied_is_given_away_by_its_anchors(log: Log) -> None:
    log.links, log.seals = [], []
    assert log.faults() == [(7, "truncated")]


def test_a_chain_that_was_cut_with_a_signature_begins_there(log: Log) -> None:
    log.cuts = [log.sealed(4, kind="cut")]
    log.links = log.links[4:]
    assert (log.verify().is_whole, log.verify().first_seq) == (True, 5)
    log.links = log.links[1:]
    assert log.faults() == [(5, "missing")]


def test_a_cut_without_a_signature_is_found_and_a_seal_is_no_cut(log: Log) -> None:
    seal = log.seals[0]
    log.cuts = [Seal("cut", 4, seal.hash, seal.sealed_at, seal.key_id, seal.signature)]
    log.links = log.links[4:]
    assert log.faults() == [(4, "not_signed")]


def test_entries_that_nobody_chains_are_found(log: Log) -> None:
    (found,) = log.verify(waiting=3, oldest_at=NOW - timedelta(minutes=6)).findings
    assert found.fault == "not_chained"


def test_the_chain_of_another_service_or_tenant_is_no_chain_of_this_one(log: Log) -> None:
    evidence = Evidence(log.seals, [], [], KEYS)
    for service, tenant in (("appeals", "t"), ("ingest", "other")):
        report = verify(service, tenant, log.links, evidence, lambda: Head(10, 0, None), NOW)
        assert {each.fault for each in report.findings} >= {"edited", "not_signed"}


def test_a_hash_can_be_computed_by_anybody_with_sha256_and_json() -> None:
    before, it = genesis("ingest", "t"), kept(1)
    told = [
        "recours.audit.v1",
        "t",
        1,
        before.hex(),
        str(it.entry_id),
        "2026-11-29T12:00:01.000000Z",
        "ann",
        None,
        "getCase",
        "case",
    ]
    told += [["1"], "disclosed", None]
    assert canonical("t", 1, it, before) == json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    assert before == hashlib.sha256(b'["recours.audit.v1","ingest","t"]').digest()


@given(st.lists(st.text(), max_size=5), st.text(), st.text())
def test_every_text_is_quoted_and_no_two_entries_have_one_form(ids: Sequence[str], subject: str, action: str) -> None:
    entry = Entry(subject, action, "changed", "case", clean(ids))
    statement = insertion("t", UUID(int=1), entry, only_if_written=True)
    assert statement.replace("''", "").count("'") % 2 == 0
    assert "\x00" not in statement
    moved = Entry(subject + "x", action, "changed", "case", clean(ids))
    assert hash_of("t", 1, Kept(UUID(int=1), NOW, entry), b"") != hash_of("t", 1, Kept(UUID(int=1), NOW, moved), b"")


def test_a_seal_is_of_its_service_tenant_place_hash_and_time(log: Log) -> None:
    seal = log.seals[0]
    assert is_signed("ingest", "t", seal, KEYS)
    later = NOW + timedelta(seconds=1)
    others: list[dict[str, Any]] = [{"seq": 5}, {"hash": b"x" * 32}, {"sealed_at": later}, {"kind": "cut"}, {"key_id": "other"}]
    others += [{"signature": None}, {"signature": b""}, {"key_id": None}]
    assert not any(is_signed("ingest", "t", msgspec.structs.replace(seal, **other), KEYS) for other in others)
    assert not is_signed("appeals", "t", seal, KEYS)
    assert not is_signed("ingest", "u", seal, KEYS)
