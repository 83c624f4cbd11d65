"""What is fuzzed: each takes bytes as they come from outside, and may refuse them in its own words. All else is a bug.

Beside that, some hold to what was promised: a file reads alike however it is cut, what was read can be kept and told.
"""

import contextlib
import io
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import msgspec
from pydantic import ValidationError

from libs.common import telemetry
from libs.common.access import tokens
from libs.common.access.caller import Denied
from libs.common.access.keys import read_keys
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER, key_set, new_key, sign
from libs.common.contracts.appeal_decided import AppealDecidedV1
from libs.common.contracts.appeal_filed import AppealFiledV1
from libs.common.contracts.claim_acknowledged import ClaimAcknowledgedV1
from libs.common.contracts.claim_submitted import ClaimSubmittedV1
from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.contracts.records_requested import RecordsRequestedV1
from libs.common.contracts.remit_matched import RemitMatchedV1
from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.errors import Permanent
from libs.common.http import paging
from libs.common.http.json_bodies import check_json
from libs.common.http.problem import Problem
from libs.common.http.problems import field_problems
from libs.common.messaging import cloudevents
from libs.x12 import Claim, InterchangeReader, Item, Remit
from services.appeals.documents import inspector
from services.appeals.documents.naming import disposition, safe_name
from services.appeals.documents.ranges import Unsatisfiable, read_range
from services.ingest.checks.reference import FEE_SCHEDULE, HCPCS, ICD10CM, MUE_SETS, PTP_SETS, TAXONOMY
from services.ingest.claims.body import ClaimBody
from services.ingest.followups import deposits
from services.ingest.reference.broken import BrokenTable
from services.ingest.reference.formats import read_rows
from services.ingest.reference.quarter import Quarter

Target = Callable[[bytes], None]
_TODAY: Final = date(2026, 11, 29)
_EVENTS: Final = tuple(
    msgspec.json.Decoder(each)
    for each in (
        AppealDecidedV1,
        AppealFiledV1,
        ClaimAcknowledgedV1,
        ClaimSubmittedV1,
        DenialClassifiedV1,
        RecordsRequestedV1,
        RemitMatchedV1,
        RemitReceivedV1,
    )
)
_TABLES: Final = (ICD10CM, HCPCS, TAXONOMY, FEE_SCHEDULE, min(PTP_SETS), min(MUE_SETS))
_KEY: Final = new_key()
_HELD: Final = next(iter(read_keys(key_set(_KEY)).values()))


def x12(sent: bytes) -> None:
    """Every reader: which one it is, the file says. Cut in two, it reads alike."""
    whole = _read(sent)
    assert whole == _read(sent[: len(sent) // 2], sent[len(sent) // 2 :])
    for item in whole:
        if isinstance(item, Remit | Claim):
            msgspec.json.encode(item)


def _read(*pieces: bytes) -> list[Item]:
    reader = InterchangeReader()
    items = [item for piece in pieces for item in reader.feed(piece)]
    return [*items, *reader.close()]


def json_bodies(sent: bytes) -> None:
    """JSON as it is let in, and the largest body that is made of it."""
    try:
        check_json(sent)
    except Problem:
        return
    try:
        ClaimBody.model_validate_json(sent).to_claim()
    except ValidationError as error:
        field_problems(error.errors(include_input=False), set())


def events(sent: bytes) -> None:
    """A record as a broker gives it: headers first, a line each, then the value."""
    head, _, value = sent.partition(b"\n\n")
    lines = (line.partition(b":") for line in head.split(b"\n"))
    headers = [(name.decode("latin-1"), told) for name, _, told in lines]
    key = next((told for name, told in headers if name == "ce_partitionkey"), None)
    try:
        attributes = cloudevents.read_attributes(headers)
    except Permanent:
        return
    for decoder in _EVENTS:
        try:
            cloudevents.receive(attributes, key, value, decoder)
        except Permanent:
            continue


def jwt(sent: bytes) -> None:
    """A token as it was sent, and one whose claims are what was sent, signed by a key that we trust."""
    told = sent.decode("latin-1")
    for token in (told, _signed(sent)):
        try:
            issuer, _ = tokens.peek(token)
            caller = tokens.read(token, _HELD, issuer, AUDIENCE, 1_790_000_000)
        except Denied:
            continue
        assert caller.tenant_id
        assert token != told or issuer == LOCAL_ISSUER


def _signed(sent: bytes) -> str:
    try:
        claims = msgspec.json.decode(sent, type=dict[str, msgspec.Raw])
        return sign(_KEY, {name: msgspec.json.decode(raw) for name, raw in claims.items()})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, TypeError, OverflowError):
        return ""


def uploads(sent: bytes) -> None:
    """A document, opened as the inspector does."""
    try:
        inspector.look(io.BytesIO(sent))
    except (inspector.Refused, MemoryError, RecursionError):
        return


def tables(sent: bytes) -> None:
    """Deposits and reference tables, in all their forms."""
    lines = sent.splitlines(keepends=True)
    with contextlib.suppress(deposits.BadHeader):
        list(deposits.read_csv(lines, _TODAY))
    list(deposits.read_json(lines, _TODAY))
    text = sent.decode("utf-8", "replace")
    for name in _TABLES:
        try:
            for _ in read_rows(name, io.StringIO(text, newline=""), Quarter(2026, 4)):
                pass
        except BrokenTable:
            continue


def texts(sent: bytes) -> None:
    """The small texts of a request: a cursor, a range, a file's name, a trace's parent."""
    told = sent.decode("latin-1")
    for read in (paging.read_id_cursor, paging.read_number_cursor, paging.read_change_cursor):
        with contextlib.suppress(Problem):
            read(told, "local", {})
    with contextlib.suppress(Unsatisfiable):
        read_range(told, None, '"etag"', 1000)
    name = safe_name(sent.decode("utf-8", "replace"), "application/pdf")
    assert "/" not in name
    assert "\\" not in name
    assert name.endswith(".pdf")
    assert name.strip(".") == name
    disposition(name).encode("latin-1")
    telemetry.context_of(told)


TARGETS: Final[Mapping[str, Target]] = {each.__name__: each for each in (x12, json_bodies, events, jwt, uploads, tables, texts)}
