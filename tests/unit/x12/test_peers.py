"""Other people's readers and ours agree: oxedi (its tables) and pyx12 (its segments), on drawn files and on public samples."""

import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import oxedi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyx12.x12file import X12Reader

from libs.x12 import RemittanceSet, write_interchange
from tests.unit.x12 import drawn
from tests.unit.x12.build import claims, read

# claim number, charge, payment, and what was adjusted in the claim and its lines together; all in cents
Row = tuple[str, int, int, int]

SAMPLES = [
    "01-835-clean.edi",
    "02-835-nine-claims-crlf.edi",
    "03-835-reversals-plb-4010.edi",
    "04-835-claim-level-cas-plb.edi",
    "05-835-three-ST-denials-unpadded-isa.edi",
    "06-835-unbalanced-double-cas.edi",
    "13-835-malformed-long-isa-pipe.edi",
    "14-835-malformed-se-count.edi",
]
BROKEN_HEADERS = {"05-835-three-ST-denials-unpadded-isa.edi", "13-835-malformed-long-isa-pipe.edi", "14-835-malformed-se-count.edi"}


def cents(text: str) -> int:
    return int(Decimal(text) * 100)


def ours(data: bytes) -> list[Row]:
    found = claims(read(data))
    return [(each.patient_control_number, each.charge_cents, each.paid_cents, each.adjustment_cents) for each in found]


def rows(table: oxedi.Table) -> Iterator[dict[str, str]]:
    """Read the rows of a table from its rendering: the other ways to them need a data frame library."""
    for text in table.render().splitlines()[2:]:
        if text:
            yield dict(zip(table.columns, text.split(" | "), strict=True))


def by_oxedi(data: bytes) -> list[Row]:
    tables = oxedi.parse(data).tables
    adjusted: Counter[str] = Counter()
    for row in rows(tables["adjustments"]):
        adjusted[row["claim"]] += cents(row["amount"])
    return [
        (row["claim_id"], cents(row["charge_amount"]), cents(row["payment_amount"]), adjusted[row["row"]])
        for row in rows(tables["claims"])
    ]


def by_pyx12(data: bytes) -> list[Row]:
    found: list[Row] = []
    for segment in X12Reader(io.StringIO(data.decode("latin-1"))):
        kind = segment.get_seg_id()
        if kind == "CLP":
            found.append((segment.get_value("CLP01"), cents(segment.get_value("CLP03")), cents(segment.get_value("CLP04")), 0))
        elif kind == "CAS":
            amounts = [segment.get_value(f"CAS{place:02d}") for place in range(3, 20, 3)]
            pcn, charge_cents, paid_cents, adjustment_cents = found[-1]
            found[-1] = (pcn, charge_cents, paid_cents, adjustment_cents + sum(cents(amount) for amount in amounts if amount))
    return found


def test_the_samples_are_read_as_oxedi_reads_them(samples: Path) -> None:
    for name in SAMPLES:
        data = (samples / name).read_bytes()
        assert ours(data) == by_oxedi(data), name
        assert ours(data), name


def test_the_samples_are_read_as_pyx12_reads_them(samples: Path) -> None:
    for name in SAMPLES:
        if name not in BROKEN_HEADERS:  # pyx12 reads delimiters at fixed offsets
            data = (samples / name).read_bytes()
            assert ours(data) == by_pyx12(data), name


def test_the_samples_hold_what_their_notes_say(samples: Path) -> None:
    counts = {path.name[:2]: len(ours(path.read_bytes())) for path in sorted(samples.glob("*.edi"))}
    read_from = {"01": 3, "02": 9, "03": 3, "04": 2, "05": 3, "06": 1, "12": 2, "13": 1, "14": 1}
    assert {name: count for name, count in counts.items() if count} == read_from
    assert set(counts) - set(read_from) == {"07", "08", "09", "10", "11"}  # claims and acknowledgments


def test_any_sample_cut_anywhere_yields_the_same_items(samples: Path) -> None:
    for path in sorted(samples.glob("*.edi")):
        data = path.read_bytes()
        whole = read(data)
        for chunk in (1, 61, 997):
            assert read(data, chunk=chunk) == whole, path.name


@given(each=st.lists(drawn.sets, min_size=1, max_size=3))
@settings(max_examples=60)
@pytest.mark.parametrize("line_end", ["", "\r\n"])
def test_drawn_files_are_read_as_both_peers_read_them(each: list[RemittanceSet], line_end: str) -> None:
    created_at = datetime(2026, 1, 10, tzinfo=UTC)
    pieces = write_interchange(
        each, sender_id="PAYER", receiver_id="CLINIC", control_number=7, created_at=created_at, line_end=line_end
    )
    data = b"".join(pieces)
    assert ours(data) == by_pyx12(data)
    readable = data.decode("latin-1").encode()  # oxedi wants UTF-8
    assert [row[1:] for row in ours(readable)] == [row[1:] for row in by_oxedi(readable)]
