"""A patient with marks in place of a name, a birth date, an address and a number goes through all of it and shows nowhere outside.

Each mark is a word that stands nowhere else. What is looked through: the logs of all processes, the spans that they export, every
record of every topic with its headers, every row of every table as the database holds it, and the bytes beside the database.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local import provision
from deploy.local.layout import SERVICES
from services.ingest.claims.examples import PROFESSIONAL
from tests.e2e.points import PointReceiver
from tests.e2e.spans import SpanReceiver
from tests.support import papers
from tests.support.access import bearer
from tests.support.scraping import PROCESSES, address
from tests.support.system import System
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode, one

PCN, PCN_OF_FILE = "CANARY1", "CANARY2"
FAMILY, GIVEN, STREET, CITY = "QUAGGAFAM", "QUAGGAGIV", "71 QUAGGASTREET", "QUAGGATOWN"
MEMBER, BORN = "QM7190551", "1913-11-29"
FILE_NAME = "quaggafile.pdf"
IN_DOCUMENT = "quaggapage"
MARKS = [FAMILY, GIVEN, "QUAGGASTREET", CITY, MEMBER, BORN, "19131129", "quaggafile", IN_DOCUMENT]
REMIT = (
    f"CLP*{PCN}*4*230.5*0**12*ICNCANARY1*11*1",
    f"NM1*QC*1*{FAMILY}*{GIVEN}****MI*{MEMBER}",
    f"NM1*IL*1*{FAMILY}*{GIVEN}****MI*{MEMBER}",
    "SVC*HC:G0283:GP*230.5*0**1",
    "DTM*472*20261012",
    "CAS*CO*197*230.5",
)
PAYMENT = ("BPR*H*0*C*NON************20261110", "TRN*1*CANARYTRACE*1999999999", "N1*PR*PAYER", "N1*PE*CLINIC*XX*1999999984", "LX*1")
HEAD = {
    "name": "Sample Clinic",
    "address_lines": ["1 Example Square"],
    "signatory_name": "Sam Pell",
    "signatory_title": "Biller",
} | {"phone": "5555550100"}
TOLD = {"clinical_summary": "Twelve weeks of therapy had failed.", "authorization_circumstances": "It could not wait."}


def claim() -> dict[str, Any]:
    address = {"line_1": STREET, "city": CITY, "state": "NY", "postal_code": "100010001"}
    patient = {"last_name": FAMILY, "first_name": GIVEN, "member_id": MEMBER, "birth_on": BORN, "address": address}
    subscriber = PROFESSIONAL["subscriber"] | patient
    return PROFESSIONAL | {"patient_control_number": PCN, "subscriber": subscriber}


def marked_file(segments: list[str]) -> bytes:
    """Return a file of a test with the marks in place of its patient."""
    told = []
    for segment in segments:
        told.append(
            segment.replace("FAMILY*GIVEN", f"{FAMILY}*{GIVEN}").replace("*MI*M1", f"*MI*{MEMBER}").replace("MEMBER1", MEMBER)
        )
        if segment.startswith("NM1*IL"):
            told += [f"N3*{STREET}", f"N4*{CITY}*NY*100010001"]
    return encode([segment.replace("DMG*D8*19610203", "DMG*D8*19131129") for segment in told])


class Marked:
    """The system after a marked patient went through it."""

    def __init__(self, system: System, spans: SpanReceiver, points: PointReceiver) -> None:
        self.system, self.spans, self.points = system, spans, points
        self.refused: list[httpx.Response] = []
        self.http = httpx.Client(headers=bearer(), timeout=120)

    def ask(self, service: str, method: str, path: str, **told: Any) -> httpx.Response:
        answer = self.http.request(method, self.system.url(service) + path, **told)
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer

    def refuse(self, service: str, method: str, path: str, **told: Any) -> None:
        answer = self.http.request(method, self.system.url(service) + path, **told)
        assert answer.is_client_error, (path, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        self.refused.append(answer)

    def go_through(self) -> None:
        """Send the claim and its refusal, appeal it with a document and a letter, and send what is refused for what it holds."""
        self.ask("ingest", "POST", "/v1/claims", json=claim())
        content = self.ask("ingest", "GET", f"/v1/claims/{self.claim_id()}/content").text
        assert all(mark in content for mark in (FAMILY, MEMBER, BORN)), "the marks are those that the claim holds"
        deposit = {"deposited_on": "2026-10-12", "amount": "1.00", "trace_number": "T1", "payer": "PAYER", "reference": FAMILY}
        self.ask("ingest", "POST", "/v1/deposits", json=[deposit])
        self.system.take_in(encode(one(*REMIT, head=PAYMENT)))
        (case,) = self.system.pages("appeals", "/v1/cases", pcn=PCN)
        self.send_files()
        path = f"/v1/cases/{case['case_id']}"
        form = {"file": (FILE_NAME, papers.pdf(2) + f"\n%{IN_DOCUMENT}\n".encode(), "application/pdf")}
        self.ask("appeals", "POST", f"{path}/documents", files=form, data={"kind": "medical_records"})
        self.ask("appeals", "PUT", "/v1/letterhead", json=HEAD, headers={"If-Match": '"0"'})
        letter = self.ask("appeals", "POST", f"{path}/letter", json={"values": TOLD})
        assert FAMILY.lower() in letter.text.lower(), "the letter names the patient"
        self.refuse("ingest", "POST", "/v1/claims", json=claim() | {"charge_cents": FAMILY, FAMILY: MEMBER})
        self.refuse("ingest", "GET", "/v1/claims", params={"from": MEMBER})
        self.refuse("ingest", "POST", "/v1/interchanges", content=f"{FAMILY}*{MEMBER}".encode())
        self.refuse("appeals", "GET", f"/v1/cases/{FAMILY}")
        self.refuse("appeals", "POST", f"{path}/comments", json={FAMILY: MEMBER})
        self.system.come_to_rest()

    def send_files(self) -> None:
        """Send a claim as an 837 too, what a front door answers to it, and a payer's request for records, each with the patient."""
        claims = marked_file(made.one(made.claim(PCN_OF_FILE, more=(f"NTE*ADD*{FAMILY} SAID SO",))))
        answers = marked_file(made.acknowledgement(made.status(PCN_OF_FILE, "A7:164:IL")))
        requests = marked_file(made.records_request(made.asks(PCN, trace="ICNCANARY1", number="ICNCANARY1")))
        assert all(FAMILY.encode() in each for each in (claims, answers, requests)), "each of them names the patient"
        told = self.system.take_in(claims, answers, requests)
        assert [each["status"] for each in told] == ["accepted"] * 3
        assert self.system.pages("appeals", "/v1/records-requests")
        assert self.system.pages("ingest", "/v1/claims", pcn=PCN_OF_FILE)

    def deidentified(self) -> Iterator[tuple[str, bytes]]:
        for what in ("claim-lines", "adjudications"):
            for form in ("csv", "parquet"):
                told = self.ask("ingest", "GET", f"/v1/deidentified/{what}", params={"format": form})
                yield f"{what}.{form}", told.content
                if form == "csv":
                    assert len(told.text.splitlines()) > 1, "there is something in it"
                    assert PCN not in told.text

    def metrics(self) -> Iterator[tuple[str, bytes]]:
        """Yield what each process tells of itself: what a scraper gets and what was sent by OTLP, names, labels and values."""
        for process in PROCESSES:
            yield process, httpx.get(f"http://{address(self.system, process)}/metrics", timeout=60).content
        yield from (("OTLP", raw) for raw in self.points.raw)
        for service in SERVICES:
            for path in ("/livez", "/readyz", "/v1/outbox", "/v1/ledger", "/v1/dead-letters"):
                yield f"{service}{path}", self.http.get(self.system.url(service) + path).content

    def claim_id(self) -> str:
        (item,) = self.system.pages("ingest", "/v1/claims", pcn=PCN)
        return str(item["claim_id"])

    def logs(self) -> Iterator[tuple[str, bytes]]:
        for path in (self.system.stack.folder / "logs").glob("*"):
            yield path.name, path.read_bytes()

    def topics(self) -> Iterator[tuple[str, bytes]]:
        for topic in provision.wanted_topics():
            for record in self.system.records(topic):
                headers = b"".join(name.encode() + value for name, value in record.headers)
                yield topic, (record.key or b"") + (record.value or b"") + headers

    def tables(self) -> Iterator[tuple[str, bytes]]:
        """Yield each row of each table as text; bytes come as hexadecimal, which is turned back."""
        kinds = "relkind IN ('r', 'p') AND NOT relispartition"
        query = f"SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND {kinds}"
        for service in SERVICES:
            for (table,) in self.system.rows(service, query):
                if table in OWN_WORDS:
                    continue
                for (row,) in self.system.rows(service, f'SELECT to_jsonb(t)::text FROM "{table}" t'):
                    yield f"{service}.{table}", row.encode()
                    for value in json.loads(row).values():
                        if isinstance(value, str) and value.startswith("\\x"):
                            yield f"{service}.{table}", bytes.fromhex(value[2:])

    def objects(self) -> Iterator[tuple[str, bytes]]:
        for folder in ("documents", "packets"):
            for path in (self.system.stack.folder / folder).rglob("*"):
                if path.is_file():
                    yield path.as_posix(), path.read_bytes()


# What a person or a bank wrote is theirs: words are not sealed (docs/privacy.md), and a bank's reference is one.
OWN_WORDS = {"deposits", "alembic_version"}


def showing(found: Iterator[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    """Return where a mark stands, however it is spelled, with what stands before it."""
    marks = [mark.lower().encode() for mark in MARKS]
    seen, places = 0, set()
    for place, raw in found:
        seen += 1
        for mark in marks:
            if mark in raw.lower():
                at = raw.lower().index(mark)
                places.add((place, raw[max(0, at - 40) : at + len(mark)]))
    assert seen, "there was nothing to look through"
    return places


@pytest.fixture(scope="module")
def marked(system: System, spans: SpanReceiver, points: PointReceiver) -> Marked:
    made = Marked(system, spans, points)
    made.go_through()
    return made


@pytest.mark.parametrize("where", ["logs", "topics", "tables", "objects", "deidentified", "metrics"])
def test_no_mark_of_a_patient_shows(marked: Marked, where: str) -> None:
    assert showing(getattr(marked, where)()) == set()


def test_no_mark_of_a_patient_shows_in_a_span_or_a_problem(marked: Marked) -> None:
    assert showing(("a span", raw) for raw in marked.spans.raw) == set()
    assert showing((answer.request.url.path, answer.content + str(answer.headers).encode()) for answer in marked.refused) == set()


def test_a_mark_that_shows_is_seen(tmp_path: Path) -> None:
    told = json.dumps({"event": "interchange_read", "patient": FAMILY.title()}).encode()
    assert {place for place, _ in showing(iter([("log", told), ("other", b"nothing")]))} == {"log"}
