"""A refusal of each category, from the remittance that tells of it to its end: all of them at once, over files, Kafka and HTTP.

One file of claims, one that refuses them all, what people do about each, one file of answers. What each comes to stands in `ROWS`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from libs.common.contracts.appeal_decided import AppealDecidedV1
from libs.common.contracts.appeal_filed import AppealFiledV1
from services.classifier.knowledge import CATEGORIES, NOT_REFUSED
from tests.support import eventually
from tests.support.access import bearer
from tests.support.papers import pdf
from tests.support.system import System
from tests.unit.x12 import build
from tests.unit.x12 import build_claims as made

TODAY = datetime.now(UTC).date()
# Days that no other test of the shared tenant uses: what its ledgers hold of them is what is sent here.
SERVED_ON, REFUSED_ON, FILED_ON, ANSWERED_ON, LATER_ON = (TODAY - timedelta(days=days) for days in (83, 59, 41, 13, 3))
ASKED_BY = TODAY + timedelta(days=20)
TOMORROW = TODAY + timedelta(days=1)  # a payer dates what it sends ahead; today's ledger is held against samples without a day
CHARGE = 10_000
COMMERCIAL, MEDICARE = "12", "MB"
WHY = {"why": "As the record shows."}


class Desk:
    """A biller at one case: every step is taken from the version that was read."""

    def __init__(self, system: System, pcn: str) -> None:
        self.system, self.pcn = system, pcn
        self.http = httpx.Client(headers=bearer(), base_url=system.url("appeals"), timeout=60)
        (listed,) = system.pages("appeals", "/v1/cases", pcn=pcn, **{"from": str(REFUSED_ON), "to": str(REFUSED_ON)})
        self.path = f"/v1/cases/{listed['case_id']}"

    def case(self) -> dict[str, Any]:
        return dict(self.system.get("appeals", self.path))

    def post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"If-Match": f'"{self.case()["version"]}"', "Idempotency-Key": str(uuid4())}
        answer = self.http.post(f"{self.path}/{route}", json=body, headers=headers)
        assert answer.is_success, (self.pcn, route, answer.status_code, answer.text)
        return dict(answer.json())

    def do(self, *commands: str) -> None:
        for command in commands:
            self.post("transitions", {"command": command, **WHY})

    def file(self, level: str | None = None, channel: str = "portal", filed_on: date = FILED_ON, **told: Any) -> None:
        self.post("file", {"level": level, "channel": channel, "filed_on": filed_on.isoformat(), **WHY, **told})

    def document(self, kind: str, content: bytes, media_type: str) -> str:
        answer = self.http.post(
            f"{self.path}/documents", content=content, params={"kind": kind}, headers={"Content-Type": media_type}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["document_id"])


Act = Callable[[Desk], None]


@dataclass(frozen=True)
class Row:
    """One account of a category. `refused`: group, CARC and remarks of the whole charge; `answers`: day, paid and refused cents,
    status, the suffix of the payer's number and what it says of what is refused. `recovered`: what each appeal brought, in order.
    """

    category: str
    refused: tuple[str, str, tuple[str, ...]]
    action: str
    deadline: str
    due_on: date | None
    act: Act
    steps: str
    state: str
    outcomes: tuple[tuple[str, str | None], ...] = ()  # action or level, outcome
    recovered: tuple[int, ...] = ()
    answers: tuple[tuple[date, int, str, str, str], ...] = ()  # day, paid cents, status, suffix of the number, group and CARC
    after: Act | None = None
    payer: str = COMMERCIAL
    ending: str = ""  # of several accounts of one category: which

    @property
    def name(self) -> str:
        return f"{self.category} {self.ending}".rstrip()

    @property
    def pcn(self) -> str:
        return f"CATEGORY{hashlib.sha256(self.name.encode()).hexdigest()[:6].upper()}"

    @property
    def number(self) -> str:
        return f"N{self.pcn}"


PRICE = "CO*45"  # what a contract leaves out of a payment that is granted


def with_packet(desk: Desk) -> None:
    """Gather, write, build and let Recours send it."""
    desk.do("start_review", "gather")
    desk.document("authorization", pdf(), "application/pdf")
    desk.http.post(f"{desk.path}/evidence/collect").raise_for_status()
    desk.do("mark_ready")
    letter = desk.http.post(f"{desk.path}/letter", json={"values": {"authorization_number": "AUTH-7"}})
    assert letter.status_code == 201, letter.text
    packet = desk.http.post(f"{desk.path}/packet", json={})
    assert packet.status_code in (201, 202), packet.text
    eventually(lambda: desk.system.get("appeals", packet.headers["Location"])["state"] == "ready")
    desk.file("internal_appeal", "folder", packet_id=packet.json()["packet_id"])


def two_levels(desk: Desk) -> None:
    """The first level is lost by letter; the next one has its own deadline."""
    desk.file("redetermination", "mail", tracking_number="9405 5")
    desk.do("acknowledge")
    lost_on = FILED_ON + timedelta(days=20)
    desk.post("outcome", {"outcome": "upheld", "decided_on": lost_on.isoformat(), "reference": "D-1", **WHY})
    desk.do("escalate")
    assert desk.case()["due_on"] == (lost_on + timedelta(days=5 + 180)).isoformat()
    desk.file("reconsideration", "fax", filed_on=lost_on + timedelta(days=2))


def proof_of_filing(desk: Desk) -> None:
    """The acknowledgement that we hold is the proof."""
    desk.do("gather")
    desk.http.post(f"{desk.path}/evidence/collect").raise_for_status()
    desk.do("mark_ready")
    desk.file("internal_appeal")


def no_other_payer(desk: Desk) -> None:
    """Nobody else covers the patient: the payer is told so in an appeal."""
    desk.do("start_review")
    desk.file("internal_appeal")


def call(desk: Desk) -> None:
    moment = datetime.now(UTC) - timedelta(minutes=1)
    entry = {"kind": "call", "direction": "out", "party": "Claims desk", "at": moment.isoformat(), "said": "They look into it."}
    logged = desk.http.post(f"{desk.path}/correspondence", json=entry, headers={"Idempotency-Key": str(uuid4())})
    assert logged.status_code == 201, logged.text


def corrected(desk: Desk) -> None:
    """The claim is mended and handed to ingest; the payer answers under a number of its own."""
    desk.post("corrected-claim/send", {"changes": [{"path": "/lines/0/modifiers", "value": ["GP", "59"]}], **WHY})


def records(desk: Desk) -> None:
    """Documents are sent; the payer asks for more, and gets it."""
    desk.file(action="send_documents", channel="fax")
    asked = made.asks(desk.pcn, "R4:11504-8::LOI", trace="RFI7", due=f"{ASKED_BY:%Y%m%d}")
    desk.system.take_in(build.encode(made.records_request(asked, on=f"{FILED_ON:%Y%m%d}")))
    case = desk.case()
    assert (case["state"], case["due_on"], case["deadline_is"]) == ("more_information_requested", ASKED_BY.isoformat(), "firm")
    (request,) = case["records_requests"]
    report = desk.document("operative_report", b"The report.", "text/plain")
    documents = [{"document_id": report, "code": "11504-8"}]
    desk.post("records-answer/send", {"request_id": request["request_id"], "documents": documents, "channel": "folder", **WHY})
    eventually(lambda: desk.case()["appeals"][-1]["delivery"] == "sent")


ROWS = (
    Row(
        "authorization", ("CO", "197", ()), "appeal", "assumed", REFUSED_ON + timedelta(days=180), with_packet,
        "start_review gather mark_ready file overturn", "overturned", (("internal_appeal", "overturned"),), (9_000,),
        answers=((ANSWERED_ON, 0, "22", "", "CO*197"), (ANSWERED_ON, 9_000, "1", "B", PRICE)),
    ),
    Row(
        "medical_necessity", ("CO", "50", ("N115",)), "appeal", "firm", REFUSED_ON + timedelta(days=125), two_levels,
        "file acknowledge uphold escalate file partly_overturn", "partly_overturned",
        (("redetermination", "upheld"), ("reconsideration", "partly_overturned")), (0, 4_000),
        answers=((ANSWERED_ON, 4_000, "1", "", "CO*50"),), payer=MEDICARE,
    ),
    Row(
        "timely_filing", ("CO", "29", ()), "appeal", "assumed", REFUSED_ON + timedelta(days=180), proof_of_filing,
        "gather mark_ready file uphold write_off", "written_off", (("internal_appeal", "upheld"),), (0,),
        answers=((ANSWERED_ON, 0, "4", "", "CO*29"),), after=lambda desk: desk.do("write_off"),
    ),
    Row(
        "duplicate", ("OA", "18", ()), "contact_payer", "none", None, call,
        "overturn", "overturned", (("none", "overturned"),), (CHARGE,), answers=((ANSWERED_ON, CHARGE, "1", "", ""),),
    ),
    Row(
        "eligibility_coverage", ("CO", "31", ()), "correct_and_resubmit", "unknown", None,
        lambda desk: desk.file(action="correct_and_resubmit", channel="clearinghouse"),
        "send_corrected_claim overturn", "overturned", (("correct_and_resubmit", "overturned"),), (8_000,),
        answers=((ANSWERED_ON, 8_000, "1", "B", PRICE),),
    ),
    Row(
        "coordination_of_benefits", ("OA", "22", ()), "bill_other_payer", "unknown", None,
        lambda desk: desk.do("start_review", "bill_other_payer"), "start_review bill_other_payer", "billed_to_other_payer",
    ),
    Row(
        "provider_enrollment", ("CO", "B7", ("N570",)), "contact_payer", "unknown", None, lambda desk: desk.do("start_review"),
        "start_review partly_overturn write_off", "written_off", (("none", "partly_overturned"),), (2_500,),
        answers=((ANSWERED_ON, 2_500, "1", "", "CO*B7"),), after=lambda desk: desk.do("write_off"),
    ),
    Row(
        "coding_bundling", ("CO", "97", ("M15",)), "correct_and_resubmit", "unknown", REFUSED_ON + timedelta(days=180), corrected,
        "send_corrected_claim overturn", "overturned", (("correct_and_resubmit", "overturned"),), (7_000,),
        answers=((TOMORROW, 7_000, "1", "C", PRICE),),
    ),
    Row(
        "missing_information", ("CO", "252", ("M127",)), "send_documents", "unknown", None, records,
        "send_documents request_information send_documents overturn", "overturned",
        (("send_documents", None), ("send_documents", "overturned")), (0, 6_000), answers=((TOMORROW, 6_000, "1", "", PRICE),),
    ),
    Row(
        "benefit_limit", ("CO", "96", ("N362",)), "appeal", "assumed", REFUSED_ON + timedelta(days=180),
        lambda desk: desk.file("internal_appeal"), "file partly_overturn overturn", "overturned",
        (("internal_appeal", "overturned"),), (9_000,),
        answers=((ANSWERED_ON, 4_000, "1", "", "CO*96"), (LATER_ON, 5_000, "1", "B", PRICE)),
    ),
    Row(
        "non_covered", ("CO", "96", ("N130",)), "appeal", "assumed", REFUSED_ON + timedelta(days=180),
        lambda desk: desk.file("internal_appeal"), "file overturn uphold", "upheld", (("internal_appeal", "upheld"),), (0,),
        answers=((ANSWERED_ON, CHARGE, "1", "", ""), (LATER_ON, -CHARGE, "22", "", "")),
    ),
    Row(
        "other", ("CO", "45", ()), "contact_payer", "none", None, call,
        "overturn take_back", "open", (("none", "upheld"),), (0,),
        answers=((ANSWERED_ON, 2_000, "1", "", PRICE), (LATER_ON, -2_000, "22", "", PRICE)),
    ),
    # Those categories once more whose first account ends otherwise: won for good.
    Row(
        "medical_necessity", ("CO", "50", ("N115",)), "appeal", "firm", REFUSED_ON + timedelta(days=125),
        lambda desk: desk.file("redetermination", "mail"), "file overturn", "overturned", (("redetermination", "overturned"),),
        (9_000,), answers=((ANSWERED_ON, 9_000, "1", "", PRICE),), payer=MEDICARE, ending="won",
    ),
    Row(
        "timely_filing", ("CO", "29", ()), "appeal", "assumed", REFUSED_ON + timedelta(days=180), proof_of_filing,
        "gather mark_ready file overturn", "overturned", (("internal_appeal", "overturned"),), (9_000,),
        answers=((ANSWERED_ON, 9_000, "1", "B", PRICE),), ending="won",
    ),
    Row(
        "coordination_of_benefits", ("OA", "22", ()), "bill_other_payer", "unknown", None, no_other_payer,
        "start_review file overturn", "overturned", (("internal_appeal", "overturned"),), (8_000,),
        answers=((ANSWERED_ON, 8_000, "1", "", PRICE),), ending="won",
    ),
    Row(
        "provider_enrollment", ("CO", "B7", ("N570",)), "contact_payer", "unknown", None, lambda desk: desk.do("start_review"),
        "start_review overturn", "overturned", (("none", "overturned"),), (7_000,),
        answers=((ANSWERED_ON, 7_000, "1", "B", PRICE),), ending="won",
    ),
    Row(
        "non_covered", ("CO", "96", ("N130",)), "appeal", "assumed", REFUSED_ON + timedelta(days=180),
        lambda desk: desk.file("internal_appeal"), "file overturn", "overturned", (("internal_appeal", "overturned"),), (CHARGE,),
        answers=((ANSWERED_ON, CHARGE, "1", "", ""),), ending="won",
    ),
    Row(
        "other", ("CO", "45", ()), "contact_payer", "none", None, call,
        "overturn", "overturned", (("none", "overturned"),), (2_000,),
        answers=((ANSWERED_ON, 2_000, "1", "", PRICE),), ending="won",
    ),
)  # fmt: skip


def clp(row: Row, paid: int, status: str, suffix: str, told: str, remarks: tuple[str, ...] = ()) -> list[str]:
    """Return what an 835 says of one claim; cents. What is neither paid nor in `told` there is none of."""
    charge = -CHARGE if status == "22" else CHARGE
    money = f"{charge / 100:.2f}*{paid / 100:.2f}"
    refused = [f"CAS*{told}*{(charge - paid) / 100:.2f}"] if charge != paid else []
    head = f"CLP*{row.pcn}*{status}*{money}**{row.payer}*{row.number}{suffix}*11*1"
    line = [f"SVC*HC:G0283:GP*{money}**1", f"DTM*472*{SERVED_ON:%Y%m%d}"]
    return [head, *line, *refused, *(f"LQ*HE*{remark}" for remark in remarks)]


def remittance(day: date, claims: list[list[str]], cents: int) -> bytes:
    """Return one 835 of a payment. More taken back than paid is owed on: a payment is never below nothing."""
    head = [
        f"BPR*I*{max(cents, 0) / 100:.2f}*C*ACH************{day:%Y%m%d}",
        f"TRN*1*CATEGORIES{day:%Y%m%d}*1888888888",
        "N1*PR*PAYER OF ALL",
        "N1*PE*CLINIC*XX*1999999984",
        "LX*1",
    ]
    owed = [f"PLB*1999999984*{day.year}1231*FB:OWED*{cents / 100:.2f}"] if cents < 0 else []
    body = [*(each for claim in claims for each in claim), *owed]
    return build.encode(build.interchange(build.group(build.transaction(body, head=head))))


def claims() -> bytes:
    told = [made.claim(row.pcn) for row in ROWS]
    served = [[each.replace("20260105", f"{SERVED_ON:%Y%m%d}") for each in claim] for claim in told]
    return build.encode(made.one(*served, control="7007", on=f"{SERVED_ON:%Y%m%d}"))


def acceptance() -> bytes:
    told = [made.status(row.pcn, on=f"{SERVED_ON:%Y%m%d}", number=row.number) for row in ROWS]
    return build.encode(made.acknowledgement(*told, reference="CATEGORIES", on=f"{SERVED_ON:%Y%m%d}"))


def refusals() -> bytes:
    told = [clp(row, 0, "4", "", "*".join(row.refused[:2]), row.refused[2]) for row in ROWS]
    return remittance(REFUSED_ON, told, 0)


def answers() -> list[bytes]:
    """Return a file for each day on which payers answer."""
    told: dict[date, list[list[str]]] = defaultdict(list)
    cents: dict[date, int] = defaultdict(int)
    for row in ROWS:
        for day, paid, status, suffix, adjusted in row.answers:
            told[day].append(clp(row, paid, status, suffix, adjusted))
            cents[day] += paid
    return [remittance(day, told[day], cents[day]) for day in sorted(told)]


def put_letterhead(system: System) -> None:
    url = f"{system.url('appeals')}/v1/letterhead"
    head = {
        "name": "Clinic",
        "address_lines": ["1 Street"],
        "signatory_name": "M. Biller",
        "signatory_title": "Appeals",
        "phone": "555",
    }
    known = httpx.get(url, headers=bearer()).headers.get("etag", '"0"')
    httpx.put(url, json=head, headers={**bearer(), "If-Match": known}).raise_for_status()


@dataclass(frozen=True)
class Driven:
    refused: dict[str, dict[str, Any]]  # the cases by account number, before anybody did anything
    denials: dict[str, dict[str, Any]]
    ended: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def driven(system: System) -> Iterator[Driven]:
    """Drive all categories together, from the claims to what remains to be done after the payers' answers."""
    taken = system.take_in(claims(), acceptance(), refusals())
    assert [each["status"] for each in taken] == ["accepted"] * 3, taken
    put_letterhead(system)
    desks = {row.pcn: Desk(system, row.pcn) for row in ROWS}
    refused = {pcn: desk.case() for pcn, desk in desks.items()}
    denials = {row.pcn: system.pages("classifier", "/v1/denials", pcn=row.pcn)[0] for row in ROWS}
    for row in ROWS:
        row.act(desks[row.pcn])
    for file in answers():  # one after the other: what comes at once may be decided at once
        assert [each["status"] for each in system.take_in(file)] == ["accepted"]
    for row in ROWS:
        if row.after is not None:
            row.after(desks[row.pcn])
    system.come_to_rest()
    yield Driven(refused, denials, {pcn: desk.case() for pcn, desk in desks.items()})
    for desk in desks.values():
        desk.http.close()


def test_no_category_is_left_out() -> None:
    refused = set(CATEGORIES) - NOT_REFUSED
    assert {row.category for row in ROWS} == refused
    assert {row.category for row in ROWS if row.state == "overturned"} == refused
    assert len({row.pcn for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_refusal_of_each_category_opens_a_case_with_what_to_do_and_until_when(driven: Driven, row: Row) -> None:
    case, denial = driven.refused[row.pcn], driven.denials[row.pcn]
    assert (denial["category"], denial["denied_cents"]) == (row.category, CHARGE)
    assert (case["state"], case["category"], case["action"], case["denied_cents"]) == ("open", row.category, row.action, CHARGE)
    assert (case["deadline_is"], case["due_on"]) == (row.deadline, row.due_on.isoformat() if row.due_on else None)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_refusal_of_each_category_comes_to_its_end_with_every_cent_in_one_appeal(driven: Driven, row: Row) -> None:
    case = driven.ended[row.pcn]
    # That the payer reversed what it paid anew may be read first or last, and changes nothing then.
    steps = " ".join(each["command"] for each in case["history"] if each["command"] != "retract")
    assert (case["state"], steps) == (row.state, f"pursue {row.steps}")
    appeals = case["appeals"]
    assert tuple((each["level"] or each["action"], each["outcome"]) for each in appeals) == row.outcomes
    assert tuple(each["recovered_cents"] or 0 for each in appeals) == row.recovered
    assert sum(row.recovered) == sum(paid for _, paid, _, _, _ in row.answers)


def test_an_answer_that_refuses_again_has_a_case_that_knows_of_the_one_which_it_answers(system: System, driven: Driven) -> None:
    for row in ROWS:
        # What a contract leaves out of a payment, or a reversal takes back, is no refusal anew.
        again = [str(day) for day, _, status, _, told in row.answers if told not in ("", PRICE) and status != "22"]
        siblings = driven.ended[row.pcn]["siblings"]
        assert [each["payment_on"] for each in siblings if each["state"] == "open"] == again
        for each in siblings:
            told = system.get("appeals", f"/v1/cases/{each['case_id']}")["siblings"]
            assert driven.ended[row.pcn]["case_id"] in {other["case_id"] for other in told}


def test_what_goes_out_is_told_of_as_it_is_shown(system: System, driven: Driven) -> None:
    keys = {case["claim_key"].encode(): case for case in driven.ended.values()}
    filed = [msgspec.json.decode(each.value, type=AppealFiledV1) for each in system.records("appeal.filed") if each.key in keys]
    shown = [each for case in driven.ended.values() for each in case["appeals"]]
    assert {str(each.appeal_id) for each in filed} == {each["appeal_id"] for each in shown if each["action"] != "none"}
    assert len(filed) == len({each.appeal_id for each in filed})
    told: dict[str, AppealDecidedV1] = {}
    for each in system.records("appeal.decided"):
        if each.key in keys:
            decided = msgspec.json.decode(each.value, type=AppealDecidedV1)
            told[str(decided.appeal_id)] = max(decided, told.get(str(decided.appeal_id), decided), key=lambda one: one.revision)
    last = {key: (each.outcome, each.recovered_cents, each.category) for key, each in told.items()}
    categories = {each["appeal_id"]: case["category"] for case in driven.ended.values() for each in case["appeals"]}
    assert last == {
        each["appeal_id"]: (each["outcome"], each["recovered_cents"], categories[each["appeal_id"]])
        for each in shown
        if each["outcome"]
    }


def test_the_packet_that_recours_sent_has_its_receipt(driven: Driven) -> None:
    (appeal,) = driven.ended[ROWS[0].pcn]["appeals"]
    assert (appeal["packet_is"], appeal["delivery"], appeal["receipt"]) == (
        "built", "sent", f"appeal-{appeal['appeal_id']}.receipt.json",
    )  # fmt: skip


def test_the_four_ledgers_agree_on_these_days_to_the_cent(system: System, driven: Driven) -> None:
    for day in (REFUSED_ON, ANSWERED_ON, LATER_ON):
        of_day = [(paid, status) for row in ROWS for on, paid, status, _, _ in row.answers if on == day]
        of_day += [(0, "4") for _ in ROWS if day == REFUSED_ON]
        charge = sum(-CHARGE if status == "22" else CHARGE for _, status in of_day)
        totals = system.ledger(**{"from": str(day), "to": str(day)})["totals"]
        assert (totals["remits"], totals["charge_cents"], totals["paid_cents"]) == (
            len(of_day), charge, sum(paid for paid, _ in of_day),
        )  # fmt: skip
