"""Strategies over the model: payments, claims, lines and adjustments as a payer could have meant them."""

from datetime import date

from hypothesis import strategies as st

from libs.x12 import Adjustment, Payment, ProviderAdjustment, Remit, RemittanceSet, ServiceLine
from libs.x12.compose import segment

words = st.text("ABCXYZ019 .-/'&_ÄÉñ", min_size=1, max_size=12).filter(lambda text: text == text.strip())
code_texts = st.text("ABCXYZ0123456789", min_size=1, max_size=5)
cents = st.one_of(st.integers(-(10**9), 10**9), st.sampled_from([0, 1, -1, 10, 99, 100, -100, 10**10]))
dates = st.dates(date(2000, 1, 1), date(2099, 12, 31))
adjustments = st.lists(
    st.builds(
        Adjustment,
        group_code=st.sampled_from(["CO", "PR", "OA", "PI"]),
        carc=code_texts,
        amount_cents=cents,
        quantity=st.none() | st.sampled_from(["1", "0", "-2", "1.5"]),
    ),
    max_size=9,
)
claim_tails = st.lists(
    st.one_of(
        st.builds(lambda text: segment("REF", "F8", text), words),
        st.builds(lambda name: segment("NM1", "QC", "1", name, "GIVEN"), words),
        st.builds(lambda day: segment("DTM", "232", f"{day:%Y%m%d}"), dates),
        st.builds(lambda rarc: segment("MOA", "", "", rarc), code_texts),
    ),
    max_size=4,
)
line_tails = st.lists(st.builds(lambda text: segment("REF", "6R", text), words), max_size=2)


@st.composite
def lines(draw: st.DrawFn) -> ServiceLine:
    charge, paid, adjusted = draw(cents), draw(cents), draw(adjustments)
    original = draw(st.none() | code_texts)
    return ServiceLine(
        segments=tuple(draw(line_tails)),
        separator="*",
        charge_cents=charge,
        paid_cents=paid,
        difference_cents=charge - paid - sum(each.amount_cents for each in adjusted),
        procedure_code=draw(code_texts),
        qualifier=draw(st.sampled_from(["HC", "NU", "AD", "N4"])),
        modifiers=tuple(draw(st.lists(st.sampled_from(["GP", "59", "KX"]), max_size=4))),
        revenue_code=draw(st.none() | st.just("0420")),
        units=draw(st.none() | st.sampled_from(["1", "2.5"])),
        original_procedure_code=original,
        original_units=draw(st.none() | st.just("3")),
        adjustments=tuple(adjusted),
        rarcs=tuple(draw(st.lists(st.sampled_from(["N362", "MA130"]), max_size=2))),
    )


@st.composite
def remits(draw: st.DrawFn) -> Remit:
    charge, paid, adjusted, served = draw(cents), draw(cents), draw(adjustments), draw(st.lists(lines(), max_size=3))
    total = sum(each.amount_cents for each in adjusted) + sum(each.amount_cents for line in served for each in line.adjustments)
    return Remit(
        segments=tuple(draw(claim_tails)),
        separator="*",
        ordinal=0,
        segment_index=0,
        byte_offset=0,
        patient_control_number=draw(words),
        claim_status_code=draw(st.sampled_from(["1", "2", "4", "22", "25"])),
        charge_cents=charge,
        paid_cents=paid,
        difference_cents=charge - paid - total,
        adjustment_cents=total,
        patient_responsibility_cents=draw(st.none() | cents),
        claim_filing_code=draw(st.none() | st.just("12")),
        payer_claim_control_number=draw(st.just("") | words),
        facility_code=draw(st.none() | st.just("11")),
        frequency_code=draw(st.none() | st.just("7")),
        adjustments=tuple(adjusted),
        lines=tuple(served),
    )


payments = st.builds(
    Payment,
    amount_cents=cents,
    payment_on=dates,
    trace_number=words,
    payer_id=code_texts,
    payer_name=words,
    payee_name=words,
    payee_id=code_texts,
    handling_code=st.sampled_from(["I", "H", "D"]),
    method=st.sampled_from(["ACH", "CHK", "NON"]),
    produced_on=st.none() | dates,
)
provider_adjustments = st.builds(
    ProviderAdjustment,
    provider_id=code_texts,
    fiscal_period_on=st.none() | dates,
    reason_code=st.sampled_from(["WO", "L6", "72", "CV"]),
    reference_id=st.just("") | code_texts,
    amount_cents=cents,
)
sets = st.builds(
    RemittanceSet,
    payment=payments,
    remits=st.lists(remits(), max_size=4),
    provider_adjustments=st.lists(provider_adjustments, max_size=3),
)
