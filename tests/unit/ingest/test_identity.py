"""Names: the same 835 again, in another order, split or spelled otherwise, names the same remits."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import claim_key, denial_id, named_id, normalised_pcn, uuid7
from libs.x12 import PaymentRead, Remit, TransactionOpened
from services.ingest.identity import Ordinals, content_digest, ledger_day, remit_id, remittance_id
from tests.unit.x12.build import CLAIM, HEAD, claims, encode, group, interchange, of, one, read, transaction


def named(data: bytes, tenant: str = "local") -> list[tuple[UUID, UUID, bytes]]:
    """Return remittance, name and digest of every claim of a file."""
    found, payment, ordinals = [], None, Ordinals()
    for item in read(data):
        if isinstance(item, TransactionOpened):
            ordinals = Ordinals()
        elif isinstance(item, PaymentRead):
            payment = item
        elif isinstance(item, Remit):
            assert payment is not None
            remittance = remittance_id(tenant, payment)
            found.append((remittance, remit_id(tenant, payment, remittance, item, ordinals.next(item)), content_digest(item)))
    return found


def claim(number: int, *, status: str = "1", paid: int = 80) -> tuple[str, ...]:
    return (
        f"CLP*PCN{number}*{status}*100*{paid}**12*ICN{number}*11*1",
        f"SVC*HC:G0283:GP*100*{paid}**1",
        f"CAS*CO*45*{100 - paid}",
    )


def head(trace: str, payer: str = "1999999999") -> tuple[str, ...]:
    return ("BPR*I*80*C*ACH************20260110", f"TRN*1*{trace}*{payer}", "N1*PR*PAYER", "LX*1")


def payment_of(trace: str, numbers: Iterable[int]) -> list[str]:
    return transaction([segment for number in numbers for segment in claim(number)], head=head(trace))


def test_the_same_file_split_reordered_and_in_other_delimiters_names_the_same() -> None:
    payments = [payment_of("T1", [1, 2, 3]), payment_of("T2", [3, 4])]
    whole = named(encode(interchange(group(*payments))))
    assert len(set(whole)) == 5
    assert set(named(encode(interchange(group(*payments[::-1]))))) == set(whole)
    assert [*named(encode(interchange(group(payments[0])))), *named(encode(interchange(group(payments[1]))))] == whole
    assert named(encode(interchange(group(*payments)), element="|", component=">", terminator="\n")) == whole
    assert named(encode(interchange(group(*payments)), element="\x1d", component="\x1f", terminator="\x1c")) == whole
    assert set(named(encode(interchange(group(payment_of("T1", [3, 1, 2])))))) == set(whole[:3])


def test_equal_claims_of_one_payment_have_names_of_their_own_and_keep_them() -> None:
    body = encode(one(*claim(1), *claim(1), *claim(1, status="22"), *claim(1)))
    names = [name for _, name, _ in named(body)]
    assert len(set(names)) == 4
    assert names == [name for _, name, _ in named(body)]


@pytest.mark.parametrize(
    ("told", "other"),
    [
        (one(*claim(1), head=head("T1")), one(*claim(1), head=head("T2"))),
        (one(*claim(1), head=head("T1")), one(*claim(1), head=head("T1", "1888888888"))),
        (one(*claim(1)), one(*claim(1, status="2"))),
        (one(*claim(1)), one(claim(1)[0].replace("ICN1", "ICN2"), *claim(1)[1:])),
        (one(*claim(1)), one(*claim(2))),
    ],
)
def test_another_payer_trace_account_control_number_or_status_is_another_remit(told, other) -> None:
    assert named(encode(told))[0][1] != named(encode(other))[0][1]
    assert named(encode(told), "local")[0][1] != named(encode(told), "other")[0][1]


def test_two_payers_without_id_do_not_share_a_check_number() -> None:
    files = [one(*claim(1), head=("BPR*I*80*C*CHK", "TRN*1*1001", f"N1*PR*{name}", "LX*1")) for name in ("ONE", "OTHER")]
    first, second = (named(encode(each))[0] for each in files)
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_a_payment_without_trace_is_named_by_what_does_not_change() -> None:
    without = one(*claim(1), head=HEAD[:1] + HEAD[2:])
    assert named(encode(without)) == named(encode(without, end="\r\n"))
    other = [segment.replace("BPR*I*80*", "BPR*I*90*") for segment in without]
    assert named(encode(without))[0][0] != named(encode(other))[0][0]


def test_money_spelled_otherwise_is_the_same_content_and_other_money_is_not() -> None:
    (plain,) = claims(read(encode(one(*CLAIM))))
    (spelled,) = claims(read(encode([each.replace("*80*", "*080.00*").replace("*20", "*20.0") for each in one(*CLAIM)])))
    assert content_digest(plain) == content_digest(spelled)
    for old, new in (
        ("*CO*45*20", "*PR*45*20"),
        ("*CO*45*20", "*CO*97*20"),
        ("G0283", "A4253"),
        ("*100*80*", "*101*80*"),
        ("HC:G0283", "HC:G0283:GP"),
    ):
        (changed,) = claims(read(encode(each.replace(old, new) for each in one(*CLAIM))))
        assert content_digest(plain) != content_digest(changed), new


def test_a_payment_is_booked_on_its_date_else_on_the_day_it_was_made_else_on_the_day_of_receipt() -> None:
    today = date(2026, 3, 1)
    days = []
    for drop in ((), ("DTM",), ("BPR",), ("DTM", "BPR")):
        (payment,) = of(PaymentRead, read(encode(one(head=[each for each in HEAD if each[:3] not in drop]))))
        days.append(ledger_day(payment, today))
    assert days == [date(2026, 1, 10), date(2026, 1, 10), date(2026, 1, 9), today]


@pytest.mark.parametrize("spelled", ["ab-12 34", " AB1234 ", "AB.12/34", "ab1234"])
def test_an_account_number_is_the_same_however_payers_spell_it(spelled: str) -> None:
    assert normalised_pcn(spelled) == "AB1234"
    assert claim_key("local", spelled) == claim_key("local", "AB1234") != claim_key("other", "AB1234")


def test_an_account_number_is_cut_where_payers_cut_it() -> None:
    assert claim_key("local", "A" * 17) == claim_key("local", "A" * 17 + "BCD") != claim_key("local", "A" * 16 + "B")
    assert normalised_pcn("A" * 300) == "A" * 17


def test_a_long_account_number_with_signs_that_a_payer_cuts_keeps_its_key() -> None:
    sent = "AB-1234-5678-90123-X"
    assert claim_key("local", sent) == claim_key("local", sent[:17]) == claim_key("local", sent[:17].replace("-", "").lower())
    assert claim_key("local", sent) != claim_key("local", sent.replace("-", ""))  # the price


@given(st.text("ABCabc019 -./", max_size=40))
def test_a_normalised_account_number_stays_as_it_is(pcn: str) -> None:
    assert normalised_pcn(normalised_pcn(pcn)) == normalised_pcn(pcn) == normalised_pcn(pcn.lower())


def test_names_of_parts_do_not_run_into_one_another() -> None:
    assert (
        len({named_id("remit", "a", "bc"), named_id("remit", "ab", "c"), named_id("remita", "b", "c"), named_id("remit", "abc")})
        == 4
    )
    one_id = named_id("remit", "a")
    assert denial_id(one_id) == denial_id(one_id) != one_id


def test_ids_of_rows_grow_and_tell_their_time() -> None:
    before = datetime.now(UTC).timestamp()
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(set(made))
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
    assert abs((made[0].int >> 80) / 1000 - before) < 60
