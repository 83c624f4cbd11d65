"""Small 837, 277CA and 999 files for the tests of their readers: all parties invented."""

from collections.abc import Iterable, Sequence

from tests.unit.x12 import build

BILLING = ("HL*1**20*1", "NM1*85*2*CLINIC*****XX*1999999984", "N3*STREET 1", "N4*CITY*NY*123450001", "REF*EI*999999999")
SUBSCRIBER = (
    "HL*2*1*22*0", "SBR*P*18*******CI", "NM1*IL*1*FAMILY*GIVEN****MI*M1", "DMG*D8*19610203*F", "NM1*PR*2*PAYER*****PI*PAYER1",
)  # fmt: skip
HEAD = ("BHT*0019*00*BATCH1*20260110*1200*CH", "NM1*41*2*CLINIC*****46*SUB1", "NM1*40*2*PAYER*****46*REC1")
LINE = ("SV1*HC:G0283:GP*100*UN*1***1", "DTP*472*D8*20260105")


def claim(pcn: str = "PCN1", charge: str = "100", *, frequency: str = "1", more: Iterable[str] = (), lines: int = 1) -> list[str]:
    """Return one professional claim that holds together."""
    told = [f"CLM*{pcn}*{charge}***11:B:{frequency}*Y*A*Y*Y", *more, "HI*ABK:A000"]
    for number in range(1, lines + 1):
        told += [f"LX*{number}", *LINE, f"REF*6R*{pcn}-{number}"]
    return told


def transaction(*claims: Sequence[str], control: str = "0001", version: str = "005010X222A1", on: str = "20260110") -> list[str]:
    body = [segment for each in claims or (claim(),) for segment in each]
    head = [segment.replace("20260110", on) for segment in HEAD]
    told = build.transaction([*BILLING, *SUBSCRIBER, *body], head=head, control=control, kind="837")
    return [f"{told[0]}*{version}", *told[1:]]


def group(*transactions: Sequence[str], control: str = "1", functional: str = "HC", version: str = "005010X222A1") -> list[str]:
    first, *rest = build.group(*transactions, control=control, functional=functional)
    return [first.replace("005010X221A1", version), *rest]


def one(*claims: Sequence[str], control: str = "1", on: str = "20260110") -> list[str]:
    """Return a whole 837 file with one transaction of these claims, sent on a day."""
    return build.interchange(group(transaction(*claims, on=on), control=control))


def acknowledgement(*told: Sequence[str], reference: str = "REF1", on: str = "20260111") -> list[str]:
    """Return a whole 277CA file. `told` are the segments of one claim each, from its TRN on (`status`)."""
    body = [
        "HL*1**20*1", "NM1*PR*2*PAYER*****PI*PAYER1", f"TRN*1*{reference}", f"DTP*050*D8*{on}", f"DTP*009*D8*{on}",
        "HL*2*1*21*1", "NM1*41*2*CLINIC*****46*SUB1", "TRN*2*BATCH1", f"STC*A1:19:PR*{on}*WQ*100",
        "HL*3*2*19*1", "NM1*85*2*CLINIC*****XX*1999999984",
    ]  # fmt: skip
    for place, each in enumerate(told, start=4):
        body += [f"HL*{place}*3*PT", "NM1*QC*1*FAMILY*GIVEN", *each]
    told_set = build.transaction(body, head=[f"BHT*0085*08*{reference}*{on}*1200*TH"], kind="277")
    told_set[0] += "*005010X214"
    return build.interchange(group(told_set, functional="HN", version="005010X214"))


def status(
    pcn: str = "PCN1",
    codes: str = "A2:20:PR",
    *,
    on: str = "20260111",
    charge: str = "100",
    number: str = "",
    more: Iterable[str] = (),
) -> list[str]:
    action = "U" if codes[:2] in ("A3", "A6", "A7", "A8") else "WQ"
    return [f"TRN*2*{pcn}", f"STC*{codes}*{on}*{action}*{charge}", *([f"REF*1K*{number}"] if number else []), *more]


def set_answers(*answers: Sequence[str], group_control: str = "1", code: str = "A") -> list[str]:
    """Return a whole 999 file. `answers` are the segments of one set each, from its AK2 on."""
    body = [f"AK1*HC*{group_control}*005010X222A1", *(segment for each in answers for segment in each), f"AK9*{code}*1*1*1"]
    told = build.transaction(body, head=[], kind="999")
    told[0] += "*005010X231A1"
    return build.interchange(group(told, functional="FA", version="005010X231A1"))


def records_request(*asked: Sequence[str], on: str = "20260112", version: str = "006020X313") -> list[str]:
    """Return a whole 277 that requests records. `asked` are the segments of one claim each, from its TRN on (`asks`)."""
    body = [
        "HL*1**20*1", "NM1*PR*2*PAYER*****PI*PAYER1", "HL*2*1*21*1", "NM1*41*2*CLINIC*****46*SUB1",
        "HL*3*2*19*1", "NM1*1P*2*CLINIC*****XX*1999999984",
    ]  # fmt: skip
    for place, each in enumerate(asked, start=4):
        body += [f"HL*{place}*3*PT", "NM1*QC*1*FAMILY*GIVEN****MI*MEMBER1", *each]
    told_set = build.transaction(body, head=[f"BHT*0085*48*REQ1*{on}*1200"], kind="277")
    told_set[0] += f"*{version}"
    return build.interchange(group(told_set, functional="HN", version=version))


def asks(
    pcn: str = "PCN1", *codes: str, trace: str = "ICN1", due: str = "20260226", number: str = "", more: Iterable[str] = ()
) -> list[str]:
    """Return what a payer asks of one claim; without codes, for the operative report."""
    told = [f"STC*{code}*20260112" for code in codes or ("R4:11504-8::LOI",)]
    dated = ["DTP*472*D8*20260102", *([f"DTP*106*D8*{due}"] if due else [])]
    return [f"TRN*1*{trace}", *told, *([f"REF*EJ*{pcn}"] if pcn else []), *([f"REF*1K*{number}"] if number else []), *dated, *more]
