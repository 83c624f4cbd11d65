"""What is read depends on the bytes alone: not on where they were cut, and whatever they are, nothing is raised."""

from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.x12 import Finding, InterchangeReader, Item, Remit, TransactionClosed
from tests.unit.x12 import build
from tests.unit.x12.build import claims, encode, of, read

CLAIMS = [
    "CLP*A*1*100*80**12*ICN1", *build.LINE, "LX*2", "TS3*1*11*20261231*1*100",
    "CLP*B*22*-100*-80", "SVC*HC:G0283:GP*-100*-80", "CAS*CO*45*-15**CO*-5", "LQ*HE*N362",
    "CLP*C*4*50*0", "CAS*CO*29*50", "MOA***MA130", "PLB*1*20261231*WO:R1*1*CV:CP*-1",
]  # fmt: skip
TWO = encode(
    build.interchange(build.group(build.transaction(CLAIMS), build.transaction(CLAIMS[:5], control="0002")), control="000000001")
)
OTHER = encode(build.one("clp*D*1*100*81", *build.LINE), element="|", component=">", terminator="\n", end="\r\n")
ATTACHED = encode(
    build.interchange(
        build.group(build.transaction(["BIN*9*a~CLP*X~\x00"], head=["BGN*11*1"], kind="275"), functional="PI"),
        build.group(build.transaction(CLAIMS)),
    )
)
FILES = [
    TWO,
    OTHER,
    TWO + b"\r\n" + OTHER,
    b"\xef\xbb\xbfSubject: visa ISA-1\n" + TWO[:-1] + b"\n" + OTHER,
    TWO[:700] + OTHER,
    encode(build.one(*CLAIMS), end="\r\n   ") + b"\x1a",
    encode(build.one("CLP*A\x01\x02*1*x*80", "zzz*1", *build.LINE), terminator="\x1d"),
    ATTACHED,
    encode(build.one(*CLAIMS), terminator="\xc2\xa7"),
    b"Dear payer, ISA*no",
]
DELIMITERS = [
    b"~",
    b"*",
    b":",
    b"\n",
    b"\r\n",
    b"ISA*",
    b"ISA|",
    b"IEA*1*1",
    b"CLP*",
    b"clp*",
    b"BIN*5*",
    b"SE*",
    b" ",
    b"a",
    b"\x00",
    b"GS*",
]


def in_pieces(data: bytes, cuts: Sequence[int]) -> list[Item]:
    reader = InterchangeReader()
    items: list[Item] = []
    start = 0
    for cut in [*sorted(cuts), len(data)]:
        items += reader.feed(data[start:cut])
        start = cut
    return items + reader.close()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw a file with a few pieces cut out, put in, doubled or replaced."""
    data = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        piece = draw(st.one_of(st.just(b""), st.sampled_from(DELIMITERS), st.binary(max_size=6), st.just(data[at:end] * 2)))
        data = data[:at] + piece + data[end:]
    return data


@given(data=mutated(), share=st.lists(st.floats(0, 1), max_size=12))
@settings(max_examples=400)
def test_the_same_bytes_yield_the_same_items_wherever_they_are_cut(data: bytes, share: list[float]) -> None:
    assert in_pieces(data, [int(part * len(data)) for part in share]) == read(data)


@given(data=mutated())
@settings(max_examples=120)
def test_one_byte_at_a_time_yields_the_same_items(data: bytes) -> None:
    assert read(data, chunk=1) == read(data)


@given(data=st.binary(max_size=600))
@example(b"ISA")
@example(b"ISA*" * 40)
@example(b"ISA****************~")
@example(build.isa().encode() + b"~ISA*")
@settings(max_examples=300)
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    for start in (b"", TWO[:106], TWO[:400]):
        assert read(start + data, chunk=17) == read(start + data)


@given(data=mutated())
@settings(max_examples=300)
def test_a_finding_points_at_the_segment_that_it_names(data: bytes) -> None:
    for finding in of(Finding, read(data)):
        assert 0 <= finding.byte_offset <= len(data)
        if finding.segment_id is not None and not finding.code.startswith("missing_segment"):
            assert data[finding.byte_offset :][: len(finding.segment_id)].upper() == finding.segment_id.upper().encode()


@given(data=mutated())
@settings(max_examples=200)
def test_a_claim_points_at_its_own_segment_and_its_sums_are_its_own(data: bytes) -> None:
    for remit in of(Remit, read(data)):
        assert data[remit.byte_offset :][:3].upper() == b"CLP"
        adjusted = [each.amount_cents for each in remit.adjustments]
        for line in remit.lines:
            of_line = [each.amount_cents for each in line.adjustments]
            assert line.difference_cents == line.charge_cents - line.paid_cents - sum(of_line)
            adjusted += of_line
        assert remit.adjustment_cents == sum(adjusted)
        assert remit.difference_cents == remit.charge_cents - remit.paid_cents - sum(adjusted)


@given(data=mutated())
@settings(max_examples=200)
def test_a_transaction_tells_the_sums_of_its_claims(data: bytes) -> None:
    count = charge_cents = paid_cents = 0
    for item in read(data):
        if isinstance(item, Remit):
            count, charge_cents, paid_cents = count + 1, charge_cents + item.charge_cents, paid_cents + item.paid_cents
        elif isinstance(item, TransactionClosed):
            assert (item.claims, item.charge_cents, item.paid_cents) == (count, charge_cents, paid_cents)
            count = charge_cents = paid_cents = 0
    assert count == 0


def test_cut_at_any_byte_the_whole_claims_count_and_the_unfinished_one_does_not() -> None:
    whole = claims(read(TWO))
    ends = claim_ends(TWO)
    assert len(whole) == len(ends) == 4
    for cut in range(len(TWO)):
        items = read(TWO[:cut])
        found = claims(items)
        assert found == whole[: len(found)]
        assert len([1 for _, followed in ends if followed <= cut]) <= len(found) <= len([1 for ended, _ in ends if ended <= cut])
        if cut > 106 and found != whole:
            assert build.codes(items)[-1] in {"truncated", "missing_iea", "missing_final_terminator", "missing_segment"}


def claim_ends(data: bytes) -> list[tuple[int, int]]:
    """Return for each claim where its last segment ends, and where the segment after it ends."""
    ends, offset, in_claim = [], 0, False
    for raw in data.split(b"~"):
        begins = raw[:3] in (b"CLP", b"LX*", b"PLB", b"SE*")
        if in_claim and begins:
            ends.append((offset, offset + len(raw) + 1))
        in_claim = raw[:3] == b"CLP" or (in_claim and not begins)
        offset += len(raw) + 1
    return ends


def test_cut_at_any_byte_no_file_of_ours_raises() -> None:
    for data in FILES:
        for cut in range(0, len(data), 7):
            read(data[:cut])
