"""What fuzzing begins with beside the corpus: sound inputs of each kind, from our own examples."""

import json
from collections.abc import Mapping
from typing import Final

from deploy.docs.schemas import EVENTS
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER, new_key, sign
from libs.common.http.paging import write_cursor
from libs.common.ids import uuid7
from services.ingest.claims.examples import PROFESSIONAL
from services.ingest.example import REMITTANCE
from tests.support import papers
from tests.unit.x12 import build, build_claims

_CLAIMS: Final = {
    "iss": LOCAL_ISSUER,
    "aud": AUDIENCE,
    "sub": "biller",
    "tenant": "local",
    "iat": 1_789_999_000,
    "exp": 1_790_003_600,
    "jti": "a",
    "scope": "claims:read",
    "roles": ["biller"],
}
_PARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _attributes(type_: str) -> bytes:
    told = {"specversion": "1.0", "id": uuid7(), "source": "recours/ingest", "type": type_, "tenantid": "local", "sequence": 1}
    told |= {"correlationid": "a", "partitionkey": uuid7()}
    return "\n".join([*(f"ce_{name}:{value}" for name, value in told.items()), f"traceparent:{_PARENT}", "\n"]).encode()


def seeds() -> Mapping[str, list[bytes]]:
    """Return the inputs by target."""
    return {
        "x12": _x12(),
        "json_bodies": [json.dumps(PROFESSIONAL).encode(), b"[1, 2.5e3, true, null, {}]", b'"\\ud83d\\ude00"'],
        "events": [
            _attributes(event.type_name) + event.examples()[0].read_bytes()
            for event in EVENTS
            if event.producer
        ],
        "jwt": [json.dumps(_CLAIMS).encode(), sign(new_key(), _CLAIMS).encode(), b'{"iss": "a", "exp": 1e300, "aud": ["b"]}'],
        "uploads": [
            papers.pdf(1), papers.pdf_with("web_link"), papers.pdf_with("javascript"), papers.image("PNG"), papers.image("JPEG"),
            papers.image("TIFF", frames=2), papers.docx(), "Résumé\n".encode(),
        ],
        "tables": [
            b"deposited_on,amount,trace_number,payer,reference\n2026-11-02,96.00,EFT1,PLAN,A\n",
            b'{"deposited_on": "2026-11-02", "amount": "96.00"}\n',
            b"00001 A000    1 Sample" + b" " * 80 + b"\n",
            b"Code,Grouping,Classification,Specialization\n207Q00000X,a,b,c\n",
            b"G0283\tA4253\t\t20260101\t*\t0\t1\n",
        ],
        "texts": [write_cursor(str(uuid7()), "local", {}).encode(), b"bytes=0-99", b"../../scan.pdf", _PARENT.encode()],
    }  # fmt: skip


def _x12() -> list[bytes]:
    files = [
        build.one(),
        build_claims.one(build_claims.claim(), build_claims.claim("B", lines=2)),
        build_claims.acknowledgement(build_claims.status()),
        build_claims.set_answers(["AK1*HC*1", "AK2*837*0001", "IK5*A"]),
        build_claims.records_request(build_claims.asks()),
    ]
    return [REMITTANCE.encode(), *(build.encode(each) for each in files)]
