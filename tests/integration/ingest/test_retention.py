"""What is past its time goes, some rows a transaction, with its entry in the audit log; what is under legal hold stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from libs.common.clock import FixedClock
from libs.common.ids import first_uuid7, uuid7
from libs.common.retention import forgetting
from libs.common.retention.forgetting import Forgetter, enter
from libs.x12.claim import Claim, Person
from services.ingest.claims.examples import PROFESSIONAL
from services.ingest.claims.identity import encoded
from services.ingest.retention import KINDS, without_patient
from tests.integration.ingest.conftest import Ingest
from tests.integration.ingest.test_deidentified import take_in
from tests.integration.ingest.test_deposits import HEAD, tell
from tests.integration.ingest.test_followups import edit, silent
from tests.support.access import bearer
from tests.unit.ingest.test_deidentified import marked

DEFAULT_DAYS = 2557


async def forget(ingest: Ingest, days: int, limit: int = 500) -> int:
    """Let the job come by so many days after everything came in."""
    later = FixedClock(datetime.now(UTC) + timedelta(days=days))
    return await Forgetter(ingest.worker_database, later, KINDS).forget(limit)


async def put(ingest: Ingest, kind: str, days: Any, tenant: str = "local") -> Any:
    return await ingest.http.put(f"/v1/retention/{kind}", json={"days": days}, headers=bearer(tenant))


async def entries(ingest: Ingest) -> list[tuple[Any, ...]]:
    query = "SELECT tenant_id, subject, object_kind, object_ids[1] FROM audit_log WHERE action = 'forget' ORDER BY entry_id"
    return [tuple(row) for row in await ingest.rows(query)]


async def test_files_and_patients_go_after_seven_years_and_the_books_stay(ingest: Ingest) -> None:
    await take_in(ingest)
    ((interchange_id,),) = await ingest.rows("SELECT interchange_id FROM interchanges")
    ((claim_id,),) = await ingest.rows("SELECT claim_id FROM claims")
    before = await ingest.get(f"/v1/claims/{claim_id}")
    assert await forget(ingest, DEFAULT_DAYS - 1) == 0
    assert await forget(ingest, DEFAULT_DAYS + 1) == 3
    assert await entries(ingest) == [
        ("local", "recours", "files", "rows:1"),
        ("local", "recours", "claim-patients", "rows:1"),
        ("local", "recours", "remit-patients", "rows:1"),
    ]
    raw = await ingest.http.get(f"/v1/interchanges/{interchange_id}/raw")
    assert (raw.status_code, raw.json()["type"]) == (410, "urn:recours:problem:bytes-forgotten")
    content = (await ingest.http.get(f"/v1/claims/{claim_id}/content")).text
    assert "G0283" in content
    for mark in ("QUAGGAFAM", "QUAGGATOWN", "QM7190551", "1913"):
        assert mark not in content
    assert await ingest.get(f"/v1/claims/{claim_id}") == before
    assert [row.segments for row in await ingest.rows("SELECT segments FROM remits")] == [None]
    assert await forget(ingest, DEFAULT_DAYS + 2) == 0, "what is gone is not counted again"
    assert len(await entries(ingest)) == 3


async def test_a_tenant_under_legal_hold_loses_nothing_and_another_what_it_said(ingest: Ingest) -> None:
    await take_in(ingest)
    await ingest.http.put("/v1/tenants/local", json={"legal_hold": True, "why": "matter 12"})
    assert await forget(ingest, 3 * DEFAULT_DAYS) == 0
    await ingest.http.put("/v1/tenants/local", json={"legal_hold": False, "why": "settled"})
    assert (await put(ingest, "files", 30)).json()["days"] == 30
    assert (await put(ingest, "claim-patients", 36_500)).status_code == 200
    assert (await put(ingest, "files", 9_000, "other")).json()["days"] == 9_000
    assert await forget(ingest, 31) == 1
    assert await forget(ingest, DEFAULT_DAYS + 1) == 1
    assert [row[2] for row in await entries(ingest)] == ["files", "remit-patients"]


async def words(ingest: Ingest) -> list[tuple[str, str]]:
    query = """
        SELECT 'deposit', reference FROM deposits UNION ALL SELECT 'followup', note FROM followups WHERE note IS NOT NULL
        UNION ALL SELECT 'history', changes ->> 'note' FROM followup_history WHERE changes ? 'note'
        UNION ALL SELECT 'match', why FROM match_history WHERE decided_by = 'person' ORDER BY 1, 2
    """
    return [tuple(row) for row in await ingest.rows(query)]


async def test_notes_and_reasons_go_when_what_they_are_about_is_over(ingest: Ingest) -> None:
    told = await silent(ingest)
    _, told = await edit(ingest, told, note="called QUAGGA", owner="ann")
    await tell(ingest, HEAD + "2026-03-02,80.00,T1,Payer,QUAGGA\n2026-03-02,81.00,T2,Payer,\n")
    for decided_by, why in (("person", "QUAGGA told us"), ("score", "claim_came")):
        await ingest.rows_of(
            "INSERT INTO match_history (tenant_id, remit_row_id, row_id, result, result_before, decided_by, who, why, at) VALUES"
            f" ('local', gen_random_uuid(), gen_random_uuid(), 'matched', 'ambiguous', '{decided_by}', 'ann', '{why}', now())",
            "local",
        )
    before = [("deposit", ""), ("deposit", "QUAGGA"), ("followup", "called QUAGGA")]
    history, match = ("history", '[null, "called QUAGGA"]'), ("match", "QUAGGA told us")
    assert await words(ingest) == [*before, history, match]
    assert await forget(ingest, DEFAULT_DAYS - 400) == 0
    gone = ("deposit", "forgotten"), ("match", "forgotten")
    await forget(ingest, DEFAULT_DAYS + 200)
    assert await words(ingest) == [before[0], gone[0], before[2], history, gone[1]], "the follow-up is open"
    told = await ingest.get(f"/v1/followups/{told['followup_id']}")
    assert (await edit(ingest, told, resolution="done"))[0] == 200
    await forget(ingest, DEFAULT_DAYS + 200)
    assert await words(ingest) == [
        before[0],
        gone[0],
        ("followup", "forgotten"),
        ("history", '["forgotten", "forgotten"]'),
        gone[1],
    ]
    shown = await ingest.get(f"/v1/followups/{told['followup_id']}")
    assert shown["note"] == "forgotten"
    assert {"field": "owner", "before": None, "after": "ann"} in shown["history"][1]["changes"], "only words go"
    assert [row[0] for row in await ingest.rows("SELECT why FROM match_history WHERE decided_by = 'score'")] == ["claim_came"]


async def test_a_step_is_some_rows_and_what_a_kill_left_undone_is_done_by_the_next(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        claim = PROFESSIONAL | {"patient_control_number": f"A-{number}"}
        assert (await ingest.http.post("/v1/claims", json=claim)).status_code == 201
    steps = []

    async def dies(*told: Any) -> None:
        steps.append(told)
        if len(steps) == 2:
            raise KeyboardInterrupt
        await enter(*told)

    with monkeypatch.context() as dying:
        dying.setattr(forgetting, "enter", dies)
        with pytest.raises(KeyboardInterrupt):
            await forget(ingest, DEFAULT_DAYS + 1, limit=1)
    assert len(await entries(ingest)) == 1
    assert await forget(ingest, DEFAULT_DAYS + 1, limit=1) == 2
    assert await entries(ingest) == [("local", "recours", "claim-patients", "rows:1")] * 3


async def test_how_long_is_said_within_bounds_and_shown(ingest: Ingest) -> None:
    told = {each["kind"]: each for each in (await ingest.get("/v1/retention"))["items"]}
    assert list(told) == ["audit-log", *(kind.name for kind in KINDS)]
    assert (told["files"]["days"], told["files"]["least_days"], told["files"]["changed_by"]) == (DEFAULT_DAYS, 30, None)
    for days in (29, 36_501, 0, -1):
        refused = await put(ingest, "files", days)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:recours:problem:bad-retention")
        assert (refused.json()["least_days"], refused.json()["most_days"]) == (30, 36_500)
    for wrong in ("30", 30.5, True):
        assert (await put(ingest, "files", wrong)).status_code == 422
    assert (await put(ingest, "nothing", 30)).status_code == 404
    narrow = bearer("local", scope="retention:read")
    assert (await ingest.http.put("/v1/retention/files", json={"days": 30}, headers=narrow)).status_code == 403
    changed = (await put(ingest, "files", 30)).json()
    assert (changed["days"], changed["default_days"], changed["changed_by"] is None) == (30, DEFAULT_DAYS, False)
    assert (await put(ingest, "files", None)).json()["days"] == DEFAULT_DAYS


def test_a_claim_without_its_patient_holds_no_mark_but_the_names_of_payers_and_codes() -> None:
    bare = without_patient(replace(marked(Claim, "QUXMARKAH"), claim_type="dental", separator="*", component=":"))
    assert (bare.subscriber, bare.patient, bare.references, bare.segments, bare.other_payers) == (Person(), None, (), (), ())
    assert all((line.references, line.segments, line.description) == ((), (), "") for line in bare.lines)
    assert encoded(bare) == encoded(without_patient(bare))


def test_ids_of_before_a_moment_are_below_its_first_and_later_ones_are_not() -> None:
    before, at = uuid7(), datetime.now(UTC)
    assert first_uuid7(at - timedelta(seconds=1)) < before < first_uuid7(at + timedelta(seconds=1))
    assert first_uuid7(at).version == 7
